"""The size ratchet bites, and its exceptions only shrink."""

from __future__ import annotations

import json

import pytest

from tools import ratchet

LONG = "def long():\n" + "    x = 1\n" * 45
WIDE = "class A:\n    def wide(self, a, b, c, *, d, e, f, g): ...\n"


@pytest.fixture
def tree(tmp_path):
    def make(text: str, exceptions: dict[str, dict[str, int]]):
        (tmp_path / "src").mkdir()
        (tmp_path / "tools").mkdir()
        (tmp_path / "src" / "a.py").write_text(text)
        (tmp_path / "tools" / "ratchet.json").write_text(json.dumps(exceptions))
        return ratchet.check(tmp_path)

    return make


def test_a_long_function_is_named(tree):
    assert tree(LONG, {}) == ["src/a.py::long: 46 lines, at most 40 allowed"]


def test_parameters_are_counted_without_self(tree):
    assert tree(WIDE, {}) == ["src/a.py::A.wide: 7 parameters, at most 6 allowed"]


def test_a_long_file_is_named(tree):
    assert tree("x = 1\n" * 401, {}) == ["src/a.py: 401 lines, at most 400 allowed"]


def test_an_exception_allows_its_size(tree):
    assert tree(LONG, {"src/a.py::long": {"lines": 46}}) == []


def test_an_exception_may_not_grow(tree):
    (complaint,) = tree(LONG, {"src/a.py::long": {"lines": 45}})
    assert "grew to 46" in complaint


def test_an_exception_that_shrank_says_so(tree):
    (complaint,) = tree(LONG, {"src/a.py::long": {"lines": 50}})
    assert "shrank to 46" in complaint


def test_an_exception_no_longer_needed_must_go(tree):
    (complaint,) = tree("x = 1\n", {"src/a.py::long": {"lines": 46}})
    assert "remove it" in complaint
