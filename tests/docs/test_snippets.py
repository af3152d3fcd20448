"""Every fenced block of the documentation is run or checked."""

from __future__ import annotations

import json
import re
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


def needs_tables(page: Page) -> bool:
    return any(NEEDS_TABLES.search(block.text) for block in page.of("python") if not block.options)


PURE = [page for page in with_blocks("python") if not needs_tables(page)]
WITH_TABLES = [page for page in with_blocks("python") if needs_tables(page)]


@pytest.mark.parametrize("page", PURE, ids=repr)
def test_the_python_of_a_page_runs_without_tables(page, own_registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_python(page)


@pytest.mark.parametrize("page", WITH_TABLES, ids=repr)
def test_the_python_of_a_page_runs(page, reader):
    run_python(page)


def run_python(page: Page) -> None:
    """All blocks in order, in one namespace; those that show a file are compared with it."""
    namespace: dict[str, object] = {"__name__": "a_page"}
    for block in page.of("python"):
        where = f"{page.name}:{block.line}"
        if "file" in block.options:
            file = ROOT / block.options["file"]
            assert file.is_file(), f"{where}: {file} does not exist"
            assert _is_part(block.text, file.read_text(encoding="utf-8")), f"{where}: not in {file}"
            continue
        padding = "\n" * (block.line - 1)  # so that a traceback names the page's own line
        exec(compile(padding + block.text, page.name, "exec", dont_inherit=True), namespace)


def _is_part(shown: str, whole: str) -> bool:
    """Whether some lines are in a file one after the other, whatever their indentation."""
    wanted, lines = (
        [line.strip() for line in text.strip().splitlines()] for text in (shown, whole)
    )
    starts = range(len(lines) - len(wanted) + 1)
    return bool(wanted) and any(lines[at : at + len(wanted)] == wanted for at in starts)


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
    assert set(NOT_RUN) <= used, (
        "no page has these any more: remove them from tests/docs/not_run.py"
    )


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
