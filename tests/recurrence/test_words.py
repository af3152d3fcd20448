"""Rules in words: what each sentence becomes, its canonical form, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.recurrence import (
    CalendarInterval,
    Cron,
    Interval,
    Once,
    RecurrenceError,
    Union,
    from_words,
    looks_like_words,
    to_words,
)
from clockwright.recurrence.words.text import MONTH_NAMES, WEEKDAY_NAMES

BERLIN = "Europe/Berlin"

SAID = [
    ("at 5 pm on mondays and fridays", "0 17 * * mon,fri"),
    ("Mondays at 5pm", "0 17 * * mon"),
    ("EVERY  Weekday,\tat 9", "0 9 * * mon-fri"),
    ("every working day at 9", "0 9 * * mon-fri"),
    ("Monday to Friday at 9", "0 9 * * mon-fri"),
    ("from mon - fri at 9", "0 9 * * mon-fri"),
    ("every Friday through Monday at 9", "0 9 * * mon,fri-sun"),
    ("each weekend at 12 am", "0 0 * * sat,sun"),
    ("every day at 12 pm", "0 12 * * *"),
    ("daily at noon and midnight", "0 0,12 * * *"),
    ("every day at 9, 9:30, 17:30, and 17:00", "0,30 9,17 * * *"),
    ("weekly on Friday at 9", "0 9 * * fri"),
    ("every week on Sun", "0 0 * * sun"),
    ("every minute", "* * * * *"),
    ("every 30 minutes on the 1st of the month", "*/30 * 1 * *"),
    ("every 60 minutes", "0 * * * *"),
    ("every fifteen minutes between 9 am and 5 pm", "*/15 9-16 * * *"),
    ("every 20 minutes from 22:00 to 6:00", "*/20 0-5,22,23 * * *"),
    ("every hour from 18:00 until midnight", "0 18-23 * * *"),
    ("every hour at minute 15 and 45", "15,45 * * * *"),
    ("every 2 hours from 8:00 to 18:00", "0 8-16/2 * * *"),
    ("every hour from 9 to midnight", "0 9-23 * * *"),
    ("every hour from 9am to 5pm", "0 9-16 * * *"),
    ("every 12 hours", "0 */12 * * *"),
    ("the last day of every month at 23:59", "59 23 L * *"),
    ("every month on the 15th and last day", "0 0 15,L * *"),
    ("the first and last weekday of the month at 6", "0 6 1W,LW * *"),
    ("the second and fourth Tuesday of each month at 7", "0 7 * * tue#2,tue#4"),
    ("monthly on the 31st", "0 0 31 * *"),
    ("on the first Monday of September every year", "0 0 * sep mon#1"),
    ("every first Monday of January and July at 9", "0 9 * jan,jul mon#1"),
    ("every Monday in November to February at 7", "0 7 * jan,feb,nov,dec mon"),
    ("annually on December 24th at 6 pm", "0 18 24 dec *"),
    ("every year", "0 0 1 jan *"),
    ("quarterly on the first working day at 8", "0 8 1W jan,apr,jul,oct *"),
]
REFUSED = [
    ("", 1, "", "every weekday at 9"),
    ("   ", 4, "", "every weekday at 9"),
    ("tomorrow at 9", 1, "tomorrow", "write the date"),
    ("next Monday at 9", 1, "next", "write the date"),
    ("every Mondey at 9", 7, "Mondey", "monday"),
    ("evry day at 9", 1, "evry", "every"),
    ("every day at 9 \u2013 17", 16, "\u2013", "letters, digits"),
    ("every day at", 13, "", "a time"),
    ("every day at 9,", 16, "", "expected every"),
    ("every day at 25", 14, "25", "from 0 to 23"),
    ("every day at 24:00", 14, "24", "from 0 to 23"),
    ("every day at 9:75", 16, "75", "from 0 to 59"),
    ("every day at 0930", 14, "0930", "09:30"),
    ("every day at 13 pm", 17, "pm", "from 1 to 12"),
    ("every day at 9 and 10 pm", 14, "9", "to each"),
    ("every 15 minutes from 9 to 5 pm", 23, "9", "to each"),
    ("every day at 9:00:30", 11, "at", "seconds"),
    ("every day at 9 at 10", 16, "at", "two rules"),
    ("every day every week", 17, "week", "two rules"),
    ("at 9", 1, "at", "begin with every"),
    ("on Monday at 9", 1, "on", "begin with every"),
    ("on 24 December at 9", 1, "on", "begin with every"),
    ("every week", 7, "week", "on Monday"),
    ("every day on Monday", 11, "on", "every Monday"),
    ("every month on Monday", 13, "on", "name the days"),
    ("every Monday on the 1st", 14, "on", "two rules"),
    ("every 15 minutes at 9", 18, "at", "from 9:00"),
    ("every 7 minutes from 9 to 17", 17, "from", "every 15 minutes"),
    ("every 15 minutes from 9:30 to 17:00", 18, "from", "from 9:00"),
    ("every hour from 9 to 9", 12, "from", "whole day"),
    ("every hour from 22:00 to 6:00 on weekdays", 12, "from", "two rules"),
    ("every hour from 9 to 5", 17, "9", "from 9am to 5pm, or from 22:00 to 06:00"),
    ("every hour from noon to 5", 17, "noon", "from 9am to 5pm"),
    ("every 15 minutes between 22 and 6", 26, "22", "from 22:00 to 06:00"),
    ("every second Tuesday at 9", 7, "second", "of the month"),
    ("every second day", 7, "second", "of the month"),
    ("biweekly on Monday", 1, "biweekly", "every 2 weeks"),
    ("twice daily", 1, "twice", "both times"),
    ("every year on the 15th", 12, "on", "24 December"),
    ("every year on 31 February", 12, "on", "another day"),
    ("every year on the 0th", 19, "0", "from 1 to 31"),
    ("every month on the 15 at 9", 20, "15", "the 15th"),
    ("the 15th and last Friday of the month", 19, "Friday", "first to fifth"),
    ("every month on the third working day", 26, "working", "the first and the last"),
    ("every month on the last", 24, "", "a weekday"),
    ("every quarter on the last day", 15, "on", "March, June"),
    ("every 3 days at 6", 7, "3", "starting on"),
    ("every 2 weeks on Monday and Tuesday starting on 2026-01-01", 15, "on", "each day"),
    ("every 3 days at 6 and 18 starting on 2026-01-01", 14, "at", "two rules"),
    ("every 3 days at 6 starting on 2026-01-01 at 7", 14, "at", "leave one out"),
    ("every 0 days", 7, "0", "from 1"),
    ("every day starting on 2026-01-01", 11, "starting", "schedule"),
    ("once at 9", 1, "once", "2026-12-24"),
    ("once on 2026-02-30 at 9", 9, "2026", "2026-12-24"),
    ("once on 2026-12", 16, "", "2026-12-24"),
    ("once on 2026-12-24 at 9 and 10", 20, "at", "two rules"),
    ("every day on 2026-12-24", 11, "on", "once on"),
    ("every weekday at 9 except holidays", 20, "except", "exclude"),
    ("every 5 bananas", 9, "bananas", "a unit"),
]


@pytest.mark.parametrize(("sentence", "line"), SAID)
def test_a_sentence_of_times_becomes_a_cron_line_and_has_one_canonical_form(sentence, line):
    rule = from_words(sentence, BERLIN)
    assert rule == Cron(line, BERLIN)
    canonical = to_words(rule)
    assert from_words(canonical, BERLIN) == rule
    assert to_words(from_words(canonical, BERLIN)) == canonical


@pytest.mark.parametrize(("sentence", "column", "token", "hint"), REFUSED)
def test_a_refusal_names_column_and_word_and_says_what_to_write(sentence, column, token, hint):
    with pytest.raises(RecurrenceError) as caught:
        from_words(sentence)
    error = caught.value
    assert (error.field, error.column, error.expression) == ("words", column, sentence)
    assert hint in error.hint
    assert token.startswith(error.token)


def test_without_am_or_pm_an_hour_is_of_24():
    assert from_words("every day at 9") == from_words("every day at 9 am")
    assert from_words("every day at 5") != from_words("every day at 5 pm")


def test_times_that_one_line_cannot_say_are_a_union():
    rule = from_words("every day at 17:00 and 9:30", BERLIN)
    assert rule == Union((Cron("30 9 * * *", BERLIN), Cron("0 17 * * *", BERLIN)))
    assert to_words(rule) == "every day at 09:30 and 17:00"
    assert from_words("every day at 9:30 and 17:00", BERLIN) == rule


@pytest.mark.parametrize(
    ("sentence", "period"),
    [
        ("every 7 minutes", {"minutes": 7}),
        ("every 90 seconds", {"seconds": 90}),
        ("every second", {"seconds": 1}),
        ("every 15 seconds", {"seconds": 15}),
        ("every 90 minutes", {"minutes": 90}),
        ("every 5 hours", {"hours": 5}),
        ("every 24 hours", {"hours": 24}),
    ],
)
def test_c_51_what_does_not_divide_the_hour_or_the_day_is_elapsed_time(sentence, period):
    rule = from_words(sentence, BERLIN)
    assert rule == Interval(**period, tz=BERLIN)
    assert to_words(rule) == sentence


def test_an_anchor_before_the_first_year_is_refused():
    ahead = timezone(timedelta(hours=22, minutes=55))
    with pytest.raises(RecurrenceError, match="anchor is out of range"):
        from_words("every 150 minutes", "UTC", anchor=datetime(1, 1, 1, tzinfo=ahead))


def test_elapsed_time_counts_from_the_anchor_and_the_sentence_can_say_it():
    anchor = datetime(2026, 1, 6, 11, 0, 7, tzinfo=UTC)
    rule = from_words("every 90 seconds", BERLIN, anchor=anchor)
    assert rule == Interval(seconds=90, anchor=anchor, tz=BERLIN)
    assert to_words(rule) == "every 90 seconds starting on 2026-01-06 at 12:00:07"
    assert from_words("every 90 seconds", BERLIN, anchor=date(2026, 1, 6)).next_after(
        anchor.replace(year=2025)
    ) == datetime(2026, 1, 5, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sentence", "rule", "canonical"),
    [
        (
            "every 3 days at 6",
            {"days": 3, "anchor": date(2026, 1, 1), "at": time(6)},
            "every 3 days at 06:00 starting on 2026-01-01",
        ),
        (
            "every 2 weeks on Tuesday at 10",
            {"weeks": 2, "anchor": date(2026, 1, 6), "at": time(10)},
            "every 2 weeks on Tuesday at 10:00 starting on 2026-01-06",
        ),
        (
            "every other week",
            {"weeks": 2, "anchor": date(2026, 1, 1), "at": time()},
            "every 2 weeks on Thursday at 00:00 starting on 2026-01-01",
        ),
        (
            "every 2 months on the 31st at 9 starting on 2026-02-01",
            {"months": 2, "anchor": date(2026, 3, 31), "at": time(9), "month_end": "skip"},
            "every 2 months on the 31st at 09:00 starting on 2026-03-31",
        ),
        (
            "every 2 quarters on the 15th",
            {"months": 6, "anchor": date(2026, 1, 15), "at": time()},
            "every 6 months on the 15th at 00:00 starting on 2026-01-15",
        ),
        (
            "every 4 years on 29 February at noon",
            {"years": 4, "anchor": date(2028, 2, 29), "at": time(12), "month_end": "skip"},
            "every 4 years on 29 February at 12:00 starting on 2028-02-29",
        ),
    ],
)
def test_c_51_counted_days_weeks_months_and_years_are_reckoned_from_a_date(
    sentence, rule, canonical
):
    found = from_words(sentence, BERLIN, anchor=date(2026, 1, 1))
    assert found == CalendarInterval(**rule, tz=BERLIN)
    assert to_words(found) == canonical
    assert from_words(canonical, BERLIN) == found


def test_an_aware_anchor_is_a_date_of_the_zone():
    late = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert from_words("every 3 days", BERLIN, anchor=late).anchor == date(2026, 1, 1)
    with pytest.raises(RecurrenceError, match="anchor"):
        from_words("every 3 days", BERLIN, anchor="2026-01-01")


@pytest.mark.parametrize(
    "sentence",
    [
        "once on 2026-12-24 at 18:00",
        "on 24 December 2026 at 6 pm",
        "once on December 24th 2026 at 18",
    ],
)
def test_a_date_with_its_year_comes_once(sentence):
    rule = from_words(sentence, BERLIN)
    assert rule == Once("2026-12-24T18:00", BERLIN)
    assert to_words(rule) == "once on 2026-12-24 at 18:00"


@pytest.mark.parametrize(
    "rule",
    [
        Cron("0 9 * * 1-5"),
        Cron("0 0 1 * mon"),
        Cron("30 */7 * * *"),
        Cron("0 9 * * mon-fri", clock="wall"),
        Cron("0 9 * * mon-fri", start=datetime(2026, 1, 1, tzinfo=UTC)),
        Cron("0 0 9 * * mon-fri", dialect="seconds"),
        Cron("H 9 * * *", seed="a"),
        Cron("0 0 L-3 * *"),
        Interval(minutes=15),
        Interval(hours=1, minutes=5),
        CalendarInterval(days=1, weeks=1, anchor=date(2026, 1, 1)),
        CalendarInterval(months=2, anchor=date(2026, 1, 31)),
        Union((Cron("0 9 * * mon"), Interval(days=2))),
        Union((Cron("0 9 * * mon"), Cron("0 10 * * tue"))),
    ],
)
def test_what_no_sentence_means_exactly_has_no_words(rule):
    assert to_words(rule) is None


@pytest.mark.parametrize("text", [None, 5, b"every day"])
def test_what_is_no_text_is_refused(text):
    with pytest.raises(RecurrenceError, match="text"):
        from_words(text)


def test_long_text_and_an_unknown_zone_are_refused():
    with pytest.raises(RecurrenceError, match="255"):
        from_words("every day at 9" + " " * 250)
    with pytest.raises(RecurrenceError) as caught:
        from_words("every day at 9", "Mars/Olympus")
    assert caught.value.field == "timezone"


@pytest.mark.parametrize(
    ("text", "is_said"),
    [
        ("every weekday at 9", True),
        ("1st and 15th of every month", True),
        ("nonsense", True),
        ("", False),
        ("0 9 * * mon-fri", False),
        ("H H * * *", False),
        ("R R * * *", False),
        ("mon * * * *", False),
        ("@daily", False),
        ("* * * * *", False),
    ],
)
def test_a_sentence_begins_with_a_word_and_a_cron_line_does_not(text, is_said):
    assert looks_like_words(text) is is_said


_UNITS = ["second", "minute", "hour", "day", "week", "month", "quarter", "year"]
_time = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]}:{t[1]:02}")
_times = st.lists(_time, min_size=1, max_size=4).map(" and ".join)
_days = st.sampled_from([*WEEKDAY_NAMES, "weekday", "weekend", "Monday and Friday"])
_months = st.sampled_from([*MONTH_NAMES, "January and July", "March to May"])
_place = st.sampled_from(["1st", "2nd and 15th", "31st", "last day", "first Monday", "last Friday"])
_start = st.dates(date(1990, 1, 1), date(2040, 1, 1)).map(lambda d: f"starting on {d}")
sentences = st.one_of(
    st.builds("every {} at {}".format, _days, _times),
    st.builds("every {} in {} at {}".format, _days, _months, _times),
    st.builds("every month on the {} at {}".format, _place, _times),
    st.builds("every {} on the {} at {}".format, _months, _place, _times),
    st.builds("every quarter on the {} at {}".format, _place, _times),
    st.builds("every {} {}s {}".format, st.integers(1, 90), st.sampled_from(_UNITS), _start),
    st.builds("every {} {}s".format, st.integers(1, 90), st.sampled_from(_UNITS[:3])),
    st.builds(
        "every {} {}s from {}:00 to {}:00".format,
        st.sampled_from([1, 2, 3, 4, 6, 12]),
        st.sampled_from(["minute", "hour"]),
        st.integers(0, 23),
        st.integers(0, 23),
    ),
    st.builds(
        "every {} minutes from 8 to {} on the {} of {}".format,
        st.sampled_from([5, 15, 30]),
        st.integers(9, 23),
        _place,
        _months,
    ),
    st.builds("once on {} at {}".format, st.dates(date(1990, 1, 1), date(2040, 1, 1)), _time),
)


@given(sentences)
def test_every_accepted_sentence_has_one_canonical_sentence_that_means_the_same(sentence):
    try:
        rule = from_words(sentence, BERLIN)
    except RecurrenceError:
        return
    canonical = to_words(rule)
    assert canonical is not None
    assert from_words(canonical, BERLIN) == rule
    assert to_words(from_words(canonical, BERLIN)) == canonical


_WORDS = [
    "every",
    "each",
    "other",
    "once",
    "on",
    "at",
    "in",
    "of",
    "the",
    "and",
    "from",
    "between",
    "to",
    "until",
    "starting",
    "am",
    "pm",
    ",",
    ":",
    "-",
    "1",
    "2",
    "3",
    "9",
    "15",
    "30",
    "60",
    "2026",
    "1st",
    "2nd",
    "31st",
    "12-24",
    "9:30",
    "first",
    "second",
    "last",
    "monday",
    "fridays",
    "weekday",
    "weekends",
    "working",
    "day",
    "days",
    "minute",
    "minutes",
    "hours",
    "week",
    "weeks",
    "month",
    "quarter",
    "year",
    "daily",
    "january",
    "dec",
    "noon",
    "midnight",
    "tomorrow",
    "minut",
    "xyz",
    "é",
    "7.",
]


@given(st.lists(st.sampled_from(_WORDS), max_size=20).map(" ".join) | st.text(max_size=80))
def test_any_text_is_a_rule_or_a_refusal_with_a_place(text):
    try:
        rule, error = from_words(text, BERLIN), None
    except RecurrenceError as refusal:
        rule, error = None, refusal
    if rule is not None:
        assert rule.is_possible()
        assert to_words(rule) is not None
    else:
        assert error.column is None or 1 <= error.column <= len(text) + 1
