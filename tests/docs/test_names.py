"""Every documented name that exists can be imported from where the page says (R21)."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.docs.markdown import code_in, page

ROWS = [row for row in page("docs/reference/names.md").rows() if ":" in row[1]]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("`"))
def test_a_documented_name_lives_where_the_page_says(row):
    module, _, path = code_in(row[1])[0].partition(":")
    found = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    assert found is not None


def test_the_page_is_not_empty():
    assert len(ROWS) >= 25
