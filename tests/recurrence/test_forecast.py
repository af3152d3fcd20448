"""The load forecast: fire times counted per slot, equal to what the rules themselves answer."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clockwright.recurrence import Cron, Forecast, Interval, RecurrenceError
from tests.recurrence.strategies import rules

START = datetime(2026, 3, 29, tzinfo=UTC)


@settings(max_examples=25)
@given(st.lists(st.tuples(rules, st.integers(1, 1_000)), max_size=4))
def test_every_slot_holds_what_the_rules_answer_one_by_one(several):
    forecast = Forecast(START, slots=48, step=1_800)
    expected = Counter()
    for rule, times in several:
        forecast.add(rule, times)
        before = START - timedelta(microseconds=1)
        for instant in rule.between(before, START + timedelta(days=1)):
            if instant < START + timedelta(days=1):
                expected[int((instant - START).total_seconds()) // 1_800] += times
    assert {slot: count for slot, count in enumerate(forecast.counts) if count} == expected
    assert forecast.total == expected.total()


def test_the_peak_is_the_first_of_the_fullest_slots():
    forecast = Forecast(START, slots=1_440)
    forecast.add(Cron("0 9,10 * * *"), 5)
    forecast.add(Cron("*/30 * * * *"))
    assert forecast.peak() == (START + timedelta(hours=9), 6)


def test_bounds_are_included_and_runs_that_are_left_are_not_exceeded():
    forecast = Forecast(START, slots=3, step=3_600)
    hour = timedelta(hours=1)
    forecast.add(Interval(hours=1, anchor=START), since=START + hour, until=START + 2 * hour)
    assert list(forecast.counts) == [0, 1, 1]
    forecast.add(Interval(minutes=1, anchor=START), most=70)
    assert list(forecast.counts) == [60, 11, 1]
    forecast.add(Interval(minutes=1, anchor=START), until=START - hour)
    assert forecast.total == 72


@pytest.mark.parametrize(("slots", "step"), [(0, 60), (1_000_001, 60), (10, 0)])
def test_a_forecast_of_nothing_or_of_too_much_is_refused(slots, step):
    with pytest.raises(RecurrenceError, match="slots"):
        Forecast(START, slots, step)


@pytest.mark.parametrize("times", [-5, 1.5, True, "2", 2**64])
def test_only_a_whole_number_of_schedules_is_counted(times):
    forecast = Forecast(START, slots=24, step=3_600)
    with pytest.raises(RecurrenceError, match="times must be a whole number") as caught:
        forecast.add(Cron("0 * * * *"), times)
    assert caught.value.field == "times"
    with pytest.raises(RecurrenceError, match="most must be a whole number"):
        forecast.add(Cron("0 * * * *"), most=-1)
    assert forecast.total == 0
