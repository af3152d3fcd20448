"""`transitions`: the offset changes of a zone as values, against the compiled zone files."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from clockwright.recurrence import Cron, RecurrenceError, Transition, clock_effects, transitions
from clockwright.recurrence.zones import find_zone
from tests.recurrence.zonefiles import changes_until, distinct_zones

HOUR = timedelta(hours=1)
YEAR_1970, YEAR_2051 = datetime(1970, 1, 1, tzinfo=UTC), datetime(2051, 1, 1, tzinfo=UTC)


def told(zone: str, start: datetime, end: datetime) -> list[tuple[int, int, int]]:
    second = timedelta(seconds=1)
    return [
        (int(found.at.timestamp()), found.before // second, found.after // second)
        for found in transitions(zone, start, end)
    ]


@pytest.mark.parametrize("part", range(4))
def test_they_are_those_of_the_compiled_files_in_every_zone_from_1970_to_2050(part):
    wrong = []
    low, high = int(YEAR_1970.timestamp()), int(YEAR_2051.timestamp())
    for zone in distinct_zones()[part::4]:
        wanted = [change for change in changes_until(zone, 2050) if low < change[0] <= high]
        given = told(zone, YEAR_1970, YEAR_2051)
        if given != wanted:
            wrong.append(f"{zone}: {sorted(set(given) ^ set(wanted))[:3]}")
    assert not wrong, wrong


def test_a_gap_says_what_it_leaps_over():
    (spring, autumn) = transitions(
        "Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert spring == Transition(
        "Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC), HOUR, 2 * HOUR
    )
    assert (spring.kind, spring.length) == ("gap", HOUR)
    assert spring.leaves == datetime(2026, 3, 29, 2)  # noqa: DTZ001 - a wall time
    assert spring.lands == datetime(2026, 3, 29, 3)  # noqa: DTZ001 - a wall time
    assert (autumn.kind, autumn.length) == ("fold", HOUR)
    assert autumn.leaves - autumn.lands == HOUR


@pytest.mark.parametrize(
    ("zone", "year", "lengths"),
    [
        ("Australia/Lord_Howe", 2026, [-HOUR / 2, HOUR / 2]),
        ("Antarctica/Troll", 2019, [2 * HOUR, -2 * HOUR]),
        ("Pacific/Apia", 2011, [-HOUR, HOUR, 24 * HOUR]),
        ("Asia/Kathmandu", 1985, [HOUR / 4]),
        ("Africa/Monrovia", 1972, [timedelta(minutes=44, seconds=30)]),
        ("Asia/Tokyo", 2026, []),
    ],
)
def test_leaps_of_every_length_are_found(zone, year, lengths):
    start, end = (datetime(y, 1, 1, tzinfo=UTC) - HOUR for y in (year, year + 1))
    assert [found.after - found.before for found in transitions(zone, start, end)] == lengths


def test_the_range_is_open_at_its_start_and_closed_at_its_end_as_between_is():
    at = datetime(2026, 3, 29, 1, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    assert [found.at for found in transitions("Europe/Berlin", at - instant, at)] == [at]
    assert not list(transitions("Europe/Berlin", at, at + HOUR))
    assert not list(transitions("Europe/Berlin", at - HOUR, at - instant))


def test_a_change_of_abbreviation_alone_is_none():
    """Alaska's YST became AKST on 30 November 1983, with the offset that it had."""
    start, end = datetime(1983, 11, 15, tzinfo=UTC), datetime(1983, 12, 15, tzinfo=UTC)
    zone = ZoneInfo("America/Anchorage")
    assert [moment.astimezone(zone).tzname() for moment in (start, end)] == ["YST", "AKST"]
    assert not list(transitions("America/Anchorage", start, end))


def test_all_of_time_can_be_asked_for():
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert not list(transitions("UTC", first, last))
    every = list(transitions("Europe/Berlin", first, last))
    assert every[0].at.year == 1893
    assert every[-1].at.year == 9999
    assert not list(transitions("Europe/Berlin", last, first))


def test_a_naive_bound_and_an_unknown_zone_are_refused():
    naive, aware = datetime(2026, 1, 1), datetime(2027, 1, 1, tzinfo=UTC)  # noqa: DTZ001 - refused
    with pytest.raises(RecurrenceError, match="start is naive"):
        transitions("Europe/Berlin", naive, aware)
    with pytest.raises(RecurrenceError, match="end is naive"):
        transitions("Europe/Berlin", aware, naive)
    with pytest.raises(RecurrenceError, match="unknown time zone"):
        transitions("Europe/Bonn", aware, aware)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("europe/BERLIN", "did you mean Europe/Berlin?"),
        ("Sidney", "did you mean Australia/Sydney?"),
        ("berlin", "did you mean Europe/Berlin?"),
        ("GMT+2", "an IANA name such as Australia/Sydney or UTC"),
        ("Mars/Olympus", "an IANA name such as Australia/Sydney or UTC"),
        ("", "an IANA name such as Australia/Sydney or UTC"),
        ("Europe/Berlin" * 99, "an IANA name such as Australia/Sydney or UTC"),
        ("Europe/B\xe9rlin", "did you mean Europe/Berlin?"),
    ],
)
def test_an_unknown_zone_is_told_which_known_one_it_resembles(given, hint):
    with pytest.raises(RecurrenceError, match="unknown time zone") as caught:
        find_zone(given)
    assert (caught.value.field, caught.value.hint) == ("timezone", hint)


def test_a_transition_cannot_be_changed():
    found = next(transitions("Europe/Berlin", YEAR_1970, YEAR_2051))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.zone = "UTC"


def test_beyond_the_calendar_there_are_none():
    west = timezone(timedelta(hours=-14))
    last = datetime.max.replace(tzinfo=west)  # in UTC this is of the year 10000
    assert list(transitions("Europe/Berlin", last, last)) == []
    assert clock_effects(Cron("0 2 * * *", "Europe/Berlin"), last) == ()


@pytest.mark.parametrize("bound", [None, 5, "2026-01-01"])
def test_a_bound_that_is_no_instant_is_refused(bound):
    with pytest.raises(RecurrenceError, match="must be a datetime"):
        transitions("Europe/Berlin", bound, datetime(2026, 1, 1, tzinfo=UTC))
