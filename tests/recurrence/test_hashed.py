"""`H`: a seed chooses, the same everywhere and for good."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.recurrence import Cron, RecurrenceError, from_json

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
seeds = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40)


def number(field: str, seed: str) -> int:
    """The documented hash, written anew."""
    return int.from_bytes(hashlib.sha256(f"{field}\n{seed}".encode()).digest()[:8], "big")


@given(seeds)
def test_the_choice_is_the_documented_hash(seed):
    fire = Cron("H H H H *", seed=seed).next_after(NEW_YEAR)
    assert fire.minute == number("minute", seed) % 60
    assert fire.hour == number("hour", seed) % 24
    assert fire.day == number("day-of-month", seed) % 28 + 1
    assert fire.month == number("month", seed) % 12 + 1


def test_the_choice_of_a_known_seed_never_changes():
    rule = Cron("H H H * *", "Europe/Berlin", seed="nightly-report")
    assert rule.next_after(NEW_YEAR).isoformat() == "2026-01-20T15:39:00+01:00"
    assert "At 15:39" in rule.describe()
    assert "20th" in rule.describe()


@pytest.mark.parametrize(
    ("field", "low", "high", "step"),
    [("H", 0, 59, 0), ("H(10-19)", 10, 19, 0), ("H/15", 0, 59, 15), ("H(30-59)/10", 30, 59, 10)],
)
@given(seed=seeds)
def test_a_choice_stays_in_its_range_and_keeps_its_step(field, low, high, step, seed):
    rule = Cron(f"{field} 5 * * *", seed=seed)
    minutes = sorted({at.minute for at in rule.upcoming(NEW_YEAR, 60)})
    assert minutes[0] >= low
    assert minutes[-1] <= high
    if step:
        assert minutes == list(range(minutes[0], high + 1, step))
        assert minutes[0] < low + step
    else:
        assert len(minutes) == 1


def test_fields_are_chosen_independently_and_seeds_spread_over_the_hour():
    times = [Cron("H H * * *", seed=f"job-{n}").next_after(NEW_YEAR) for n in range(2_000)]
    minutes = Counter(at.minute for at in times)
    assert len(minutes) == 60
    assert max(minutes.values()) < 80
    assert len({(at.hour, at.minute) for at in times}) > 900


def test_days_of_the_month_are_those_that_every_month_has():
    days = {Cron("0 0 H * *", seed=f"job-{n}").next_after(NEW_YEAR).day for n in range(800)}
    assert days == set(range(1, 29))


def test_h_stands_in_any_field_dialect_and_list_and_takes_names():
    assert Cron("0 0 * * H(mon-fri)", seed="a").next_after(NEW_YEAR).isoweekday() <= 5
    found = {
        Cron("0 0 * * H(fri-sun)", seed=f"job-{n}").next_after(NEW_YEAR).isoweekday()
        for n in range(50)
    }
    assert found == {5, 6, 7}
    assert Cron("H * * * * *", dialect="seconds", seed="a").is_possible()
    twice = Cron("H(0-29),H(30-59) * * * *", seed="a").upcoming(NEW_YEAR, 2)
    assert twice[1].minute - twice[0].minute == 30
    assert Cron("h 5 * * *", seed="a").next_after(NEW_YEAR) == Cron(
        "H 5 * * *", seed="a"
    ).next_after(NEW_YEAR)


def test_rules_are_equal_by_text_and_seed_and_the_seed_is_in_the_json():
    rule = Cron("H 5 * * *", seed="a")
    assert rule == Cron("H  5 * * *", seed="a")
    assert rule != Cron("H 5 * * *", seed="b")
    assert rule.to_json() == {
        "type": "cron",
        "expression": "H 5 * * *",
        "tz": "UTC",
        "seed": "a",
    }
    assert from_json(rule.to_json()) == rule
    assert "seed" not in Cron("0 5 * * *").to_json()


def test_c_64_without_a_seed_h_is_refused_with_a_hint():
    with pytest.raises(RecurrenceError, match="H needs a seed") as caught:
        Cron("0 H(2-4) * * *")
    assert "give a seed" in caught.value.hint
    assert (caught.value.field, caught.value.column) == ("hour", 3)


@pytest.mark.parametrize(
    ("line", "field", "column", "token", "reason"),
    [
        ("H(0-70) * * * *", "minute", 5, "70", "out of range"),
        ("0 H(5-2) * * *", "hour", 3, "H(5-2)", "reversed"),
        ("0 0 H(1-31) * *", "day-of-month", 5, "H(1-31)", "not every month"),
        ("H/0 * * * *", "minute", 1, "H/0", "step is 0"),
        ("5,H5 * * * *", "minute", 3, "H5", "not understood"),
        ("0 H(3) * * *", "hour", 3, "H(3)", "not understood"),
        ("H(0-9),61 * * * *", "minute", 8, "61", "out of range"),
        ("0 0 * * H,8", "day-of-week", 11, "8", "out of range"),
        ("0 0 H-5 * *", "day-of-month", 5, "H-5", "not understood"),
    ],
)
def test_a_mistake_beside_or_in_an_h_stands_at_its_own_column(line, field, column, token, reason):
    with pytest.raises(RecurrenceError, match=re.escape(reason)) as caught:
        Cron(line, seed="a")
    error = caught.value
    assert (error.field, error.column, error.token) == (field, column, token)


@given(st.text(st.sampled_from("0123456789*,-/()hH \tmonfr"), max_size=40), seeds)
def test_any_text_is_a_rule_or_a_refusal_with_a_place(text, seed):
    try:
        rule, error = Cron(text, seed=seed), None
    except RecurrenceError as refusal:
        rule, error = None, refusal
    assert rule is None or from_json(rule.to_json()) == rule
    assert error is None or error.column is None or 1 <= error.column <= len(text) + 1


@pytest.mark.parametrize("seed", ["", "x" * 256, "\ud800", 5])
@pytest.mark.parametrize("line", ["H * * * *", "@daily", "0 5 * * *"])
def test_a_seed_is_text_that_can_be_hashed(line, seed):
    with pytest.raises(RecurrenceError) as caught:
        Cron(line, seed=seed)
    assert caught.value.field == "seed"


def test_a_range_of_weekdays_ends_at_sunday_as_any_range_does():
    for n in range(20):
        days = Cron("0 0 * * H(sat-sun)", seed=str(n)).parts.right.weekdays
        assert days in {1 << 6, 1 << 0}
    assert len({Cron("0 0 * * H(0-sun)", seed=str(n)).parts for n in range(200)}) == 7
    with pytest.raises(RecurrenceError, match="reversed"):
        Cron("0 0 * * H(5-0)", seed="any")


def test_a_seed_that_is_no_text_is_refused():
    for seed in ([], {}, 5):
        with pytest.raises(RecurrenceError) as caught:
            Cron("0 0 * * *", seed=seed)
        assert caught.value.field == "seed"
