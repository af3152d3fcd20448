"""The reference has a heading or a row for everything there is, and for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clockwright.audit.actions import Action, Category, Result
from clockwright.engine import events
from clockwright.engine.backfill import Action as BackfillAction
from clockwright.engine.backfill import BackfillReason, BackfillState
from clockwright.engine.model import (
    FINAL_STATES,
    CatchUp,
    Overlap,
    Policy,
    Reason,
    RunState,
    ScheduleStatus,
    Trigger,
)
from tests.docs.markdown import ROOT, Page, code_in, page, pages

SRC = ROOT / "src" / "clockwright"
STATES = page("docs/reference/states-and-reasons.md")


def first_words(page: Page, heading: str | None = None) -> list[str]:
    """The code of each row's first cell."""
    return [word for row in page.rows(heading) for word in code_in(row[0])]


def sources(*, without: str = "") -> str:
    paths = [path for path in sorted(SRC.rglob("*.py")) if not (without and path.match(without))]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (RunState, "Run states"),
        (Reason, "Reasons"),
        (Trigger, "Triggers"),
        (ScheduleStatus, "Schedule states"),
        (CatchUp, "Catch-up"),
        (Overlap, "Overlap"),
        (BackfillState, "Backfill states"),
        (BackfillReason, "Backfill reasons"),
        (BackfillAction, "Backfill actions"),
    ],
)
def test_every_word_of_a_closed_set_has_its_row(kind, heading):
    assert first_words(STATES, heading) == [member.value for member in kind]


def test_the_final_states_are_marked_so():
    marked = {code_in(row[0])[0] for row in STATES.rows("Run states") if row[1] == "yes"}
    assert marked == {state.value for state in FINAL_STATES}


def test_the_defaults_of_policies_are_the_ones_that_are_told():
    told = {code_in(row[0])[0]: row[1] for row in STATES.rows("Retries")}
    assert told["max_retries"] == str(Policy().max_retries)
    assert told["retry_backoff_seconds"] == f"{Policy().retry_backoff.total_seconds():g}"
    defaults = {
        section: [code_in(row[0])[0] for row in STATES.rows(section) if "The default" in row[1]]
        for section in ("Catch-up", "Overlap")
    }
    assert defaults == {"Catch-up": [Policy().catch_up.value], "Overlap": [Policy().overlap.value]}


def test_every_audit_action_has_its_row_and_reserved_ones_are_used_nowhere():
    logs = page("docs/reference/events-and-logs.md")
    rows = {code_in(row[0])[0]: row for row in logs.rows("Actions")}
    assert list(rows) == [action.value for action in Action]
    elsewhere = sources(without="audit/actions.py")
    used = {a.value for a in Action if re.search(rf'Action\.{a.name}\b|"{a.value}"', elsewhere)}
    reserved = {name for name, row in rows.items() if row[3] == "reserved"}
    assert reserved == set(rows) - used
    assert first_words(logs, "Categories") == [category.value for category in Category]
    assert {result.value for result in Result} <= set(code_in(logs.section("The log line")))


def test_every_engine_event_has_its_row():
    kinds = {kind.__name__ for kind in events.Event.__subclasses__()}
    logs = page("docs/reference/events-and-logs.md")
    assert set(first_words(logs, "Engine events")) == kinds


READERS = (
    r"""(?:environ\.get|environ\[|flag|words|_choice|getenv)\(?\s*["']([A-Z][A-Z_]+)["']""",
    r"""envvar=["']([A-Z_]+)["']""",
    r"""read\.\w+\(\s*["']([A-Z][A-Z_]+)["']""",
    r"""^COMMUNITY = ["']([A-Z_]+)["']""",
)
NOT_OURS = {"DJANGO_SETTINGS_MODULE", "RUN_MAIN", "SERVER_SOFTWARE"}
"""Variables of Django and of web servers, which are only looked at."""


def test_every_environment_variable_has_its_heading():
    text = sources(without="testing/*")
    found = {name for reader in READERS for name in re.findall(reader, text, re.MULTILINE)}
    settings = page("docs/reference/settings.md")
    headings = {heading for level, heading in settings.headings if level == 3}
    assert headings == found - NOT_OURS


def test_every_key_of_the_host_s_dictionary_stands_with_its_variable():
    text = (SRC / "schedules" / "conf.py").read_text(encoding="utf-8")
    pairs = re.findall(r"""\w+\(\s*["']([A-Z][A-Z_]+)["'],\s*["']([A-Z_]+)["']""", text)
    settings = page("docs/reference/settings.md")
    assert len(pairs) >= 10
    for variable, key in pairs:
        assert f"Key `{key}`" in settings.section(variable), (variable, key)


def test_every_column_has_its_row():
    from django.apps import apps

    database = page("docs/reference/database.md")
    models = [m for m in apps.get_models() if m.__module__.startswith("clockwright.")]
    assert len(models) >= 8
    for model in models:
        table = model._meta.db_table
        columns = {field.column for field in model._meta.concrete_fields}
        assert set(first_words(database, table)) == columns, table
        if table == "workflow_schedules":
            names = {index.name for index in model._meta.indexes if index.name.startswith("idx_")}
            assert names <= set(code_in(database.section(table)))


def leaves(command, path: str = "clockwright"):
    """Each command that does something, with its full name."""
    if hasattr(command, "commands"):
        for name, sub in command.commands.items():
            yield from leaves(sub, f"{path} {name}")
    else:
        yield path, command


def test_every_command_and_option_is_told():
    from typer.main import get_command

    from clockwright.server.cli.app import app

    cli, root = page("docs/reference/cli.md"), get_command(app)
    commands = dict(leaves(root))
    headings = {heading for level, heading in cli.headings if level == 3}
    assert headings == set(commands)
    for name, command in [*commands.items(), ("For every command", root)]:
        told = {option for row in cli.rows(name) for option in code_in(row[0])}
        options = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option.startswith("--")
        }
        named = {word.split()[0].split("=")[0] for word in told if word.startswith("--")}
        assert named - {"--help"} == options - {"--help"}, name


def test_the_exit_codes_are_told():
    from clockwright.server.errors import Exit

    told = {int(code_in(row[0])[0]) for row in page("docs/reference/cli.md").rows("Exit codes")}
    assert told == {int(code) for code in Exit}


def test_every_endpoint_has_its_heading_and_every_role_is_right():
    from clockwright.api import openapi_document

    api = page("docs/reference/api.md")
    document = openapi_document()
    operations = {
        f"{method.upper()} {path.rstrip('/')}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    headings = {heading for level, heading in api.headings if level == 3}
    assert headings == set(operations)
    for name, operation in operations.items():
        wanted = (
            f"`{operation.get('x-needs-role', 'viewer')}`" if operation.get("security") else "none"
        )
        assert f"Role: {wanted}." in api.section(name), (name, wanted)
        told = {word for row in api.rows(name) for word in code_in(row[0])}
        asked = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"}
        assert asked <= told, name


def test_every_kind_of_problem_has_its_row():
    kinds = set(re.findall(r'kind="([a-z-]+)"', sources()))
    kinds |= set(re.findall(r'HTTPStatus\.\w+: \("([a-z-]+)"', sources()))
    told = first_words(page("docs/reference/api.md"), "Errors")
    assert kinds == {word.removeprefix("urn:clockwright:problem:") for word in told}


def test_every_key_of_schedule_config_has_its_heading():
    from clockwright.schedules.specs import KNOWN_KEYS

    config = page("docs/reference/schedule-config.md")
    assert {heading for level, heading in config.headings if level == 3} == KNOWN_KEYS


def test_every_metric_has_its_row(reader):
    from clockwright.server.metrics import exposition

    found = re.findall(r"^# TYPE (clockwright_\w+)", exposition().decode(), re.MULTILINE)
    told = first_words(page("docs/reference/api.md"), "Metrics")
    assert set(told) == {name for name in found if not name.endswith("_created")}


def test_the_files_that_the_docs_name_exist():
    looks_like_a_path = re.compile(r"(src|tests|docs|tools|engine|schedules)/[\w/.-]+")
    named = {
        path for one in pages() for path in code_in(one.prose) if looks_like_a_path.fullmatch(path)
    }
    assert {
        path for path in named if not ((ROOT / path).exists() or (SRC / path).exists())
    } == set()


def test_the_readme_shows_what_make_run_prints():
    demo = (SRC / "server" / "demo.py").read_text(encoding="utf-8")
    (shown,) = (block.text for block in page("README.md").of("text"))
    printed = (ROOT / "docs" / "images" / "make-run.txt").read_text(encoding="utf-8")
    whole = [line.rstrip() for line in printed.splitlines()]
    assert shown.splitlines() == whole[: len(shown.splitlines())]
    for words in ("Clockwright is running. What it will do:", "(signs you in once, ", "Runs, as "):
        assert words in demo
        assert words in shown
    for column in filter(None, shown.splitlines()[2].split("  ")):
        assert column.strip() in demo


def test_python_versions_of_the_docs_are_the_supported_ones():
    text = Path(ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11"' in text
    assert "Python 3.11 or newer" in page("CONTRIBUTING.md").text
