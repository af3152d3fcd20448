"""Intervals, single instants, their JSON and their words."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from clockwright.recurrence import (
    ENGINE_VERSION,
    CalendarInterval,
    Cron,
    CronFields,
    Interval,
    Once,
    Reboot,
    RecurrenceError,
    RRule,
    from_json,
    parse,
    tzdata_version,
)

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


def test_c_21_an_interval_is_counted_from_its_anchor_and_does_not_drift():
    rule = Interval(minutes=7, anchor=NOON)
    asked_late = NOON + timedelta(hours=100, seconds=59)
    assert (rule.next_after(asked_late) - NOON) % timedelta(minutes=7) == timedelta(0)
    assert rule.next_after(NOON) == NOON + timedelta(minutes=7)
    assert rule.next_after(NOON - timedelta(microseconds=1)) == NOON
    assert rule.prev_before(NOON) is None
    assert rule.count_between(NOON, NOON + timedelta(days=7)) == 1440
    assert rule.period == timedelta(minutes=7)


def test_fractions_of_the_anchor_are_cut_off():
    rule = Interval(hours=1, anchor=NOON.replace(microsecond=700_000))
    assert rule == Interval(hours=1, anchor=NOON)
    assert rule.next_after(NOON.replace(microsecond=700_000)) == NOON + timedelta(hours=1)


def test_the_anchor_is_the_epoch_unless_given():
    assert Interval(hours=12).next_after(NOON) == NOON + timedelta(hours=12)


@pytest.mark.parametrize("units", [{}, {"hours": 0}, {"weeks": 0, "seconds": 0}])
def test_r19_c_52_an_empty_interval_is_an_error(units):
    with pytest.raises(RecurrenceError, match="positive") as caught:
        Interval(**units)
    assert "at least one" in caught.value.hint


@pytest.mark.parametrize("value", [-1, 1.5, "60", True, None])
def test_c_18_only_whole_positive_numbers_are_taken(value):
    with pytest.raises(RecurrenceError) as caught:
        Interval(seconds=value)
    assert caught.value.field == "seconds"
    with pytest.raises(RecurrenceError):
        CalendarInterval(days=value, anchor=date(2025, 1, 1))


def test_a_monstrous_interval_is_refused():
    with pytest.raises(RecurrenceError, match="too long"):
        Interval(weeks=10**9)
    with pytest.raises(RecurrenceError):
        CalendarInterval(years=10**9, anchor=date(2025, 1, 1))


def test_c_53_elapsed_hours_drift_on_the_wall_clock_and_calendar_days_do_not():
    sydney = ZoneInfo("Australia/Sydney")
    start = datetime(2025, 4, 5, 5, tzinfo=sydney)
    elapsed = Interval(hours=24, anchor=start, tz="Australia/Sydney").upcoming(start, 1)
    calendar = CalendarInterval(days=1, anchor=start, tz="Australia/Sydney").upcoming(start, 1)
    assert [t.hour for t in elapsed] == [4]
    assert [t.hour for t in calendar] == [5]


@pytest.mark.parametrize(
    ("month_end", "days"),
    [
        ("clamp", ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        ("skip", ["2025-01-31", "2025-03-31", "2025-05-31", "2025-07-31", "2025-08-31"]),
    ],
)
def test_c_49_month_ends_are_clamped_or_skipped(month_end, days):
    rule = CalendarInterval(months=1, anchor=date(2025, 1, 31), month_end=month_end)
    times = rule.upcoming(datetime(2025, 1, 1, tzinfo=UTC), 5)
    assert [t.isoformat()[:10] for t in times] == days
    end = times[-1]
    assert rule.count_between(datetime(2025, 1, 1, tzinfo=UTC), end) == 5
    assert rule.prev_before(end) == times[-2]


def test_c_49_a_fortnight_is_counted_from_its_anchor():
    rule = CalendarInterval(weeks=2, anchor=date(2024, 12, 30), at=time(9), tz="Europe/Berlin")
    times = rule.upcoming(NOON, 2)
    assert [t.isoformat() for t in times] == [
        "2025-01-13T09:00:00+01:00",
        "2025-01-27T09:00:00+01:00",
    ]


def test_leap_days_of_years():
    leap = date(2024, 2, 29)
    skip = CalendarInterval(years=1, anchor=leap, month_end="skip")
    assert [t.year for t in skip.upcoming(NOON, 2)] == [2028, 2032]
    clamp = CalendarInterval(years=1, anchor=leap)
    assert [t.isoformat()[:10] for t in clamp.upcoming(NOON, 4)][0::3] == [
        "2025-02-28",
        "2028-02-29",
    ]


def test_c_50_a_calendar_interval_in_a_gap_is_shifted():
    rule = CalendarInterval(days=1, anchor=date(2025, 1, 1), at=time(2, 30), tz="Europe/Berlin")
    times = rule.upcoming(datetime(2025, 3, 29, 12, tzinfo=UTC), 2)
    assert [t.isoformat() for t in times] == [
        "2025-03-30T03:30:00+02:00",
        "2025-03-31T02:30:00+02:00",
    ]


def test_s2_36_c_54_a_naive_date_is_read_in_the_zone():
    rule = Once("2025-07-01T09:00:00", "America/New_York")
    assert rule.instant.isoformat() == "2025-07-01T09:00:00-04:00"
    assert rule == Once(datetime(2025, 7, 1, 9), "America/New_York")  # noqa: DTZ001 - naive on purpose
    assert Once("2025-07-01T09:00:00Z", "America/New_York").instant.hour == 5
    assert rule.next_after(rule.instant) is None
    assert rule.upcoming(NOON, 3) == [rule.instant]


def test_a_fraction_of_a_second_never_fires_early():
    at = datetime(2025, 7, 1, 9, 0, 0, 900_000, tzinfo=UTC)
    assert Once(at).next_after(at.replace(microsecond=700_000)) > at


def test_a_single_time_in_a_gap_or_fold_obeys_the_policy():
    gap, fold = "2025-03-30T02:30:00", "2025-10-26T02:30:00"
    berlin = "Europe/Berlin"
    assert Once(gap, berlin).instant.isoformat() == "2025-03-30T03:00:00+02:00"
    assert Once(gap, berlin, clock="rfc5545").instant.isoformat() == "2025-03-30T03:30:00+02:00"
    assert Once(fold, berlin).instant.isoformat() == "2025-10-26T02:30:00+02:00"
    with pytest.raises(RecurrenceError, match="never shows"):
        Once(gap, berlin, clock="skip")


@pytest.mark.parametrize("at", ["tomorrow", "", None, 5, "2025-13-01T00:00"])
def test_what_is_no_date_is_refused(at):
    with pytest.raises(RecurrenceError) as caught:
        Once(at)
    assert caught.value.field == "at"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("0 5 * * *", Cron("0 5 * * *", "Europe/Berlin")),
        ("@daily", Cron("@daily", "Europe/Berlin")),
        ("@every 90s", Interval(seconds=90, tz="Europe/Berlin")),
        ("@Every 1h30m", Interval(hours=1, minutes=30, tz="Europe/Berlin")),
        ("  @every  2d ", Interval(days=2, tz="Europe/Berlin")),
        ("@reboot", Reboot("Europe/Berlin")),
    ],
)
def test_text_is_parsed(text, rule):
    assert parse(text, "Europe/Berlin") == rule


@pytest.mark.parametrize("text", ["@every", "@every 0s", "@every 5", "@every -5m", "@every 1.5h"])
def test_wrong_durations_are_refused(text):
    with pytest.raises(RecurrenceError):
        parse(text)


def test_every_counts_from_the_anchor_given():
    anchor = NOON + timedelta(seconds=7)
    assert parse("@every 1m", anchor=anchor).next_after(NOON) == anchor


def test_reboot_has_no_fire_times():
    rule = Reboot()
    assert not rule.is_possible()
    assert rule.upcoming(NOON, 1) == []


def test_json_is_minimal_and_readable():
    assert Cron("0  5 * * *", "Europe/Berlin").to_json() == {
        "type": "cron",
        "expression": "0 5 * * *",
        "tz": "Europe/Berlin",
    }
    assert Interval(hours=2, anchor=NOON).to_json() == {
        "type": "interval",
        "hours": 2,
        "anchor": "2025-01-01T12:00:00Z",
        "tz": "UTC",
    }
    assert Once(NOON).to_json() == {"type": "once", "at": "2025-01-01T12:00:00Z", "tz": "UTC"}
    assert CronFields(hour=5).to_json() == {"type": "cron_fields", "hour": "5", "tz": "UTC"}


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"type": "crom"}, "type"),
        ({}, "type"),
        ({"type": ["cron"]}, "type"),
        ({"type": "cron"}, "expression"),
        ({"type": "cron", "expression": "* * * * *", "hour": 5}, "hour"),
        ({"type": "cron", "expression": 5}, "expression"),
        ({"type": "cron", "expression": "* * * * *", "tz": None}, "tz"),
        ({"type": "cron", "expression": "* * * * *", "start": "2025-01-01T00:00:00"}, "start"),
        ({"type": "cron", "expression": "* * * * *", "start": "soon"}, "start"),
        ({"type": "cron", "expression": "* * * * *", "exclude": [["2025-01-01"]]}, "exclude"),
        ({"type": "cron", "expression": "* * * * *", "clock": {"gap": "skip"}}, "clock"),
        ({"type": "cron", "expression": "* * * * *", "dialect": "quartz"}, "dialect"),
        ({"type": "interval", "hours": "2"}, "hours"),
        ({"type": "interval", "hours": True}, "hours"),
        ({"type": "calendar_interval", "days": 1, "anchor": "1 May"}, "anchor"),
        ({"type": "rrule", "rule": "FREQ=DAILY", "tz": "UTC"}, "dtstart"),
    ],
)
def test_json_that_is_not_ours_is_refused(data, field):
    with pytest.raises(RecurrenceError) as caught:
        from_json(data)
    assert caught.value.field == field


@pytest.mark.parametrize("data", [None, [], "cron", 5])
def test_json_that_is_no_object_is_refused(data):
    with pytest.raises(RecurrenceError):
        from_json(data)


def test_versions_are_known():
    assert ENGINE_VERSION >= 1
    assert tzdata_version()[:2] == "20"


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Cron("*/5 * * * *"), "Every 5 minutes, in the zone UTC."),
        (
            Cron("0 9 * * MON-FRI", "Europe/Berlin"),
            "At 09:00, on Monday to Friday, in the zone Europe/Berlin.",
        ),
        (
            Cron("0 0 1,15 * 5"),
            (
                "At 00:00, on the 1st and 15th of the month or on Friday (either is enough), "
                "in the zone UTC."
            ),
        ),
        (
            Cron("0 0 13 * 5", day_rule="and"),
            "At 00:00, on the 13th of the month, but only if it is Friday, in the zone UTC.",
        ),
        (Cron("30 9-17 * * *"), "At minute 30 from 09:00 to 17:59, every day, in the zone UTC."),
        (
            CronFields(day="last fri", hour=17, minute=30),
            "At 17:30, on the last Friday of the month, in the zone UTC.",
        ),
        (
            Interval(minutes=90, anchor=NOON),
            (
                "Every 90 minutes of elapsed time, counted from Wednesday 1 January 2025 at 12:00, "
                "in the zone UTC."
            ),
        ),
        (Once(NOON), "Once, on Wednesday 1 January 2025 at 12:00, in the zone UTC."),
        (
            RRule("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", start=NOON),
            (
                "Every month, on the last Friday of the month, at 12:00, 3 times, in the zone UTC, "
                "from Wednesday 1 January 2025 at 12:00."
            ),
        ),
    ],
)
def test_rules_are_described_exactly(rule, sentence):
    assert rule.describe() == sentence
