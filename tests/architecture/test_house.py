"""Rules of the house that no linter knows, read off the source itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "clockwright"

MAY_ASK_THE_TIME = {
    "engine/clock.py",  # the clock
    "engine/ids.py",  # the timestamp in an id only sorts ids; nothing is decided by it
}
ASKING_THE_TIME = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "timezone": {"now", "localtime", "localdate"},
    "time": {"time", "time_ns", "localtime", "gmtime"},
}
MAY_TOUCH_MODELS = {
    "admin", "managers", "migrations", "models", "querysets", "receivers", "selectors", "services",
    "store", "stores",
}  # fmt: skip
STORED_DATA_AS_CODE = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle"}


def modules():
    return sorted(SOURCE.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def running_nodes(tree: ast.AST):
    """Every node but those that only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from running_nodes(node)


def test_only_the_clock_asks_what_time_it_is():
    found = [
        f"{named(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in modules()
        if named(path) not in MAY_ASK_THE_TIME
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in ASKING_THE_TIME.get(ast.unparse(node.value).rpartition(".")[2], ())
    ]
    assert found == []


def test_models_are_touched_only_by_stores_services_selectors_and_admin():
    found = [
        f"{named(path)}:{node.lineno}"
        for path in modules()
        if not MAY_TOUCH_MODELS & {path.stem, *path.relative_to(SOURCE).parts}
        for node in running_nodes(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("clockwright.")
        and ("models" in (node.module or "").split(".") or "models" in [a.name for a in node.names])
    ]
    assert found == []


def test_stored_data_is_never_code():
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"eval", "exec", "compile"}:
                found.append(f"{named(path)}:{node.lineno}: {ast.unparse(node.func)}")
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.partition(".")[0] for alias in node.names}
                names.add((getattr(node, "module", None) or "").partition(".")[0])
                found += [f"{named(path)}:{node.lineno}: {n}" for n in names & STORED_DATA_AS_CODE]
    assert found == []


@pytest.mark.parametrize("tree", ["src", "tests", "tools"])
def test_no_test_is_switched_off_in_passing(tree):
    """Skips are listed in tests/skips.json; a module that skips itself would not be counted."""
    spelled = ("importor" + "skip", "allow_module" + "_level", "collect_" + "ignore")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / tree).rglob("*.py"))
        if any(word in path.read_text() for word in spelled)
    ]
    assert found == []
