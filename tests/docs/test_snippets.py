"""Every fenced block of the documentation is run or checked (issue 2 point 9)."""

from __future__ import annotations

import json
import re
import textwrap
import tomllib

import pytest

from tests.docs.console import Session, commands
from tests.docs.markdown import ROOT, Page, pages
from tests.docs.not_run import NOT_RUN

PAGES = pages()
LANGUAGES = {"python", "console", "json", "toml", "sql", "text", "mermaid"}
NEEDS_TABLES = re.compile(r"django|clockwright\.(schedules|access|audit|workflows|embed)")
DIAGRAMS = ("flowchart", "sequenceDiagram", "stateDiagram-v2")


def with_blocks(*languages: str) -> list[Page]:
    return [page for page in PAGES if page.of(*languages)]


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_every_block_says_what_it_is(page):
    for block in page.blocks:
        assert block.language in LANGUAGES, (
            f"{page.name}:{block.line}: a block is one of {', '.join(sorted(LANGUAGES))}"
        )


@pytest.mark.parametrize("page", with_blocks("python"), ids=repr)
def test_the_python_of_a_page_runs(page, own_registry, tmp_path, monkeypatch, request):
    monkeypatch.chdir(tmp_path)
    run = [block for block in page.of("python") if "file" not in block.options]
    if any(NEEDS_TABLES.search(block.text) for block in run):
        request.getfixturevalue("reader")
    namespace: dict[str, object] = {"__name__": "a_page"}
    for block in page.of("python"):
        where = f"{page.name}:{block.line}"
        if "file" in block.options:
            file = ROOT / block.options["file"]
            assert file.is_file(), f"{where}: {file} does not exist"
            text = file.read_text(encoding="utf-8")
            shown = textwrap.dedent(block.text).strip()
            assert shown in text or shown in textwrap.dedent(text), f"{where}: is not in {file.name}"
            continue
        padding = "\n" * (block.line - 1)  # so that a traceback names the page's own line
        exec(compile(padding + block.text, page.name, "exec", dont_inherit=True), namespace)  # noqa: S102


@pytest.mark.parametrize("page", with_blocks("console"), ids=repr)
def test_the_commands_of_a_page_do_what_it_shows(page, reader, request):
    typed = [command for block in page.of("console") for command in commands(block.text)]
    asks = any("http://127.0.0.1:8000" in command.text for command in typed if command.is_run)
    waits = any(command.text.startswith("clockwright serve") for command in typed)
    session = Session(request.getfixturevalue("server") if asks or waits else None)
    for command in typed:
        if command.is_run:
            session.check(command)


def test_the_list_of_commands_that_are_not_run_only_shrinks():
    used = {
        command.excuse
        for page in PAGES
        for block in page.of("console")
        for command in commands(block.text)
    }
    assert set(NOT_RUN) <= used, "no page has these any more: remove them from tests/docs/not_run.py"


@pytest.mark.parametrize("page", with_blocks("json", "toml", "mermaid"), ids=repr)
def test_data_parses(page):
    for block in page.of("json"):
        json.loads(block.text)
    for block in page.of("toml"):
        tomllib.loads(block.text)
    for block in page.of("mermaid"):
        assert block.text.startswith(DIAGRAMS), f"{page.name}:{block.line}"


@pytest.mark.parametrize("page", with_blocks("sql"), ids=repr)
def test_queries_are_answered(page, reader):
    from django.db import connection

    for block in page.of("sql"):
        for query in filter(str.strip, re.sub(r"--.*", "", block.text).split(";")):
            with connection.cursor() as cursor:
                cursor.execute(query)
                cursor.fetchall()
