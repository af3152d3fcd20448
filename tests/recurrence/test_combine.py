"""Combinations against their definition: sets of instants, built by walking members and dates."""

import json
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clockwright.recurrence import (
    BusinessDays,
    Calendar,
    CalendarInterval,
    Cron,
    CronFields,
    Except,
    Interval,
    Once,
    Reboot,
    RecurrenceError,
    RRule,
    Union,
    clock_effects,
    from_json,
)
from tests.recurrence.strategies import calendars, combinable, instants

steady = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAY = timedelta(days=1)
MANY = 1_500
# Zones whose clocks leap over midnight, over half an hour, over a day, or show midnight twice.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("America/New_York", date(2026, 11, 1)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/St_Johns", date(2006, 10, 29)),
    ("Asia/Beirut", date(2025, 3, 30)),
    ("America/Sao_Paulo", date(2018, 2, 18)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Nuuk", date(2024, 3, 30)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Antarctica/Troll", date(2025, 3, 30)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Kwajalein", date(1993, 8, 21)),
]


def utc(times):
    return [moment.astimezone(UTC) for moment in times]


def local_date(moment, zone):
    return moment.astimezone(ZoneInfo(zone)).date()


def exists(day, zone):
    """Whether the clock of a zone ever shows a date."""
    noon = datetime.combine(day, time(12), UTC)
    return any(local_date(noon + timedelta(hours=h), zone) == day for h in range(-30, 31))


def landing(day, wall, zone, clock):
    """The instants of a wall time, from the definition of each policy."""
    naive = datetime.combine(day, wall)
    first, second = (naive.replace(tzinfo=ZoneInfo(zone), fold=n).astimezone(UTC) for n in (0, 1))
    shows = [
        moment
        for moment in sorted({first, second})
        if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == naive
    ]
    if shows:
        return shows if clock == "wall" else shows[:1]
    if clock in {"wall", "skip"}:
        return []
    if clock == "rfc5545":
        return [first]  # the wall time read with the offset before the gap
    low, high = min(first, second), max(first, second)
    offset = low.astimezone(ZoneInfo(zone)).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        if middle.astimezone(ZoneInfo(zone)).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return [high.replace(microsecond=0)]


def moved_set(rule, calendar, otherwise, zone, clock, window):
    """What business days mean: walk the fire times, walk the dates."""
    start, end = window
    found = set()
    for moment in utc(rule.between(start - 30 * DAY, end + 30 * DAY)):
        wall = moment.astimezone(ZoneInfo(zone))
        day = wall.date()
        if calendar.is_business_day(day):
            found.add(moment)
        elif otherwise != "skip":
            step = DAY if otherwise == "next" else -DAY
            while not (calendar.is_business_day(day) and exists(day, zone)):
                day += step
            found.update(landing(day, wall.time(), zone, clock))
    return sorted(moment for moment in found if start < moment <= end)


def check_against(rule, expected, window, moments=()):
    """All ways of asking, against the set of fire times in ``(start, end]``."""
    start, end = window
    assert utc(rule.between(start, end)) == expected
    assert rule.count_between(start, end) == len(expected)
    assert utc(rule.upcoming(start, len(expected))) == expected
    asked = [start, *moments, *expected[:: max(1, len(expected) // 6)]]
    for moment in asked:
        after = expected[bisect_right(expected, moment) :]
        before = expected[: bisect_left(expected, moment)]
        if after:
            assert utc([rule.next_after(moment)]) == after[:1]
        if before:
            assert utc([rule.prev_before(moment)]) == before[-1:]
        assert rule.count_between(start, moment) == bisect_right(expected, moment)
        assert rule.count_between(moment, end) == len(after)
        assert moment == start or rule.explain(moment).fires == (moment in set(expected))


@steady
@given(st.lists(combinable, min_size=1, max_size=4), instants, st.integers(1, 40))
def test_a_union_is_the_union_of_its_members_sets(rules, start, days):
    union = Union(rules)
    window = start, start + days * DAY / len(rules)
    if union.count_between(*window) > MANY:
        return
    members = [set(utc(rule.between(*window))) for rule in rules]
    expected = sorted(set().union(*members))
    check_against(union, expected, window)


@steady
@given(
    combinable, st.sets(st.sampled_from(WEEKDAYS), max_size=5), calendars, instants, st.booleans()
)
def test_an_exception_takes_local_days_away(rule, weekdays, calendar, start, with_calendar):
    calendar = calendar if with_calendar or not weekdays else None
    try:
        excepted = Except(rule, weekdays=tuple(weekdays), calendar=calendar)
    except RecurrenceError:
        return
    window = start, start + 20 * DAY
    if rule.count_between(*window) > MANY:
        return
    expected = [
        moment
        for moment in utc(rule.between(*window))
        if WEEKDAYS[local_date(moment, excepted.tz).weekday()] not in weekdays
        and (calendar is None or calendar.is_business_day(local_date(moment, excepted.tz)))
    ]
    check_against(excepted, expected, window)


@steady
@given(
    combinable,
    calendars,
    st.sampled_from(["skip", "next", "previous"]),
    instants,
    st.sampled_from(["rfc5545", "vixie", "skip", "wall"]),
)
def test_business_days_skip_or_move_by_their_definition(rule, calendar, otherwise, start, clock):
    business = BusinessDays(rule, calendar, otherwise=otherwise, clock=clock)
    window = start, start + 12 * DAY
    if rule.count_between(start - 30 * DAY, start + 42 * DAY) > MANY:
        return
    expected = moved_set(rule, calendar, otherwise, business.tz, clock, window)
    check_against(business, expected, window)


CLOCKS = ["rfc5545", "vixie", "skip", "wall"]


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_moved_times_obey_the_clock_at_every_kind_of_change(zone, change):
    rule = Cron("*/30 0,1,2,23 * * *", zone)
    middle = datetime.combine(change, time(0, 20), UTC)
    window = middle - 3 * DAY, middle + 3 * DAY
    for clock, otherwise in product(CLOCKS, ["skip", "next", "previous"]):
        for closed in ((change,), (change - DAY,), (change + DAY, change + 2 * DAY)):
            calendar = Calendar("near", weekend=(), holidays=closed)
            business = BusinessDays(rule, calendar, otherwise=otherwise, clock=clock)
            expected = moved_set(rule, calendar, otherwise, zone, clock, window)
            check_against(business, expected, window, [middle, middle + timedelta(minutes=100)])


@pytest.mark.parametrize(("zone", "change"), CHANGES)
def test_a_day_is_the_days_local_date_even_where_the_clock_shows_midnight_twice(zone, change):
    for weekday in WEEKDAYS[change.weekday() - 1], WEEKDAYS[change.weekday()]:
        excepted = Except(Interval(minutes=5), zone, weekdays=(weekday,))
        middle = datetime.combine(change, time(12), UTC)
        window = middle - 2 * DAY, middle + 2 * DAY
        minutes = (window[0] + timedelta(minutes=n) for n in range(5, 4 * 1440 + 1, 5))
        expected = [m for m in minutes if WEEKDAYS[local_date(m, zone).weekday()] != weekday]
        check_against(excepted, expected, window)


def test_a_rule_of_every_five_minutes_merges_the_weekend_onto_monday():
    business = BusinessDays(Cron("*/5 * * * *"), Calendar("plain"), otherwise="next")
    friday = datetime(2026, 3, 6, 23, 55, tzinfo=UTC)
    assert business.next_after(friday) == datetime(2026, 3, 9, tzinfo=UTC)
    assert business.count_between(friday, friday + 3 * DAY) == 288
    assert business.count_between(friday, friday + 7 * DAY) == 5 * 288
    sundays = BusinessDays(Cron("0 9,17 * * sun"), Calendar("plain"), otherwise="next")
    assert f"{sundays.next_after(friday):%a %H:%M}" == "Mon 09:00"


def test_a_move_may_pass_other_fire_times():
    rule = Union([Cron("0 18 * * sat"), Cron("0 9 * * mon")])
    business = BusinessDays(rule, Calendar("plain"), otherwise="next")
    saturday = datetime(2026, 3, 7, tzinfo=UTC)
    assert [f"{t:%a %H:%M}" for t in business.upcoming(saturday, 3)] == [
        "Mon 09:00",
        "Mon 18:00",
        "Mon 09:00",
    ]


def test_the_members_bounds_are_about_times_before_they_are_moved():
    saturday = datetime(2026, 3, 7, 9, tzinfo=UTC)
    rule = Cron("0 9 * * *", end=saturday)
    moved = BusinessDays(rule, Calendar("plain"), otherwise="next")
    assert moved.next_after(saturday) == saturday + 2 * DAY
    assert moved.next_after(saturday + 2 * DAY) is None
    bounded = BusinessDays(rule, Calendar("plain"), otherwise="next", end=saturday + DAY)
    assert bounded.next_after(saturday - DAY) is None
    assert bounded.count_between(saturday - DAY, saturday + 9 * DAY) == 0
    excluded = BusinessDays(
        rule, Calendar("plain"), otherwise="next", exclude=[(saturday + DAY, saturday + 3 * DAY)]
    )
    assert excluded.next_after(saturday) is None


@pytest.mark.parametrize(
    "rule",
    [
        Interval(hours=5),
        CalendarInterval(days=1, anchor=date(2026, 1, 1)),
        CronFields(hour=9),
        Once("2026-03-03T09:00:00Z"),
        RRule("FREQ=DAILY", start=datetime(2026, 1, 1, 9, tzinfo=UTC)),
    ],
)
def test_any_rule_can_have_blackouts_and_bounds(rule):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    dark = (start + 2 * DAY, start + 3 * DAY)
    excepted = Except(rule, exclude=[dark], start=start + DAY / 2, end=start + 6 * DAY)
    expected = [
        moment
        for moment in utc(rule.between(start, start + 9 * DAY))
        if start + DAY / 2 <= moment <= start + 6 * DAY and not dark[0] <= moment < dark[1]
    ]
    check_against(excepted, expected, (start, start + 9 * DAY))


@steady
@given(combinable, calendars, st.sampled_from(["skip", "next", "previous"]))
def test_combinations_survive_json_within_each_other(rule, calendar, otherwise):
    end = datetime(2040, 1, 1, tzinfo=UTC)
    business = BusinessDays(rule, calendar, otherwise=otherwise, end=end)
    union = Union([business, Except(rule, weekdays=("mon",), start=end - DAY)], "Asia/Tokyo")
    again = from_json(json.loads(json.dumps(union.to_json())))
    assert again == union
    assert hash(again) == hash(union)
    assert repr(again) == repr(union)
    assert again.describe() == union.describe()
    assert again != Union(union.rules)


def test_a_rule_inside_another_is_in_its_zone_unless_it_names_one():
    inner = {"type": "cron", "expression": "0 9 * * *"}
    calendar = {"name": "plain"}
    data = {
        "type": "union",
        "tz": "Asia/Tokyo",
        "rules": [
            {"type": "business_days", "rule": inner, "calendar": calendar},
            {"type": "except", "rule": {**inner, "tz": "UTC"}, "weekdays": ["sun"]},
        ],
    }
    business, excepted = from_json(data).rules
    assert (business.tz, business.rule.tz) == ("Asia/Tokyo", "Asia/Tokyo")
    assert (excepted.tz, excepted.rule.tz) == ("Asia/Tokyo", "UTC")
    assert Union([Cron("0 9 * * *", "Asia/Tokyo")] * 2).tz == "Asia/Tokyo"
    assert Union([Cron("0 9 * * *", "Asia/Tokyo"), Cron("0 9 * * *")]).tz == "UTC"


def test_descriptions_name_what_is_left_out_and_what_is_moved():
    rule = Cron("0 9 * * *", "Europe/Paris")
    calendar = Calendar(
        "fr", yearly=("05-01",), easter=(1,), holidays=(date(2026, 12, 24),), nth_weekdays=()
    )
    dark = (datetime(2026, 8, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))
    assert Except(rule, weekdays=("fri", "wed"), exclude=[dark]).describe() == (
        "(At 09:00, every day, in the zone Europe/Paris), but not on Wednesday or Friday,"
        " in the zone Europe/Paris, except from Saturday 1 August 2026 at 02:00"
        " to before Tuesday 1 September 2026 at 02:00."
    )
    assert BusinessDays(rule, calendar, otherwise="previous").describe() == (
        "(At 09:00, every day, in the zone Europe/Paris),"
        " moved to the previous business day of the calendar fr at the same time,"
        " whose closed days are Saturday, Sunday, 1 May, 1 day after Easter Sunday and"
        " Thursday 24 December 2026, in the zone Europe/Paris."
    )
    assert Union([rule, Interval(hours=1)]).describe() == (
        "Whenever one of 2 rules fires: (At 09:00, every day, in the zone Europe/Paris)"
        " (Every hour of elapsed time, counted from Thursday 1 January 1970 at 00:00,"
        " in the zone UTC), in the zone UTC."
    )


def test_an_explanation_names_the_member_the_weekday_and_the_calendar():
    rule = Cron("0 9 * * *")
    saturday = datetime(2026, 3, 7, 9, tzinfo=UTC)
    told = Except(rule, weekdays=("sat",)).explain(saturday)
    assert [finding.field for finding in told.rejections] == ["weekdays"]
    told = BusinessDays(rule, Calendar("plain")).explain(saturday)
    assert [(f.field, f.reason) for f in told.rejections] == [("calendar", "closed by sat")]
    moved = BusinessDays(Cron("0 9 * * sat"), Calendar("plain"), otherwise="next")
    told = moved.explain(saturday + 2 * DAY)
    assert told.fires
    assert told.findings[0].reason == "moved from Saturday 7 March 2026"
    told = Union([rule, Cron("0 10 * * *")]).explain(saturday)
    assert told.finding("rules").value == "1"
    assert [part.admits for part in told.finding("rules").parts] == [True, False]


def test_clock_effects_are_those_of_the_members_that_are_kept():
    rule = Cron("30 2 * * *", "Europe/Berlin")
    january, july = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)

    def affected(combination):
        return [e.is_affected for e in clock_effects(combination, january, until=july)]

    assert affected(Union([rule])) == [True]
    assert affected(Except(rule, weekdays=("mon",))) == [True]
    assert affected(Except(rule, weekdays=("sun",))) == [False]  # the clock changes on a Sunday


def nested(depth, rule):
    for _ in range(depth):
        rule = Except(rule, weekdays=("sun",))
    return rule


def test_size_and_depth_are_limited():
    cron = Cron("0 9 * * *")
    Union([cron] * 100)
    nested(7, cron)
    for build in (
        lambda: Union([]),
        lambda: Union([cron] * 101),
        lambda: Union([Union([cron] * 60), Union([cron] * 60)]),
        lambda: nested(8, cron),
        lambda: Union([Once("2026-01-01T00:00Z"), "0 9 * * *"]),
        lambda: Union([Reboot()]),
        lambda: Union("0 9 * * *"),
        lambda: Except(cron),
        lambda: Except(cron, weekdays=("sat", "someday")),
        lambda: Except(cron, weekdays=tuple(WEEKDAYS)),
        lambda: Except(cron, calendar="us"),
        lambda: BusinessDays(cron, None),
        lambda: BusinessDays(cron, Calendar("plain"), otherwise="nearest"),
    ):
        with pytest.raises(RecurrenceError):
            build()


def test_json_is_refused_before_it_is_read_when_it_is_too_deep_or_too_large():
    data = {"type": "cron", "expression": "0 9 * * *"}
    for _ in range(5_000):
        data = {"type": "except", "rule": data, "weekdays": ["sun"]}
    with pytest.raises(RecurrenceError, match="deep"):
        from_json(data)
    days = [f"{2000 + n // 12}-{n % 12 + 1:02}-01" for n in range(900)]
    business = {
        "type": "business_days",
        "rule": {"type": "cron", "expression": "0 9 * * *"},
        "calendar": {"name": "big", "holidays": days},
    }
    with pytest.raises(RecurrenceError, match="dates"):
        from_json({"type": "union", "rules": [business] * 30})


def test_what_can_never_fire_is_recognised():
    sundays = [Except(Cron(f"{n} 9 * * sun"), weekdays=("sun",)) for n in range(40)]
    assert not sundays[0].is_possible()
    assert not Union(sundays).is_possible()
    christmas = Calendar("x", yearly=("12-25",))
    assert not BusinessDays(Cron("0 0 25 12 *"), christmas).is_possible()
    assert BusinessDays(Cron("0 0 25 12 *"), christmas, otherwise="next").is_possible()
    assert not BusinessDays(Cron("0 0 30 2 *"), christmas, otherwise="next").is_possible()
    late = Union([*sundays, Cron("0 0 29 2 *")])
    start = datetime(2026, 3, 1, tzinfo=UTC)
    assert late.next_after(start) == datetime(2028, 2, 29, tzinfo=UTC)
    assert late.prev_before(start) == datetime(2024, 2, 29, tzinfo=UTC)


def test_fire_times_of_members_at_one_instant_are_one():
    union = Union([Cron("0 */2 * * *"), Cron("0 */3 * * *"), Interval(hours=6)])
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    times = union.upcoming(midnight, 20)
    assert all(a < b for a, b in pairwise(times))
    assert union.count_between(midnight, midnight + DAY) == 16


def test_the_first_second_there_is_can_be_reached_backwards():
    rule = Except(Cron("0 0 * * *"), weekdays=["sun"])  # 3 January of the year 1 is a Wednesday
    first = datetime(1, 1, 3, tzinfo=UTC)
    assert rule.next_after(first - timedelta(days=1)) == first
    assert rule.prev_before(first + timedelta(hours=1)) == first


@pytest.mark.parametrize(
    "given",
    [
        *(5, None, [5], "ab", [(datetime(2026, 1, 1, tzinfo=UTC),)]),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_exclusions_that_are_no_pairs_are_refused(given):
    for kind in (
        partial(Cron, "0 0 * * *"),
        partial(CronFields, hour=1),
        partial(Union, [Cron("0 0 * * *")]),
        partial(Except, Cron("0 0 * * *"), weekdays=["sun"]),
        partial(BusinessDays, Cron("0 0 * * *"), Calendar("plain")),
    ):
        with pytest.raises(RecurrenceError) as caught:
            kind(exclude=given)
        assert caught.value.field == "exclude"


def test_one_range_that_is_no_list_is_told_how_to_become_one():
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(RecurrenceError, match=r"exclude=\[\(start, end\)\]"):
        Except(Cron("0 0 * * *"), exclude=(midnight, midnight + DAY))


def test_an_end_before_the_start_is_refused_by_every_rule_with_bounds():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    for kind in (
        partial(Cron, "0 0 * * *"),
        partial(CronFields, hour=1),
        partial(Interval, hours=1, anchor=start),
        partial(CalendarInterval, days=1, anchor=start.date()),
        partial(Union, [Cron("0 0 * * *")]),
        partial(Except, Cron("0 0 * * *"), weekdays=["sun"]),
        partial(BusinessDays, Cron("0 0 * * *"), Calendar("plain")),
    ):
        assert kind(start=start, end=start).start == start
        with pytest.raises(RecurrenceError, match="lies before start 2026-03-02") as caught:
            kind(start=start, end=start - DAY)
        assert (caught.value.field, caught.value.hint) == ("end", "swap them, or leave one out")


def test_what_is_possible_in_our_time_is_possible_though_it_was_not_for_centuries():
    """Until 1844 Manila's calendar was that of America: its Saturdays were New York's, and closed."""
    saturdays = Cron("0 8 * * sat", "Asia/Manila")
    rule = BusinessDays(saturdays, Calendar("work"), "America/New_York")
    fires = rule.next_after(datetime(2026, 1, 1, tzinfo=UTC))
    assert fires == datetime(2026, 1, 3, 0, tzinfo=UTC)
    assert rule.is_possible()


def test_what_fires_every_nine_years_is_possible_though_its_first_days_are_closed():
    """From a Saturday in 2027 it is 86 years to a February or December again: to what is Sunday still in UTC."""
    start = datetime(2027, 12, 25, 7, tzinfo=ZoneInfo("Europe/Berlin"))
    text = "FREQ=DAILY;INTERVAL=3146;BYMONTH=2,12;BYHOUR=0,8"
    rule = BusinessDays(RRule(text, start=start), Calendar("work"), "UTC")
    first = datetime(2114, 2, 12, 7, tzinfo=UTC)
    for year in (1, 1970, 2020, 2040, 2100):
        assert rule.next_after(datetime(year, 1, 2, tzinfo=UTC)) == first
    assert rule.prev_before(first) is None
    assert rule.prev_before(first + DAY) == first
    assert rule.is_possible()


def test_what_fires_only_in_its_last_years_is_possible():
    """Each Sunday is closed, and only the last ten years have another day."""
    sundays = Cron("0 9 * * sun")
    mondays = Cron("0 9 * * mon", start=datetime(9990, 1, 1, tzinfo=UTC))
    rule = Except(Union([sundays, mondays]), weekdays=("sun",))
    last = rule.prev_before(datetime(9999, 12, 30, tzinfo=UTC))
    assert last == datetime(9999, 12, 27, 9, tzinfo=UTC)
    assert rule.next_after(last - DAY) == last
    assert rule.is_possible()
