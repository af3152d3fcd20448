"""Zones, their changes, the policies."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from clockwright.recurrence import ClockPolicy, Cron, Interval, Once, RecurrenceError
from clockwright.recurrence.zones import find_zone, year_of
from tests.recurrence.zonefiles import distinct_zones, listed_changes


@pytest.mark.parametrize("chunk", range(3))
def test_the_changes_learned_are_those_of_the_compiled_files(chunk):
    failed = []
    for key in distinct_zones()[chunk::3]:
        listed = {c for c in listed_changes(key) if 1940 <= year_of(c[0]) < 2037}
        years = {year_of(c[0]) for c in listed}
        learned = {tuple(c) for year in years for c in find_zone(key).changes_in(year)}
        # A slim file lists no change that its rule for later years tells.
        learned = {c for c in learned if c[0] <= max(c[0] for c in listed)}
        if learned != listed:
            failed.append(f"{key}: {sorted(learned ^ listed)[:4]}")
    assert not failed, failed[:5]


@pytest.mark.parametrize("key", ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Gaza", "UTC"])
@pytest.mark.parametrize("year", [1750, 2036, 2087, 2101, 2140, 2399, 2400, 5016, 9998])
def test_offsets_of_any_year_are_those_of_the_zone(key, year):
    info, rule = ZoneInfo(key), Cron("0 12 * * *", key)
    noon = datetime(year, 1, 1, tzinfo=UTC)
    for _ in range(366):
        noon = rule.next_after(noon)
        assert (noon.hour, noon.tzinfo) == (12, info)
    assert noon.utcoffset() == info.utcoffset(noon.replace(tzinfo=None))


@pytest.mark.parametrize(
    "key",
    [
        "Mars/Olympus",
        "",
        "../etc/passwd",
        "/etc/passwd",
        "Europe",
        "utc\0",
        "Zürich",
        "EST5EDT4",
        "right/UTC",
        "localtime",
        "tzdata.zi",
        "Factory",
        " UTC",
        "x" * 5_000,
    ],
)
@pytest.mark.parametrize("rule", [Cron, Once, Interval])
def test_c_03_an_unknown_zone_is_refused_by_name(key, rule):
    with pytest.raises(RecurrenceError) as caught:
        {
            Cron: lambda: Cron("0 12 * * *", key),
            Once: lambda: Once("2025-01-01T00:00", key),
            Interval: lambda: Interval(hours=1, tz=key),
        }[rule]()
    assert caught.value.field == "timezone"
    assert caught.value.token == key
    assert caught.value.hint
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", [None, 5, ["UTC"], ZoneInfo("UTC")])
def test_a_zone_that_is_no_text_is_refused(key):
    with pytest.raises(RecurrenceError, match="named by text"):
        Cron("0 12 * * *", key)


def test_c_03_the_zone_is_honoured():
    noon = Cron("0 12 * * *", "America/New_York").next_after(datetime(2025, 7, 1, tzinfo=UTC))
    assert noon.isoformat() == "2025-07-01T12:00:00-04:00"
    assert noon.tzinfo == ZoneInfo("America/New_York")


def test_c_65_a_job_in_the_gap_runs_at_its_end_and_one_in_the_fold_once():
    new_york = Cron("30 2 * * *", "America/New_York")
    assert (
        new_york.next_after(datetime(2025, 3, 9, 5, tzinfo=UTC)).isoformat()
        == "2025-03-09T03:00:00-04:00"
    )
    hourly = Cron("0 * * * *", "Australia/Lord_Howe")
    around = hourly.upcoming(datetime(2019, 10, 5, 14, 0, tzinfo=UTC), 3)
    # 02:00 to 02:30 is leapt over; an hourly rule is a rhythm and has nothing to make up for.
    assert [t.isoformat()[11:16] for t in around] == ["01:00", "03:00", "04:00"]
    fold = Cron("30 1 * * *", "America/New_York").upcoming(datetime(2025, 11, 2, tzinfo=UTC), 2)
    assert [t.astimezone(UTC).isoformat()[:16] for t in fold] == [
        "2025-11-02T05:30",
        "2025-11-03T06:30",
    ]


def test_a_skipped_day_is_a_gap_like_any_other():
    rule = Cron("0 5 * * *", "Pacific/Apia")
    times = [t.isoformat() for t in rule.upcoming(datetime(2011, 12, 29, tzinfo=UTC), 3)]
    assert times == [
        "2011-12-29T05:00:00-10:00",
        "2011-12-31T00:00:00+14:00",
        "2011-12-31T05:00:00+14:00",
    ]


def test_policies_are_values_with_names():
    assert ClockPolicy("skip", "both", "all") == ClockPolicy.of("wall")
    assert ClockPolicy("skip", "both", "all").name == "wall"
    assert ClockPolicy("skip", "last").name is None
    assert Cron("0 2 * * *", clock=ClockPolicy("skip", "both", "all")) == Cron(
        "0 2 * * *", clock="wall"
    )


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ClockPolicy("jump", "first"), "gap"),
        (lambda: ClockPolicy("skip", "second"), "fold"),
        (lambda: ClockPolicy("skip", "first", "some"), "scope"),
        (lambda: ClockPolicy.of("quartz"), "clock"),
        (lambda: Cron("* * * * *", clock="quartz"), "clock"),
    ],
)
def test_an_unknown_policy_is_refused_with_the_choices(make, field):
    with pytest.raises(RecurrenceError, match="one of") as caught:
        make()
    assert caught.value.field == field


@pytest.mark.parametrize("clock", ["vixie", "wall", "skip", "rfc5545"])
def test_the_ends_of_time_are_no_errors(clock):
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Niue"):
        rule = Cron("59 23 31 12 *", zone, clock=clock)
        far = datetime(9999, 12, 30, tzinfo=UTC)
        assert len(rule.upcoming(far, 3)) <= 1
        assert rule.next_after(datetime.max.replace(tzinfo=UTC)) is None
        assert rule.prev_before(datetime.min.replace(tzinfo=UTC)) is None
        assert rule.next_after(datetime.min.replace(tzinfo=UTC)).year == 1
        assert rule.prev_before(datetime.max.replace(tzinfo=UTC)).year >= 9998
        assert rule.count_between(
            datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
        ) in range(9_990, 10_000)


def test_the_fold_is_marked_in_the_answer():
    rule = Cron("*/30 * * * *", "Europe/Berlin")
    times = rule.upcoming(datetime(2025, 10, 26, 0, 10, tzinfo=UTC), 4)
    assert [t.fold for t in times] == [0, 1, 1, 0]
    in_utc = [t.astimezone(UTC) for t in times]
    assert [b - a for a, b in pairwise(in_utc)] == [timedelta(minutes=30)] * 3
