"""The figures of the page on reliability are those that were measured, and say what the page promises."""

from __future__ import annotations

import json

import pytest

from tests.docs.markdown import ROOT, page
from tests.soak.chaos.report import markdown

PAGE = page("docs/reliability.md")


def measured(name):
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text())["fleets"]


@pytest.mark.parametrize("name", ["chaos-postgresql", "chaos-sqlite"])
def test_the_table_is_the_one_of_the_last_measurement(name):
    wanted = f"<!-- {name} -->\n{markdown(measured(name))}\n"
    assert wanted in PAGE.text, f"write this into {PAGE.name}:\n{wanted}"


def test_a_hundred_thousand_fire_times_and_fifty_faults_were_measured():
    fleets = measured("chaos-postgresql")
    assert [fleet["nodes"] for fleet in fleets] == [1, 2, 4]
    assert sum(fleet["fires"] for fleet in fleets) >= 99_000
    assert sum(sum(fleet["faults"].values()) for fleet in fleets) == 50


@pytest.mark.parametrize("name", ["chaos-postgresql", "chaos-sqlite"])
def test_no_promise_was_broken(name):
    for fleet in measured(name):
        assert fleet["complaints"] == []
        assert fleet["lost"] == fleet["doubled"] == fleet["unfinished"] == 0
        assert fleet["once_doubled"] == fleet["late_recorded"] == 0
        assert fleet["takeover_p99"] <= 20
