"""The set-up works on a bare machine: standard library only, everything pinned, nothing named twice."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import dev

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def requirements():
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [*project["dependencies"], *extras, *PROJECT["dependency-groups"]["dev"]]


@pytest.mark.parametrize("line", requirements())
def test_the_lock_has_every_requirement_in_a_version_that_fits(line):
    wanted = Requirement(line)
    pinned = re.findall(rf"^{re.escape(wanted.name)}==(\S+)", LOCK, re.MULTILINE)
    assert pinned, f"{wanted.name} is not locked: make lock"
    assert all(wanted.specifier.contains(version) for version in pinned)


def test_everything_in_the_lock_is_pinned_by_hash():
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE | re.IGNORECASE)
    packages = [entry for entry in entries if "==" in entry.split("\n")[0]]
    assert len(packages) > 50
    assert [entry.split()[0] for entry in packages if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_place_to_fetch_from():
    assert re.findall(r"https?://\S+|--(?:extra-)?index|--find-links|file:\S+", LOCK) == []


def test_the_tools_need_only_the_standard_library():
    imported = {
        name.partition(".")[0]
        for path in (ROOT / "tools").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - sys.stdlib_module_names == {"tools"}


def test_an_old_python_can_read_the_file_that_tells_it_so():
    ast.parse((ROOT / "tools" / "dev.py").read_text(), feature_version=(3, 8))


def test_make_and_dev_offer_the_same_commands():
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets.split() == list(dev.COMMANDS)


def test_the_supported_pythons_are_told_once():
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert PROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py311"
