"""Calendars against their definition: walk the days of years, look each one up."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from dateutil.easter import easter
from hypothesis import given, settings
from hypothesis import strategies as st

from clockwright.recurrence import Calendar, RecurrenceError, calendar_from_json
from clockwright.recurrence.calendars import easter_sunday
from clockwright.recurrence.calendars.open_days import open_days
from clockwright.recurrence.zones import EPOCH_ORDINAL
from tests.recurrence.strategies import calendars

steady = settings(max_examples=60, deadline=None, derandomize=True)
DAY = timedelta(days=1)
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
PLACES = ["1st", "2nd", "3rd", "4th", "5th"]

US = Calendar(
    "us",
    holidays=(date(2026, 7, 3),),
    yearly=("01-01", "07-04", "12-25"),
    nth_weekdays=("last mon may", "4th thu nov"),
)


def is_nth(text, day):
    place, weekday, month = text.split()
    if (WEEKDAYS[day.weekday()], MONTHS[day.month - 1]) != (weekday, month):
        return False
    if place == "last":
        return (day + 7 * DAY).month != day.month
    return PLACES[(day.day - 1) // 7] == place


def is_closed(calendar, day):
    return (
        WEEKDAYS[day.weekday()] in calendar.weekend
        or day in calendar.holidays
        or f"{day:%m-%d}" in calendar.yearly
        or (day - easter(day.year)).days in calendar.easter
        or any(is_nth(text, day) for text in calendar.nth_weekdays)
    )


@steady
@given(calendars, st.integers(1985, 2045))
def test_business_days_are_those_that_nothing_closes(calendar, year):
    days = [date(year, 1, 1) + n * DAY for n in range(400)]
    business = [day for day in days if not is_closed(calendar, day)]
    assert [day for day in days if calendar.is_business_day(day)] == business
    assert [day for day in days if calendar.why_closed(day) is None] == business
    for day in days[40:-40:7]:
        assert calendar.next_business_day(day) == next(d for d in business if d > day)
        assert calendar.previous_business_day(day) == [d for d in business if d < day][-1]


@steady
@given(calendars)
def test_a_calendar_survives_json_and_cannot_be_changed(calendar):
    again = calendar_from_json(json.loads(json.dumps(calendar.to_json())))
    assert again == calendar
    assert hash(again) == hash(calendar)
    assert repr(again) == repr(calendar)
    with pytest.raises(AttributeError):
        calendar.name = "other"


def test_easter_is_that_of_the_western_churches():
    assert easter_sunday(2026) == date(2026, 4, 5)
    assert [easter_sunday(year) for year in range(1583, 4100)] == [
        easter(year) for year in range(1583, 4100)
    ]


def test_the_holidays_of_a_year_are_listed_in_order():
    told = [f"{day:%d %b}" for day in US.holidays_in(2026)]
    assert told == ["01 Jan", "25 May", "03 Jul", "04 Jul", "26 Nov", "25 Dec"]
    assert US.next_business_day(date(2026, 7, 2)) == date(2026, 7, 6)
    assert US.previous_business_day(date(2026, 5, 26)) == date(2026, 5, 22)
    assert US.why_closed(date(2026, 5, 25)) == "last mon may"
    assert US.why_closed(date(2026, 5, 24)) == "sun"


def test_calendars_are_equal_whatever_their_order():
    one = Calendar("x", weekend=("sun", "Sat"), easter=(1, -2), yearly=("12-25", "01-01"))
    assert one == Calendar("x", easter=(-2, 1, 1), yearly=("01-01", "12-25"))
    assert one != Calendar("y", easter=(-2, 1), yearly=("01-01", "12-25"))


def test_the_ends_of_time_have_no_business_day_beyond():
    plain = Calendar("plain", weekend=())
    assert plain.next_business_day(date.max) is None
    assert plain.previous_business_day(date.min) is None
    assert plain.is_business_day(date.max)


def test_29_february_is_a_holiday_of_leap_years():
    leap = Calendar("leap", weekend=(), yearly=("02-29",))
    assert leap.holidays_in(2027) == []
    assert leap.next_business_day(date(2028, 2, 28)) == date(2028, 3, 1)


def test_a_date_that_a_zone_leaps_over_is_no_business_day_there():
    friday = date(2011, 12, 30).toordinal() - EPOCH_ORDINAL
    assert open_days((), None).has(friday)
    assert not open_days((), None, "Pacific/Apia").has(friday)


@pytest.mark.parametrize(
    ("name", "parts", "field"),
    [
        ("", {}, "name"),
        ("my calendar", {}, "name"),
        ("x" * 65, {}, "name"),
        (7, {}, "name"),
        ("x", {"weekend": ("saturday",)}, "weekend"),
        ("x", {"weekend": "sat"}, "weekend"),
        ("x", {"weekend": WEEKDAYS}, "calendar"),
        ("x", {"yearly": ("02-30",)}, "yearly"),
        ("x", {"yearly": ("13-01",)}, "yearly"),
        ("x", {"yearly": ("1-1",)}, "yearly"),
        ("x", {"easter": (251,)}, "easter"),
        ("x", {"easter": (True,)}, "easter"),
        ("x", {"nth_weekdays": ("6th mon may",)}, "nth_weekdays"),
        ("x", {"nth_weekdays": ("last mon",)}, "nth_weekdays"),
        ("x", {"nth_weekdays": ("last abc may",)}, "nth_weekdays"),
        ("x", {"holidays": (datetime(2026, 1, 1, tzinfo=UTC),)}, "holidays"),
        ("x", {"holidays": ("2026-01-01",)}, "holidays"),
        ("x", {"holidays": [date.min + n * DAY for n in range(1_001)]}, "holidays"),
    ],
)
def test_what_is_no_calendar_is_refused_by_the_name_of_its_part(name, parts, field):
    with pytest.raises(RecurrenceError) as told:
        Calendar(name, **parts)
    assert told.value.field == field


@pytest.mark.parametrize(
    "data",
    [
        "us",
        {},
        {"name": "x", "days": []},
        {"name": "x", "weekend": "sat"},
        {"name": "x", "holidays": ["2026-02-30"]},
        {"name": "x", "holidays": ["20260101"]},
        {"name": "x", "holidays": [20260101]},
        {"name": "x", "holidays": "2026-01-01"},
        {"name": "x", "easter": ["-2"]},
    ],
)
def test_json_that_is_no_calendar_is_refused(data):
    with pytest.raises(RecurrenceError):
        calendar_from_json(data)


def test_a_year_without_a_business_day_is_refused_when_the_calendar_is_made():
    closed = tuple(date(2026, 1, 1) + n * DAY for n in range(400))
    with pytest.raises(RecurrenceError, match="no business day"):
        Calendar("closed", holidays=closed)
    Calendar("summer", holidays=closed[:250])
    with pytest.raises(RecurrenceError, match="no business day"):
        Calendar(
            "mondays",
            weekend=WEEKDAYS[1:],
            yearly=tuple(f"{m:02}-01" for m in range(1, 13))
            + tuple(f"{m:02}-15" for m in range(1, 13))
            + tuple(f"{m:02}-{d:02}" for m in range(1, 13) for d in (8, 22, 28)),
        )
