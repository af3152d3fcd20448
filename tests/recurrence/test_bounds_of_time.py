"""No input may keep a process busy: what costs the most takes a bounded number of steps, and gives the right answer.

Steps are calls of functions, which are the same on every machine; CPU time is judged in ``tests/proofs``.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count, pairwise
from typing import Any

import pytest

from clockwright.recurrence import Cron, Recurrence, RecurrenceError, RRule, Union
from tests.recurrence.steps import steps_of

START = datetime(2025, 1, 1, 9, tzinfo=UTC)
STEPS = 200_000


def asked(text: str, **more: Any) -> tuple[datetime | None, datetime | None, bool]:
    rule = RRule(text, start=START, **more)
    return (
        rule.next_after(START),
        rule.prev_before(datetime(2500, 1, 1, tzinfo=UTC)),
        rule.is_possible(),
    )


IMPOSSIBLE = [
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYWEEKNO=1;BYMONTH=6",
    "FREQ=YEARLY;INTERVAL=4;BYYEARDAY=366",
    "FREQ=YEARLY;BYYEARDAY=60;BYSETPOS=2",
    "FREQ=YEARLY;INTERVAL=999999999;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
    "FREQ=MONTHLY;BYMONTHDAY=31;BYDAY=MO;BYSETPOS=2",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
    "FREQ=WEEKLY;BYDAY=MO,TU;BYMONTH=2;BYSETPOS=3",
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=DAILY;BYHOUR=1,2;BYSETPOS=5",
    "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
    "FREQ=HOURLY;BYMINUTE=1,2;BYSETPOS=3",
    "FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=30",
    "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=5",
    "FREQ=SECONDLY;INTERVAL=7;BYMONTHDAY=31;BYMONTH=2",
    "FREQ=SECONDLY;BYYEARDAY=1;BYSETPOS=2",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_an_impossible_rule_is_seen_through(text):
    """C-63"""
    steps, answers = steps_of(lambda: asked(text))
    assert answers == (None, None, False)
    assert steps < STEPS


# Rule: the length of its steps, and what it asks of one.
RARE: dict[str, tuple[timedelta, Callable[[datetime], bool]]] = {
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO": (
        timedelta(days=1),
        lambda t: (t.month, t.day, t.isoweekday()) == (2, 29, 1),
    ),
    "FREQ=YEARLY;INTERVAL=7;BYWEEKNO=53;BYDAY=SU": (
        timedelta(days=1),
        lambda t: (t.year - 2025) % 7 == 0 and t.isocalendar()[1:] == (53, 7),
    ),
    "FREQ=SECONDLY;INTERVAL=86401;BYHOUR=10;BYMINUTE=0;BYSECOND=0": (
        timedelta(seconds=86_401),
        lambda t: (t.hour, t.minute, t.second) == (10, 0, 0),
    ),
    "FREQ=MINUTELY;INTERVAL=1441;BYMONTH=7;BYHOUR=23;BYMINUTE=59": (
        timedelta(minutes=1_441),
        lambda t: (t.month, t.hour, t.minute) == (7, 23, 59),
    ),
    "FREQ=HOURLY;INTERVAL=25;BYDAY=FR;BYMONTHDAY=13;BYHOUR=0": (
        timedelta(hours=25),
        lambda t: (t.day, t.isoweekday(), t.hour) == (13, 5, 0),
    ),
}


@pytest.mark.parametrize("text", RARE)
def test_a_rare_fire_time_is_found_where_walking_there_finds_it(text):
    steps, (found, _, is_possible) = steps_of(lambda: asked(text))
    period, matches = RARE[text]
    assert found == next(t for n in count(1) if matches(t := START + n * period))
    assert is_possible
    assert steps < STEPS


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;COUNT=1000000",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000000",
        "FREQ=DAILY;INTERVAL=61;BYDAY=MO;COUNT=1000000",
        "FREQ=HOURLY;INTERVAL=25;BYDAY=MO,WE,FR;COUNT=1000000",
        "FREQ=MINUTELY;INTERVAL=1441;BYMONTHDAY=13;BYDAY=FR;COUNT=1000000",
        "FREQ=SECONDLY;INTERVAL=407399;BYMONTHDAY=30;BYDAY=WE;COUNT=1000000",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYHOUR=9,17;BYSETPOS=2,-1;COUNT=10000",
    ],
)
def test_a_large_count_of_a_sparse_rule_is_resolved(text):
    steps, (found, _, is_possible) = steps_of(lambda: asked(text))
    assert is_possible
    assert found is not None
    assert steps < STEPS


@pytest.mark.parametrize(
    ("text", "exrules"),
    [
        ("FREQ=MINUTELY", ["FREQ=MINUTELY"]),
        ("FREQ=DAILY", ["FREQ=SECONDLY"]),
        (
            "FREQ=MINUTELY",
            [
                "FREQ=MINUTELY;BYHOUR=0,2,4,6,8,10,12,14,16,18,20,22",
                "FREQ=MINUTELY;BYHOUR=1,3,5,7,9,11,13,15,17,19,21,23",
            ],
        ),
        ("FREQ=HOURLY;INTERVAL=3", ["FREQ=HOURLY"]),
        ("FREQ=HOURLY;INTERVAL=25", ["FREQ=MINUTELY"]),
        ("FREQ=DAILY;BYMONTH=1,2", ["FREQ=DAILY;BYMONTH=1", "FREQ=DAILY;BYMONTH=2"]),
        ("FREQ=WEEKLY;INTERVAL=2", ["FREQ=DAILY;INTERVAL=7"]),
    ],
)
def test_exrules_that_remove_everything_leave_nothing(text, exrules):
    steps, answers = steps_of(lambda: asked(text, exrule=exrules))
    assert answers == (None, None, False)
    assert steps < STEPS


@pytest.mark.parametrize(
    "text",
    ["FREQ=SECONDLY;INTERVAL=61;BYDAY=WE", "FREQ=SECONDLY;INTERVAL=61;BYDAY=WE;COUNT=999999"],
)
@pytest.mark.parametrize(
    "exrule",
    [
        "FREQ=SECONDLY;INTERVAL=61;BYDAY=MO,WE",
        "FREQ=SECONDLY;INTERVAL=61;BYDAY=WE;UNTIL=99991231T000000Z",
        "FREQ=SECONDLY",
    ],
)
def test_times_that_change_from_day_to_day_are_removed_for_whole_years(text, exrule):
    steps, answers = steps_of(lambda: asked(text, exrule=[exrule]))
    assert answers == (None, None, False)
    assert steps < STEPS


def test_nothing_is_searched_for_behind_an_until_in_utc():
    main = "FREQ=SECONDLY;INTERVAL=61;UNTIL=19701231T235959Z"
    exrules = ["FREQ=SECONDLY;INTERVAL=122", "FREQ=SECONDLY;INTERVAL=183", "FREQ=DAILY;BYHOUR=5"]
    rule = RRule(main, start=START, exrule=exrules)
    assert not rule.is_possible()
    steps, found = steps_of(lambda: rule.next_after(START))
    assert found is None
    assert steps < STEPS // 1_000


@pytest.mark.parametrize(
    ("text", "exrule", "day"),
    [
        ("FREQ=DAILY", "FREQ=DAILY;UNTIL=23001231T090000Z", 1),
        ("FREQ=DAILY", "FREQ=DAILY;BYHOUR=9,10;UNTIL=23001231T090000Z", 1),
        (
            "FREQ=SECONDLY;INTERVAL=61;BYDAY=WE",
            "FREQ=SECONDLY;INTERVAL=61;UNTIL=23001231T090000Z",
            2,
        ),
        ("FREQ=MINUTELY;INTERVAL=77", "FREQ=MINUTELY;INTERVAL=7;UNTIL=23001231T235959Z", 1),
    ],
)
def test_what_exrules_leave_is_found_behind_centuries(text, exrule, day):
    rule = RRule(text, start=START, exrule=[exrule])
    steps, found = steps_of(lambda: rule.next_after(START))
    assert found is not None
    assert found.date() == date(2301, 1, day)
    assert steps < STEPS


def test_counting_what_exrules_leave_walks_nothing():
    rule = RRule("FREQ=MINUTELY", start=START, exrule=["FREQ=MINUTELY;BYDAY=SU"])
    end = START + timedelta(days=7 * 1_000)
    steps, found = steps_of(lambda: rule.count_between(START, end))
    assert found == 6 * 1_000 * 1_440
    assert steps < STEPS


def test_ten_thousand_exdates_are_passed():
    dates = [START + timedelta(days=n) for n in range(10_000)]
    rule = RRule("FREQ=DAILY", start=START, exdate=dates)
    steps, found = steps_of(lambda: rule.next_after(START))
    assert found == START + timedelta(days=10_000)
    assert steps < 3 * STEPS


def test_too_many_dates_to_compare_are_refused():
    dates = [START + timedelta(days=n) for n in range(1_001)]
    with pytest.raises(RecurrenceError, match="at most 1,000 dates") as caught:
        RRule("FREQ=DAILY", start=START, rdate=dates, exrule=["FREQ=YEARLY"] * 5)
    assert caught.value.field == "rdate"


def test_a_thousand_exclusions_are_passed():
    holes = [
        (START + timedelta(days=2 * n), START + timedelta(days=2 * n + 1)) for n in range(1_000)
    ]
    rule = Cron("0 12 * * *", exclude=[*holes[:-1], (START, START + timedelta(days=2_500))])
    steps, found = steps_of(lambda: rule.next_after(START))
    assert found == START + timedelta(days=2_500, hours=3)
    assert steps < STEPS


def sparse_and_then_dense() -> list[Recurrence]:
    """Rules of every second, of which for years nearly nothing is left, and then all."""
    left_over = [START + timedelta(hours=8**n) for n in range(7)]
    gaps = [(a + timedelta(seconds=1), b) for a, b in pairwise(left_over)]
    dense = Cron("* * * * * *", dialect="seconds", start=START, exclude=tuple(gaps))
    dates = tuple(START + timedelta(hours=8**n) for n in range(7))
    end = datetime(2055, 1, 1, tzinfo=UTC)
    return [
        dense,
        Union((Cron("0 0 1 1 *"), Cron("* * * * * *", dialect="seconds", start=end))),
        RRule("FREQ=SECONDLY", start=end, rdate=dates),
    ]


@pytest.mark.parametrize("rule", sparse_and_then_dense(), ids=["cron", "union", "rrule"])
def test_a_rule_that_becomes_dense_is_not_listed_for_years_in_advance(rule):
    def walked() -> list[datetime]:
        found, moment = [], START - timedelta(seconds=1)
        while len(found) < 45 and (moment := rule.next_after(moment)):
            found.append(moment)
        return found

    tracemalloc.start()
    try:
        in_bulk, one_by_one = rule.upcoming(START - timedelta(seconds=1), 45), walked()
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert one_by_one == in_bulk
    assert most < 16_000_000
