"""Every example of RFC 5545, 3.8.5.3, by its name there: DTSTART;TZID=America/New_York and the dates that it lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from clockwright.recurrence import RRule

NEW_YORK = ZoneInfo("America/New_York")
EDT, EST = timedelta(hours=-4), timedelta(hours=-5)
WEEKDAYS = "BYDAY=MO,TU,WE,TH,FR"

# Name: DTSTART (at 09:00), rules that mean the same, dates by month. A list ending in "…" goes on for ever.
EXAMPLES = {
    "daily for 10 occurrences": ("1997-09-02", ["FREQ=DAILY;COUNT=10"], "1997-09: 2-11"),
    "daily until December 24, 1997": (
        "1997-09-02",
        ["FREQ=DAILY;UNTIL=19971224T000000Z"],
        "1997-09: 2-30; 1997-10: 1-31; 1997-11: 1-30; 1997-12: 1-23",
    ),
    "every other day, forever": (
        "1997-09-02",
        ["FREQ=DAILY;INTERVAL=2"],
        (
            "1997-09: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30; 1997-10: 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30; "
            "1997-11: 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29; 1997-12: 1 3 …"
        ),
    ),
    "every 10 days, 5 occurrences": (
        "1997-09-02",
        ["FREQ=DAILY;INTERVAL=10;COUNT=5"],
        "1997-09: 2 12 22; 1997-10: 2 12",
    ),
    "every day in January, for 3 years": (
        "1998-01-01",
        [
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA",
            "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1",
        ],
        "1998-01: 1-31; 1999-01: 1-31; 2000-01: 1-31",
    ),
    "weekly for 10 occurrences": (
        "1997-09-02",
        ["FREQ=WEEKLY;COUNT=10"],
        "1997-09: 2 9 16 23 30; 1997-10: 7 14 21 28; 1997-11: 4",
    ),
    "weekly until December 24, 1997": (
        "1997-09-02",
        ["FREQ=WEEKLY;UNTIL=19971224T000000Z"],
        "1997-09: 2 9 16 23 30; 1997-10: 7 14 21 28; 1997-11: 4 11 18 25; 1997-12: 2 9 16 23",
    ),
    "every other week, forever": (
        "1997-09-02",
        ["FREQ=WEEKLY;INTERVAL=2;WKST=SU"],
        "1997-09: 2 16 30; 1997-10: 14 28; 1997-11: 11 25; 1997-12: 9 23; 1998-01: 6 20; 1998-02: 3 17 …",
    ),
    "weekly on Tuesday and Thursday for five weeks": (
        "1997-09-02",
        [
            "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH",
            "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH",
        ],
        "1997-09: 2 4 9 11 16 18 23 25 30; 1997-10: 2",
    ),
    "every other week on Monday, Wednesday, and Friday until December 24, 1997": (
        "1997-09-01",
        ["FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR"],
        "1997-09: 1 3 5 15 17 19 29; 1997-10: 1 3 13 15 17 27 29 31; 1997-11: 10 12 14 24 26 28; 1997-12: 8 10 12 22",
    ),
    "every other week on Tuesday and Thursday, for 8 occurrences": (
        "1997-09-02",
        ["FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH"],
        "1997-09: 2 4 16 18 30; 1997-10: 2 14 16",
    ),
    "monthly on the first Friday for 10 occurrences": (
        "1997-09-05",
        ["FREQ=MONTHLY;COUNT=10;BYDAY=1FR"],
        (
            "1997-09: 5; 1997-10: 3; 1997-11: 7; 1997-12: 5; 1998-01: 2; 1998-02: 6; 1998-03: 6; 1998-04: 3; 1998-05: 1; "
            "1998-06: 5"
        ),
    ),
    "monthly on the first Friday until December 24, 1997": (
        "1997-09-05",
        ["FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR"],
        "1997-09: 5; 1997-10: 3; 1997-11: 7; 1997-12: 5",
    ),
    "every other month on the first and last Sunday of the month for 10 occurrences": (
        "1997-09-07",
        ["FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU"],
        "1997-09: 7 28; 1997-11: 2 30; 1998-01: 4 25; 1998-03: 1 29; 1998-05: 3 31",
    ),
    "monthly on the second-to-last Monday of the month for 6 months": (
        "1997-09-22",
        ["FREQ=MONTHLY;COUNT=6;BYDAY=-2MO"],
        "1997-09: 22; 1997-10: 20; 1997-11: 17; 1997-12: 22; 1998-01: 19; 1998-02: 16",
    ),
    "monthly on the third-to-the-last day of the month, forever": (
        "1997-09-28",
        ["FREQ=MONTHLY;BYMONTHDAY=-3"],
        "1997-09: 28; 1997-10: 29; 1997-11: 28; 1997-12: 29; 1998-01: 29; 1998-02: 26 …",
    ),
    "monthly on the 2nd and 15th of the month for 10 occurrences": (
        "1997-09-02",
        ["FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15"],
        "1997-09: 2 15; 1997-10: 2 15; 1997-11: 2 15; 1997-12: 2 15; 1998-01: 2 15",
    ),
    "monthly on the first and last day of the month for 10 occurrences": (
        "1997-09-30",
        ["FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1"],
        "1997-09: 30; 1997-10: 1 31; 1997-11: 1 30; 1997-12: 1 31; 1998-01: 1 31; 1998-02: 1",
    ),
    "every 18 months on the 10th thru 15th of the month for 10 occurrences": (
        "1997-09-10",
        ["FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15"],
        "1997-09: 10-15; 1999-03: 10-13",
    ),
    "every Tuesday, every other month": (
        "1997-09-02",
        ["FREQ=MONTHLY;INTERVAL=2;BYDAY=TU"],
        "1997-09: 2 9 16 23 30; 1997-11: 4 11 18 25; 1998-01: 6 13 20 27; 1998-03: 3 10 17 24 31 …",
    ),
    "yearly in June and July for 10 occurrences": (
        "1997-06-10",
        ["FREQ=YEARLY;COUNT=10;BYMONTH=6,7"],
        "; ".join(f"{year}-06: 10; {year}-07: 10" for year in range(1997, 2002)),
    ),
    "every other year on January, February, and March for 10 occurrences": (
        "1997-03-10",
        ["FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3"],
        "1997-03: 10; "
        + "; ".join(f"{y}-01: 10; {y}-02: 10; {y}-03: 10" for y in (1999, 2001, 2003)),
    ),
    "every third year on the 1st, 100th, and 200th day for 10 occurrences": (
        "1997-01-01",
        ["FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200"],
        (
            "1997-01: 1; 1997-04: 10; 1997-07: 19; 2000-01: 1; 2000-04: 9; 2000-07: 18; 2003-01: 1; 2003-04: 10; "
            "2003-07: 19; 2006-01: 1"
        ),
    ),
    "every 20th Monday of the year, forever": (
        "1997-05-19",
        ["FREQ=YEARLY;BYDAY=20MO"],
        "1997-05: 19; 1998-05: 18; 1999-05: 17 …",
    ),
    "Monday of week number 20, forever": (
        "1997-05-12",
        ["FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"],
        "1997-05: 12; 1998-05: 11; 1999-05: 17 …",
    ),
    "every Thursday in March, forever": (
        "1997-03-13",
        ["FREQ=YEARLY;BYMONTH=3;BYDAY=TH"],
        "1997-03: 13 20 27; 1998-03: 5 12 19 26; 1999-03: 4 11 18 25 …",
    ),
    "every Thursday, but only during June, July, and August, forever": (
        "1997-06-05",
        ["FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8"],
        (
            "1997-06: 5 12 19 26; 1997-07: 3 10 17 24 31; 1997-08: 7 14 21 28; 1998-06: 4 11 18 25; "
            "1998-07: 2 9 16 23 30; 1998-08: 6 13 20 27; 1999-06: 3 10 17 24; 1999-07: 1 8 15 22 29; 1999-08: 5 12 19 26 …"
        ),
    ),
    "the first Saturday that follows the first Sunday of the month, forever": (
        "1997-09-13",
        ["FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13"],
        (
            "1997-09: 13; 1997-10: 11; 1997-11: 8; 1997-12: 13; 1998-01: 10; 1998-02: 7; 1998-03: 7; 1998-04: 11; "
            "1998-05: 9; 1998-06: 13 …"
        ),
    ),
    "every 4 years, the first Tuesday after a Monday in November, forever": (
        "1996-11-05",
        ["FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8"],
        "1996-11: 5; 2000-11: 7; 2004-11: 2 …",
    ),
    "the third instance into the month of one of Tuesday, Wednesday, or Thursday, for the next 3 months": (
        "1997-09-04",
        ["FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3"],
        "1997-09: 4; 1997-10: 7; 1997-11: 6",
    ),
    "the second-to-last weekday of the month": (
        "1997-09-29",
        [f"FREQ=MONTHLY;{WEEKDAYS};BYSETPOS=-2"],
        "1997-09: 29; 1997-10: 30; 1997-11: 27; 1997-12: 30; 1998-01: 29; 1998-02: 26; 1998-03: 30 …",
    ),
    "the week starts on Monday": (
        "1997-08-05",
        ["FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO"],
        "1997-08: 5 10 19 24",
    ),
    "the week starts on Sunday, which makes a difference": (
        "1997-08-05",
        ["FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"],
        "1997-08: 5 17 19 31",
    ),
    "an invalid date (February 30) is ignored": (
        "2007-01-15",
        ["FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5"],
        "2007-01: 15 30; 2007-02: 15; 2007-03: 15 30",
    ),
}


def at_nine(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T09:00:00").replace(tzinfo=NEW_YORK)


def dates(text: str) -> list[str]:
    found = []
    for part in text.removesuffix(" …").split("; "):
        month, _, days = part.partition(": ")
        for item in days.split():
            first, _, last = item.partition("-")
            found += [f"{month}-{day:02}" for day in range(int(first), int(last or first) + 1)]
    return found


def is_summer(text: str) -> bool:
    # The United States changed clocks on the first Sunday of April and the last of October, until 2006.
    changes = {
        1996: ("04-07", "10-27"),
        1997: ("04-06", "10-26"),
        1998: ("04-05", "10-25"),
        1999: ("04-04", "10-31"),
        2000: ("04-02", "10-29"),
        2001: ("04-01", "10-28"),
        2003: ("04-06", "10-26"),
        2004: ("04-04", "10-31"),
        2006: ("04-02", "10-29"),
        2007: ("03-11", "11-04"),
    }
    first, last = changes[int(text[:4])]
    return first <= text[5:] < last


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    first, rules, listed = EXAMPLES[name]
    for text in rules:
        rule = RRule(text, start=at_nine(first))
        expected = dates(listed)
        found = rule.upcoming(rule.start - timedelta(days=1), len(expected) + 1)
        assert [t.isoformat()[:19] for t in found[: len(expected)]] == [
            f"{day}T09:00:00" for day in expected
        ]
        assert (len(found) > len(expected)) == listed.endswith("…")
        offsets = [t.utcoffset() for t in found[: len(expected)]]
        assert offsets == [EDT if is_summer(day) else EST for day in expected]
        last = found[len(expected) - 1]
        assert rule.count_between(rule.start - timedelta(days=1), last) == len(expected)
        assert rule.prev_before(last + timedelta(seconds=1)) == last


def test_example_every_friday_the_13th_forever():
    start = at_nine("1997-09-02")
    rule = RRule("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", start=start, exdate=[start])
    found = [t.isoformat()[:10] for t in rule.upcoming(start - timedelta(days=1), 5)]
    assert found == ["1998-02-13", "1998-03-13", "1998-11-13", "1999-08-13", "2000-10-13"]
    # The DTSTART that the EXDATE of the example takes away does not match, and does not count here without it either.
    again = RRule(rule.text, start=start).upcoming(start - timedelta(days=1), 5)
    assert [t.isoformat()[:10] for t in again] == found


def times(text: str, count: int = 200) -> list[str]:
    rule = RRule(text, start=at_nine("1997-09-02"))
    return [t.isoformat()[5:16] for t in rule.upcoming(rule.start - timedelta(days=1), count)]


def test_example_every_3_hours_from_9_to_17_on_a_specific_day():
    # As printed UNTIL is 13:00 EDT, which cuts the third of the times listed; the erratum to the RFC mends it.
    assert times("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z") == ["09-02T09:00", "09-02T12:00"]
    mended = times("FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T210000Z")
    assert mended == ["09-02T09:00", "09-02T12:00", "09-02T15:00"]


def test_example_every_15_minutes_for_6_occurrences():
    found = times("FREQ=MINUTELY;INTERVAL=15;COUNT=6")
    assert found == [f"09-02T{t}" for t in ("09:00", "09:15", "09:30", "09:45", "10:00", "10:15")]


def test_example_every_hour_and_a_half_for_4_occurrences():
    found = times("FREQ=MINUTELY;INTERVAL=90;COUNT=4")
    assert found == [f"09-02T{t}" for t in ("09:00", "10:30", "12:00", "13:30")]


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40",
        "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16",
    ],
)
def test_example_every_20_minutes_from_9_00_to_16_40_every_day(text):
    a_day = [f"{hour:02}:{minute:02}" for hour in range(9, 17) for minute in (0, 20, 40)]
    assert times(text, 48) == [f"09-{day}T{time}" for day in ("02", "03") for time in a_day]
    assert RRule(text, start=at_nine("1997-09-02")).next_after(
        datetime(1997, 10, 25, 20, 40, tzinfo=UTC)
    ) == at_nine("1997-10-26")
