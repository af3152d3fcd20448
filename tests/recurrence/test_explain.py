"""`explain`: why an instant is a fire time, or is not."""

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clockwright.recurrence import (
    CalendarInterval,
    Cron,
    CronFields,
    Interval,
    Once,
    Reboot,
    RecurrenceError,
    RRule,
    from_json,
)
from clockwright.recurrence.explain import Showing
from clockwright.recurrence.zones import find_zone
from tests.recurrence.strategies import clocks, instants, lines, rules, zones

SECOND = timedelta(seconds=1)
BERLIN = "Europe/Berlin"
GAP_END = datetime(2025, 3, 30, 1, tzinfo=UTC)  # 03:00 in Berlin, where 02:00 to 03:00 is missing
FIRST_PASS = datetime(2025, 10, 26, 0, 30, tzinfo=UTC)  # 02:30 in Berlin
SECOND_PASS = FIRST_PASS + timedelta(hours=1)  # 02:30 again

steady = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
brief = settings(steady, max_examples=60)


def is_fire_time(rule, instant: datetime) -> bool:
    found = rule.prev_before(instant + SECOND)
    return found is not None and found.astimezone(UTC) == instant


def decided(explanation) -> bool:
    return all(finding.admits for finding in explanation.findings if finding.decides)


def agrees(rule, instant: datetime) -> None:
    explanation = rule.explain(instant)
    assert explanation.fires == is_fire_time(rule, instant), str(explanation)
    assert explanation.fires == decided(explanation), str(explanation)
    assert bool(explanation.rejections) != explanation.fires
    around = explanation.previous, explanation.following
    assert around == (rule.prev_before(instant), rule.next_after(instant))


@steady
@given(rules, instants, st.integers(-2, 2))
def test_an_instant_is_explained_as_it_fires(rule, near, seconds):
    near = near.replace(microsecond=0)
    agrees(rule, near)
    for found in (rule.next_after(near), rule.prev_before(near)):
        if found is not None:
            fire_time = found.astimezone(UTC)
            assert rule.explain(fire_time).fires
            agrees(rule, fire_time + timedelta(seconds=seconds))
            agrees(rule, fire_time + timedelta(days=seconds))


def changes(zone: str) -> list[datetime]:
    found = (change for year in range(1995, 2032) for change in find_zone(zone).changes_in(year))
    return [datetime.fromtimestamp(change.at, UTC) for change in found]


shifting = zones.filter(lambda zone: bool(changes(zone)))


@brief
@given(shifting, lines, clocks, st.data())
def test_an_instant_at_a_clock_change_is_explained_as_it_fires(zone, line, clock, data):
    change = data.draw(st.sampled_from(changes(zone)))
    line = data.draw(st.sampled_from([line, "30 * * * *", "15,45 0-4 * * *", "*/20 1-3 * * *"]))
    cron = Cron(line, zone, clock=clock)
    wall = change.astimezone(ZoneInfo(zone)) - timedelta(minutes=data.draw(st.integers(0, 90)))
    calendar = CalendarInterval(
        days=1, anchor=date(1990, 1, 1), at=time(wall.hour, wall.minute), tz=zone, clock=clock
    )
    rrule = RRule(
        f"FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE={wall.minute}",
        start=datetime(1990, 1, 1, tzinfo=UTC),
        tz=zone,
        clock=clock,
    )
    for minutes in range(-150, 151, 15):
        instant = change + timedelta(minutes=minutes)
        for rule in (cron, calendar, rrule):
            agrees(rule, instant)


@brief
@given(rules, instants, st.integers(1, 999_999))
def test_an_instant_with_a_fraction_of_a_second_never_fires(rule, near, microseconds):
    found = rule.next_after(near)
    instant = (found or near).astimezone(UTC).replace(microsecond=microseconds)
    explanation = rule.explain(instant)
    assert not explanation.fires
    fraction = explanation.finding("fraction")
    assert fraction is not None
    assert not fraction.admits
    assert "whole seconds" in str(explanation)


@brief
@given(rules, instants)
def test_an_explanation_can_be_written_down(rule, instant):
    explanation = rule.explain(instant)
    data = json.loads(json.dumps(explanation.to_json()))
    assert data["fires"] == explanation.fires
    assert datetime.fromisoformat(data["instant"]) == instant
    assert len(data["findings"]) == len(explanation.findings)
    assert data["text"] == str(explanation)
    assert from_json(rule.to_json()).explain(instant) == explanation


def fields(explanation) -> dict[str, bool]:
    return {finding.field: finding.admits for finding in explanation.findings}


def test_every_field_of_a_cron_line_is_judged():
    explanation = Cron("30 9 1 2 MON").explain(datetime(2025, 2, 3, 9, 15, tzinfo=UTC))
    assert fields(explanation) == {
        "second": True,
        "minute": False,
        "hour": True,
        "day-of-month": False,
        "month": True,
        "day-of-week": True,
        "year": True,
        "day-rule": True,
    }
    assert [finding.field for finding in explanation.rejections] == ["minute"]
    minute = explanation.finding("minute")
    assert minute is not None
    assert (minute.value, minute.allowed) == ("15", "30")


@pytest.mark.parametrize(
    ("day_rule", "admits", "words"),
    [("vixie", True, "either day field is enough"), ("and", False, "both day fields")],
)
def test_the_day_rule_is_a_finding_of_its_own(day_rule, admits, words):
    friday = datetime(2025, 6, 20, tzinfo=UTC)
    explanation = Cron("0 0 13 * FRI", day_rule=day_rule).explain(friday)
    rule = explanation.finding("day-rule")
    assert rule is not None
    assert rule.admits == explanation.fires == admits
    assert words in rule.allowed
    day = explanation.finding("day-of-month")
    assert day is not None
    assert not day.admits
    assert not day.decides


def test_a_time_that_the_clock_leaps_over_is_explained_where_it_runs():
    explanation = Cron("30 2 * * *", BERLIN).explain(GAP_END)
    assert explanation.fires
    assert explanation.showing is Showing.GAP_END
    assert explanation.wall.isoformat() == "2025-03-30T03:00:00+02:00"
    assert explanation.finding("hour").value == "2"
    clock = explanation.finding("clock")
    assert "02:30:00, which it never shows, runs here" in clock.reason


def test_a_time_that_the_clock_leaps_over_and_the_policy_skips_is_explained():
    explanation = Cron("30 2 * * *", BERLIN, clock="skip").explain(GAP_END)
    assert not explanation.fires
    assert "do not run" in explanation.finding("clock").allowed
    assert not explanation.finding("hour").admits


def test_a_shifted_time_is_explained_where_it_runs():
    rule = Cron("30 2 * * *", BERLIN, clock="rfc5545")
    assert not rule.explain(GAP_END).fires
    explanation = rule.explain(GAP_END + timedelta(minutes=30))
    assert explanation.fires
    assert explanation.finding("clock").value == "after a gap"


@pytest.mark.parametrize(
    ("clock", "first", "second"),
    [("vixie", True, False), ("wall", True, True)],
)
def test_each_pass_of_a_time_shown_twice_is_explained(clock, first, second):
    rule = Cron("30 2 * * *", BERLIN, clock=clock)
    one, other = rule.explain(FIRST_PASS), rule.explain(SECOND_PASS)
    assert (one.fires, other.fires) == (first, second)
    assert (one.showing, other.showing) == (Showing.FIRST_OF_TWO, Showing.SECOND_OF_TWO)
    assert one.finding("clock").admits == first
    assert other.finding("clock").admits == second
    assert "twice" in other.finding("clock").reason


def test_bounds_and_exclusions_are_findings():
    noon = datetime(2025, 6, 1, 12, tzinfo=UTC)
    day = timedelta(days=1)
    rule = Cron(
        "0 12 * * *", start=noon, end=noon + 9 * day, exclude=[(noon + day, noon + 3 * day)]
    )
    assert fields(rule.explain(noon - day))["start"] is False
    assert fields(rule.explain(noon + 10 * day))["end"] is False
    explanation = rule.explain(noon + 2 * day)
    assert [finding.field for finding in explanation.rejections] == ["exclude"]
    assert "2025-06-02 12:00:00" in explanation.finding("exclude").reason
    assert rule.explain(noon + 3 * day).fires


def test_the_keyword_form_is_explained_by_its_own_names():
    rule = CronFields(week=10, day_of_week="tue", hour=8)
    explanation = rule.explain(datetime(2025, 3, 4, 8, tzinfo=UTC))
    assert explanation.fires
    assert explanation.finding("week").value == "10"
    assert explanation.finding("day_of_week").allowed == "Tuesday"


def test_an_interval_tells_how_far_off_its_fire_times_are():
    rule = Interval(minutes=90, anchor=datetime(2025, 1, 1, tzinfo=UTC))
    period = rule.explain(datetime(2025, 1, 1, 2, tzinfo=UTC)).finding("period")
    assert period.value == "00:30:00 after fire time 1"
    assert period.reason == "the next one comes 01:00:00 later"
    early = rule.explain(datetime(2024, 12, 31, 23, tzinfo=UTC))
    assert [finding.field for finding in early.rejections] == ["anchor"]


def test_a_calendar_interval_tells_the_time_from_the_date():
    rule = CalendarInterval(months=1, anchor=date(2025, 1, 31), at=time(8), month_end="skip")
    assert fields(rule.explain(datetime(2025, 3, 31, 9, tzinfo=UTC))) == {
        "time": False,
        "anchor": True,
        "date": True,
    }
    found = rule.explain(datetime(2025, 2, 28, 8, tzinfo=UTC)).finding("date")
    assert not found.admits
    assert found.reason == "the dates around it: 2025-01-31 and 2025-03-31"
    assert "shorter months are skipped" in found.allowed


def test_one_time_and_no_time_are_explained():
    once = Once("2025-01-01T12:00:00Z")
    explanation = once.explain(datetime(2025, 1, 1, 12, 0, 5, tzinfo=UTC))
    assert explanation.finding("at").value == "5 seconds after it"
    assert "when a node starts" in str(Reboot().explain(GAP_END))


START = datetime(2025, 1, 1, 9, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("rule", "instant", "rejected"),
    [
        ("FREQ=DAILY", START - timedelta(days=1), "DTSTART"),
        ("FREQ=DAILY;INTERVAL=3", START + timedelta(days=1), "INTERVAL"),
        ("FREQ=HOURLY;INTERVAL=5", START + timedelta(hours=7), "INTERVAL"),
        ("FREQ=WEEKLY;INTERVAL=2", START + timedelta(days=7), "INTERVAL"),
        ("FREQ=DAILY;BYMONTH=2", START, "BYMONTH"),
        ("FREQ=YEARLY;BYWEEKNO=3;BYDAY=WE", START, "BYWEEKNO"),
        ("FREQ=YEARLY;BYYEARDAY=-1", START, "BYYEARDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=2,-1", START, "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=2WE", START, "BYDAY"),
        ("FREQ=DAILY;BYHOUR=10", START, "BYHOUR"),
        ("FREQ=DAILY;BYMINUTE=30", START, "BYMINUTE"),
        ("FREQ=DAILY;BYSECOND=30", START, "BYSECOND"),
        ("FREQ=MONTHLY;BYDAY=WE;BYSETPOS=2", START, "BYSETPOS"),
        ("FREQ=DAILY;COUNT=3", START + timedelta(days=3), "COUNT"),
        ("FREQ=DAILY;UNTIL=20250102T090000Z", START + timedelta(days=2), "UNTIL"),
        ("FREQ=DAILY;UNTIL=20250102", START + timedelta(days=2), "UNTIL"),
    ],
)
def test_the_part_of_a_recurrence_rule_that_rejects_is_named(rule, instant, rejected):
    explanation = RRule(rule, start=START).explain(instant)
    assert [finding.field for finding in explanation.rejections] == [rejected]


def test_added_and_excepted_dates_are_findings():
    extra, without = START + timedelta(hours=1), START + timedelta(days=1)
    rule = RRule(
        "FREQ=DAILY", start=START, rdate=[extra], exdate=[without], exrule=["FREQ=WEEKLY;BYDAY=FR"]
    )
    assert rule.explain(extra).fires
    assert rule.explain(extra).finding("RDATE").admits
    assert [finding.field for finding in rule.explain(without).rejections] == ["EXDATE"]
    friday = START + timedelta(days=2)
    assert [finding.field for finding in rule.explain(friday).rejections] == ["EXRULE"]


def test_a_start_that_does_not_match_fires_where_it_is_included():
    start = datetime(2025, 1, 2, 9, tzinfo=UTC)
    rule = RRule("FREQ=WEEKLY;BYDAY=FR", start=start, include_dtstart=True)
    explanation = rule.explain(start)
    assert explanation.fires
    assert explanation.finding("DTSTART").reason == "added to the rule's fire times"


def test_a_naive_instant_and_one_out_of_range_are_refused():
    with pytest.raises(RecurrenceError, match="naive"):
        Cron("0 0 * * *").explain(datetime(2025, 1, 1))  # noqa: DTZ001
    with pytest.raises(RecurrenceError, match="out of range"):
        Cron("0 0 * * *", "America/New_York").explain(datetime(1, 1, 1, tzinfo=UTC))


def test_an_explanation_reads_as_text():
    assert str(Cron("0 9 * * MON", BERLIN).explain(datetime(2025, 6, 3, 7, tzinfo=UTC))) == (
        "2025-06-03T07:00:00Z is not a fire time: the clock shows 2025-06-03 09:00:00 in Europe/Berlin.\n"
        "  yes second: 0 (allowed: 0)\n"
        "  yes minute: 0 (allowed: 0)\n"
        "  yes hour: 9 (allowed: 9)\n"
        "      day-of-month: 3 (allowed: any) - admitted\n"
        "  yes month: June (allowed: any)\n"
        "      day-of-week: Tuesday (allowed: Monday) - not admitted\n"
        "  yes year: 2025 (allowed: any)\n"
        "  no  day-rule: Tuesday 3 June 2025 (allowed: both day fields must admit the day)\n"
        "Previous fire time: 2025-06-02 09:00:00 (2025-06-02T07:00:00Z).\n"
        "Following fire time: 2025-06-09 09:00:00 (2025-06-09T07:00:00Z)."
    )


def test_weeks_that_reach_beyond_the_last_year_are_explained_as_they_fire():
    rule = RRule("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=WE", start=datetime(9990, 1, 1, 9, tzinfo=UTC))
    wednesday = datetime(9999, 12, 29, 9, tzinfo=UTC)
    assert rule.prev_before(wednesday + SECOND) == wednesday
    assert rule.explain(wednesday).rejections == ()
