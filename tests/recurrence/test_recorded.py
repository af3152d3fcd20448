"""Zones as they were recorded, and rules compared under two of them: against zones and against all fire times."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clockwright.recurrence import (
    ENGINE_VERSION,
    Cron,
    CronFields,
    Interval,
    RecurrenceError,
    RRule,
    Union,
    from_json,
)
from clockwright.recurrence.compare import Limits, compare
from clockwright.recurrence.recorded import (
    Apart,
    ZoneRecord,
    apart,
    joined,
    recorded_zone,
    zones_of,
)
from clockwright.recurrence.versions import HISTORY, EngineChange, changes_since
from clockwright.recurrence.zones import DAY, Change, find_zone, zones_instead
from tests.recurrence.strategies import ZONES, rules

NOW = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp())
YEAR = (NOW + 1, NOW + 366 * DAY + 1)
HOUR = 3_600


def shifted(zone, at, length, by):
    """A zone whose clock is ahead by so much for so long, and the present one otherwise."""
    record = ZoneRecord.of(zone, NOW)
    edges = sorted({at, at + length, *(change.at for change in record.changes)})
    changes, before = [], record.offset
    for edge in edges:
        after = zone.offset_at(edge) + (by if at <= edge < at + length else 0)
        if after != before:
            changes.append(Change(edge, before, after))
        before = after
    return recorded_zone(zone, replace(record, changes=tuple(changes)))


def under(zone, rule):
    return from_json(json.loads(json.dumps(rule.to_json())), zones={zone.key: zone})


@pytest.mark.parametrize("name", ZONES)
def test_a_zone_that_was_recorded_answers_as_the_zone(name):
    zone = find_zone(name)
    record = ZoneRecord.of(zone, NOW)
    copy = recorded_zone(zone, ZoneRecord.from_json(json.loads(json.dumps(record.to_json()))))
    for year in (1990, 2024, 2025, 2026, 2030, 2038, 2039, 2100):
        assert copy.changes_in(year) == zone.changes_in(year)
        assert copy.offset_entering(year) == zone.offset_entering(year)
    for second in range(NOW - 500 * DAY, NOW + 5_000 * DAY, 9 * DAY + 1_234):
        assert copy.offset_at(second) == zone.offset_at(second)
    assert not apart(copy, zone, *YEAR)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"first_year": None},
        {"changes": [[1, 2]]},
        {"changes": [[NOW, 0, HOUR], [NOW, HOUR, 0]]},
        {"changes": [[NOW, HOUR, 0]]},
        {"offset": "soon"},
    ],
)
def test_a_record_that_does_not_hang_together_is_refused(wrong):
    whole = {"first_year": 2025, "last_year": 2038, "offset": 0, "changes": []}
    data = whole | wrong if wrong else {}
    with pytest.raises(RecurrenceError) as refused:
        ZoneRecord.from_json(data)
    assert refused.value.field == "transitions"


def test_zones_stand_in_only_while_a_rule_is_made():
    zone = find_zone("Atlantic/Reykjavik")
    ahead = shifted(zone, NOW, 30 * DAY, HOUR)
    with zones_instead({zone.key: ahead}):
        inside = Cron("0 12 * * *", zone.key)
    outside = Cron("0 12 * * *", zone.key)
    assert inside == outside
    assert outside.next_second(NOW) - inside.next_second(NOW) == HOUR


def test_the_zones_of_a_rule_are_those_of_its_parts_too():
    assert zones_of(Cron("0 12 * * *", "Europe/Paris")) == {"Europe/Paris"}
    whole = Union([Cron("0 12 * * *", "Europe/Paris"), Cron("0 12 * * *", "Asia/Tokyo")])
    assert zones_of(whole) >= {"Europe/Paris", "Asia/Tokyo"}


def test_spans_are_where_the_offsets_differ_and_nowhere_else():
    zone = find_zone("Europe/Paris")
    at, length = NOW + 40 * DAY, 3 * DAY
    found = apart(shifted(zone, at, length, HOUR), zone, *YEAR)
    assert found == Apart(((at, at + length),), HOUR)


def test_spans_that_touch_are_one():
    assert joined([(5, 9), (1, 3), (9, 10)]) == [(1, 3), (5, 10)]
    assert joined([(5, 9), (1, 3)], reach=1) == [(0, 10)]


def every_difference(was, now):
    old, new = set(was.seconds_within(*YEAR)), set(now.seconds_within(*YEAR))
    return old - new, new - old


@given(
    rule=rules,
    start=st.integers(-100, 300),
    hours=st.integers(1, 24 * 30),
    by=st.sampled_from([-DAY, -2 * HOUR, -HOUR, -1_800, 900, 1_800, HOUR, 3 * HOUR, DAY]),
)
@settings(max_examples=60)
def test_near_the_spans_all_differences_are_found(rule, start, hours, by):
    """The oracle: all fire times of the year under both. A step limit may cut dense rules short, and then says so."""
    zone = find_zone(rule.tz)
    other = shifted(zone, NOW + start * DAY, hours * HOUR, by)
    was = under(other, rule)
    reach = 2 * DAY
    where = apart(other, zone, YEAR[0] - reach, YEAR[1] + reach)
    if rule.count_seconds(*YEAR) > 200_000:
        return
    found = compare(was, rule, YEAR, where, Limits(shifts=10**9, steps=10**9))
    gone, come = every_difference(was, rule)
    assert max(len(gone), len(come)) <= found.count <= len(gone) + len(come)
    assert bool(found.count) == bool(gone or come)
    for shift in found.first:
        assert shift.was is None or shift.was in gone
        assert shift.now is None or shift.now in come
    if found.first:
        assert found.first[0].at == min(gone | come)


def test_a_fire_time_that_moved_is_one_difference():
    zone = find_zone("Europe/Paris")
    other = shifted(zone, NOW, 10 * DAY, HOUR)
    rule = CronFields(hour="*/6", tz=zone.key)
    found = compare(under(other, rule), rule, YEAR, apart(other, zone, *YEAR))
    assert found.count == 40
    assert {shift.now - shift.was for shift in found.first} == {HOUR}


def test_what_just_passed_on_one_side_is_not_taken_for_tomorrow():
    """It was 09:30 UTC and is 08:30: at 09:00 today's is gone, and all others have moved by an hour."""
    zone = find_zone("Atlantic/Reykjavik")
    other = shifted(zone, NOW - DAY, 11 * DAY, -HOUR)
    rule = Cron("30 8 * * *", zone.key)
    found = compare(under(other, rule), rule, YEAR, apart(other, zone, *YEAR), Limits(shown=3))
    (first, second, third) = found.first
    assert (first.was - NOW, first.now) == (1_800, None)
    assert {shift.now - shift.was for shift in (second, third)} == {-HOUR}


def test_a_count_that_is_used_up_later_is_seen_far_from_the_change():
    """One of ten fire times falls into a gap that is there no more: the tenth is another one now."""
    zone = find_zone("Atlantic/Reykjavik")
    gap = int(datetime(2026, 3, 5, 2, tzinfo=UTC).timestamp())
    other = shifted(zone, gap, 5 * HOUR, HOUR)
    start = datetime(2026, 3, 5, 2, 30, tzinfo=UTC)
    rule = RRule("FREQ=WEEKLY;BYDAY=TH;COUNT=10", start=start, tz=zone.key, clock="skip")
    was = under(other, rule)
    found = compare(was, rule, YEAR, apart(other, zone, *YEAR))
    gone, come = every_difference(was, rule)
    assert found.count == len(gone | come) >= 1


def test_limits_end_a_comparison_and_it_says_where():
    zone = find_zone("Atlantic/Reykjavik")
    other = shifted(zone, NOW, 200 * DAY, 1_800)
    rule = Cron("0 * * * *", zone.key)
    where = apart(other, zone, *YEAR)
    few = compare(under(other, rule), rule, YEAR, where, Limits(shifts=10, shown=2))
    assert (few.count, len(few.first), few.is_cut_short) == (10, 2, True)
    short = compare(under(other, rule), rule, YEAR, where, Limits(steps=100))
    assert short.is_cut_short
    assert YEAR[0] < short.until < YEAR[1]


def test_elapsed_time_knows_no_zone():
    zone = find_zone("Europe/Paris")
    other = shifted(zone, NOW, 200 * DAY, HOUR)
    rule = Interval(minutes=7, tz=zone.key)
    found = compare(under(other, rule), rule, YEAR, apart(other, zone, *YEAR))
    assert (found.count, found.is_cut_short) == (0, False)


def test_the_history_of_the_engine_ends_with_its_version():
    versions = [change.version for change in HISTORY]
    assert versions == sorted(versions)
    assert all(1 < version <= ENGINE_VERSION for version in versions)


def test_only_later_changes_and_only_of_rules_they_touch():
    history = [
        EngineChange(version=2, what="all", may_change=lambda rule: True),
        EngineChange(version=3, what="Paris", may_change=lambda rule: rule.tz == "Europe/Paris"),
        EngineChange(version=4, what="none", may_change=lambda rule: False),
    ]
    rule = Cron("0 12 * * *", "Europe/Paris")
    assert [c.what for c in changes_since(1, rule, history)] == ["all", "Paris"]
    assert [c.what for c in changes_since(2, rule, history)] == ["Paris"]
    assert [c.what for c in changes_since(1, Cron("0 12 * * *"), history)] == ["all"]
    assert changes_since(4, rule, history) == ()
    assert timedelta(seconds=YEAR[1] - YEAR[0]) == timedelta(days=366)
