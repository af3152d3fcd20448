"""`describe`: sentences that are exact, and whole in every language."""

import random
import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clockwright.recurrence import (
    ENGLISH,
    BusinessDays,
    Calendar,
    CalendarInterval,
    ClockPolicy,
    Cron,
    CronFields,
    Except,
    Interval,
    Once,
    Phrases,
    Reboot,
    RRule,
    Union,
)
from tests.recurrence.german import GERMAN
from tests.recurrence.strategies import lines, rules, second_lines, zones

NEW_YEAR = datetime(2025, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BERLIN = "Europe/Berlin"

steady = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 * * * *", "At minute 0 of every hour"),
        ("*/15 9-17 * * MON-FRI", "Every 15 minutes from 09:00 to 17:59, on Monday to Friday"),
        ("0 */6 * * *", "At minute 0 of every 6th hour from 00:00 on"),
        ("0 9,17 * * *", "At 09:00 and 17:00, every day"),
        ("0 0 L * *", "At 00:00, on the last day of the month"),
        ("0 0 L-1,L-3 * *", "on the 2nd last day or the 4th last day of the month"),
        (
            "0 0 15W * SUN#2",
            "on the working day nearest the 15th of the month or on the 2nd Sunday",
        ),
        ("0 0 1 1-3,12 *", "At 00:00, on the 1st of the month, in January to March and December"),
        ("* 5 * * *", "Every minute from 05:00 to 05:59, in the zone"),
    ],
)
def test_a_cron_line_is_said_in_words(line, words):
    assert words in Cron(line).describe()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Interval(seconds=3_600), "Every hour of elapsed time"),
        (Interval(seconds=90), "Every 90 seconds of elapsed time"),
        (Interval(hours=36), "Every 36 hours of elapsed time"),
        (Interval(seconds=604_800), "Every week of elapsed time"),
        (Interval(seconds=100_000), "Every 1 day, 3 hours, 46 minutes and 40 seconds of elapsed"),
        (CalendarInterval(months=24, anchor=date(2025, 1, 1)), "Every 2 years at 00:00"),
        (CalendarInterval(days=14, anchor=date(2025, 1, 1)), "Every 2 weeks at 00:00"),
        (
            CalendarInterval(months=1, anchor=date(2025, 1, 31), at=time(8), month_end="skip"),
            "counted from Friday 31 January 2025, shorter months are skipped",
        ),
    ],
)
def test_a_period_is_said_in_the_unit_that_measures_it(rule, words):
    assert rule.describe().startswith(words) or words in rule.describe()


def test_bounds_are_told_in_whole_seconds_and_with_their_pass():
    start = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)  # 02:30 in Berlin for the second time
    sentence = Cron("0 0 * * *", BERLIN, start=start - timedelta(microseconds=1)).describe()
    assert sentence.endswith(
        "from Sunday 26 October 2025 at 02:30 (the second time the clock shows it)."
    )
    assert "second time" not in Cron("0 0 * * *", BERLIN, start=start - DAY / 24).describe()


def test_exclusions_are_listed_where_they_are_few_and_counted_where_not():
    spans = [(NEW_YEAR + n * 7 * DAY, NEW_YEAR + (n * 7 + 2) * DAY) for n in range(6)]
    assert (
        "except from Wednesday 1 January 2025 at 00:00 to before Friday 3 January 2025 at 00:00"
        in Cron("0 0 * * *", exclude=spans[:1]).describe()
    )
    assert (
        "except in 6 ranges from Wednesday 1 January 2025"
        in Cron("0 0 * * *", exclude=spans).describe()
    )


def test_the_clock_policy_is_told_where_it_is_not_the_default():
    assert "clock" not in Cron("30 2 * * *", BERLIN).describe()
    assert (
        Cron("30 2 * * *", BERLIN, clock="wall")
        .describe()
        .endswith(
            "times that the clock leaps over do not run, times that it shows twice run both times."
        )
    )
    shifted = CalendarInterval(days=1, anchor=date(2025, 1, 1), clock=ClockPolicy("skip", "last"))
    assert shifted.describe().endswith(
        "times that the clock leaps over do not run, times that it shows twice run the second time."
    )


def test_a_rhythm_and_the_same_times_written_out_are_told_apart():
    rhythm, written_out = Cron("*/30 * * * *", BERLIN), Cron("0,30 0-23 * * *", BERLIN)
    assert rhythm.describe() == "Every 30 minutes, in the zone Europe/Berlin."
    assert written_out.describe().endswith(
        "run when it has leapt, times that it shows twice run the first time."
    )


def test_a_recurrence_rule_is_told_with_all_it_adds_and_takes_away():
    rule = RRule(
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=10",
        start=NEW_YEAR,
        include_dtstart=True,
        rdate=[NEW_YEAR + DAY],
        exdate=[NEW_YEAR + n * DAY for n in range(12, 100, 14)],
        exrule=["FREQ=MONTHLY;BYMONTHDAY=-1"],
    )
    assert rule.describe() == (
        "Every 2 weeks, on Monday, at 00:00, weeks beginning on Monday, 10 times, "
        "and at the start itself, also on Thursday 2 January 2025 at 00:00, "
        "not at 7 times from Monday 13 January 2025 at 00:00 to Monday 7 April 2025 at 00:00, "
        "but not every month, on the last day of the month, at 00:00, in the zone UTC, "
        "from Wednesday 1 January 2025 at 00:00."
    )


def test_a_limit_in_years_is_told():
    assert "in 1970 to 2000" in CronFields(year="1970-2000").describe()
    assert "in 1970" not in CronFields(year="*", hour=1).describe()
    assert "in 1970 to 2199" in Cron("0 0 5 * * * *", dialect="seconds_year").describe()


FROM, TO = datetime(2024, 1, 1, tzinfo=UTC), datetime(2028, 3, 1, tzinfo=UTC)


def differ(one, other) -> bool:
    """Whether two rules have different fire times, looked at in some years."""
    if one.count_between(FROM, TO) != other.count_between(FROM, TO):
        return True
    return one.upcoming(FROM, 300) != other.upcoming(FROM, 300)


MINUTES = ["*", "0", "5", "*/5", "0-59", "0/5", "*/30", "0,30", "0/30", "1-9/2", "*/60"]
HOURS = ["*", "0", "5", "*/2", "0/2", "0-23", "9,17", "9-17", "*/12", "*/24"]
DAYS = ["*", "1", "1-31", "*/2", "L", "LW", "15W", "L-1", "1,L", "13", "1-7", "1-7,LW"]
MONTHS = ["*", "1-12", "2", "*/3", "1,4,7,10"]
WEEKDAYS = ["*", "5", "0-6", "FRI#2", "5L", "1-5", "FRI", "*/2", "SUN,FRI#2"]


@settings(steady, max_examples=40)
@given(
    zones,
    st.lists(st.tuples(lines, st.sampled_from(["vixie", "and"])), min_size=2, max_size=8),
    st.lists(second_lines, min_size=2, max_size=4),
)
def test_rules_with_different_fire_times_have_different_sentences(zone, written, with_seconds):
    crons = [Cron(line, zone, day_rule=rule) for line, rule in written]
    crons += [Cron(line, zone, dialect="seconds") for line in with_seconds]
    by_sentence = {}
    for rule in crons:
        other = by_sentence.setdefault(rule.describe(), rule)
        assert rule == other or not differ(rule, other), f"{rule} and {other}: {rule.describe()}"


@pytest.mark.parametrize("zone", [BERLIN, "Australia/Lord_Howe"])
def test_of_many_lines_close_to_each_other_no_two_that_differ_read_alike(zone):
    rng = random.Random(zone)
    by_sentence = {}
    for _ in range(1_500):
        line = " ".join(rng.choice(f) for f in (MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS))
        rule = Cron(line, zone, day_rule=rng.choice(["vixie", "and", "bare_star"]))
        other = by_sentence.setdefault(rule.describe(), rule)
        assert rule == other or not differ(rule, other), f"{rule} and {other}: {rule.describe()}"


EVERYTHING = [
    CronFields(year="2030-2032", week="10-12", day="2nd tue,last fri,last", hour=9, second="*/7"),
    Cron("5,7 3-4,9 * * *", exclude=[(NEW_YEAR + n * DAY, NEW_YEAR + n * DAY + DAY / 2) for n in range(9)]),
    Cron("0 5,6 8 L-2,LW,15W * 5L,SUN", dialect="seconds", end=NEW_YEAR),
    Cron("0 0 13 * FRI", day_rule="and", exclude=[(NEW_YEAR, NEW_YEAR + DAY)]),
    Cron("*/20 */3 * * *", clock=ClockPolicy("shift", "both", "all")),
    Cron("9 3 * * *", BERLIN, start=datetime(2025, 10, 26, 1, 30, tzinfo=UTC), clock="skip"),
    Cron("*/9 5 */8 * * *", clock=ClockPolicy("run_at_gap_end", "last", "all"), dialect="seconds"),
    *(Interval(**{unit: n}) for unit in ("weeks", "days", "hours", "minutes", "seconds") for n in (1, 2)),
    Interval(weeks=1, days=1, hours=1, minutes=1, seconds=1),
    Interval(weeks=2, days=2, hours=2, minutes=2, seconds=2),
    *(
        CalendarInterval(years=n, months=m, weeks=w, days=d, anchor=date(2025, 1, 31), month_end=end)
        for n, m, w, d, end in [
            (1, 0, 0, 0, "clamp"), (2, 0, 0, 0, "skip"), (0, 1, 0, 0, "skip"), (0, 2, 0, 0, "clamp"),
            (0, 0, 1, 0, "clamp"), (0, 0, 2, 0, "clamp"), (0, 0, 0, 1, "clamp"), (0, 0, 0, 2, "clamp"),
            (1, 0, 1, 0, "clamp"), (0, 1, 0, 1, "clamp"),
        ]
    ),
    Once(NEW_YEAR),
    Reboot(),
    Cron("9 * * * *"),
    Cron("*/5 9,17 * * *"),
    Union([Cron("0 5 * * *"), Once(NEW_YEAR)]),
    Union([Cron("0 5 * * *")]),
    Except(Cron("0 5 * * *"), weekdays=["mon"], calendar=Calendar("1", weekend=[])),
    *(
        BusinessDays(Cron("0 5 * * *"), calendar, otherwise=otherwise)
        for otherwise, calendar in [
            ("skip", Calendar("2", yearly=["12-25"], easter=[-2, 0, 1], nth_weekdays=["last mon may"])),
            ("next", Calendar("3", holidays=[date(2025, 1, n) for n in range(1, 9)])),
            ("previous", Calendar("4", yearly=[f"{n // 20 + 1:02}-{n % 20 + 1:02}" for n in range(30)])),
        ]
    ),
    *(
        RRule(f"FREQ={rule}", start=NEW_YEAR, rdate=[NEW_YEAR + n * DAY for n in range(dates)],
              exdate=[NEW_YEAR + n * DAY for n in range(6 - dates)],
              exrule=["FREQ=DAILY;BYHOUR=7"], include_dtstart=True, clock="wall")
        for rule, dates in [
            ("YEARLY;BYDAY=-1FR,2MO,TU;UNTIL=20300101T000000Z", 1),
            ("YEARLY;BYWEEKNO=20,-1;BYMONTH=5;BYSETPOS=-2", 6),
            ("YEARLY;BYYEARDAY=1,-1;UNTIL=20300101", 2),
            ("MONTHLY;INTERVAL=2;BYMONTHDAY=-1,2;BYSETPOS=1;COUNT=1", 1),
            ("MONTHLY;BYDAY=-1FR;COUNT=5", 1),
            ("WEEKLY;INTERVAL=2;BYDAY=MO;BYSETPOS=1;BYHOUR=1,2,3,4,5,6,7", 1),
            ("DAILY;BYSETPOS=1;BYHOUR=9,12", 1),
            ("HOURLY;INTERVAL=5;BYSETPOS=1;BYMINUTE=1,2", 1),
            ("MINUTELY;BYSETPOS=1;BYSECOND=1,2", 1),
            ("SECONDLY;BYSETPOS=1;BYSECOND=0", 1),
        ]
    ),
]  # fmt: skip
WORD = re.compile(r"[^\W\d_]+")
KNOWN = {word for text in GERMAN.texts.values() for word in WORD.findall(str(text))}
KNOWN |= {*GERMAN.weekdays, *GERMAN.months, "UTC"}


def zones_of(rule) -> list[str]:
    """The zones of a rule and its members."""
    members = getattr(rule, "members", ())
    return [rule.tz, *(zone for member in members for zone in zones_of(member))]


def foreign_words(rule) -> set[str]:
    """The words of a sentence that are not from the catalogue."""
    sentence = rule.describe(GERMAN)
    for zone in zones_of(rule):
        sentence = sentence.replace(zone, "")
    return {
        word for word in WORD.findall(sentence) if not {word, word[0].lower() + word[1:]} & KNOWN
    }


@pytest.mark.parametrize("rule", EVERYTHING, ids=lambda rule: str(rule.to_json())[:80])
def test_another_language_leaves_no_english_word(rule):
    assert not foreign_words(rule), rule.describe(GERMAN)
    assert rule.describe(GERMAN) != rule.describe()
    assert rule.describe(ENGLISH) == rule.describe()


@steady
@given(rules)
def test_any_rule_is_said_in_another_language(rule):
    assert not foreign_words(rule), rule.describe(GERMAN)


def test_every_phrase_of_the_catalogue_is_used():
    used = set()

    class Noted(Phrases):
        def say(self, key, **values):
            used.add(key)
            return super().say(key, **values)

        def many(self, key, number, **values):
            used.add(key)
            return super().many(key, number, **values)

    noted = Noted(weekdays=ENGLISH.weekdays, months=ENGLISH.months, texts=ENGLISH.texts)
    for rule in EVERYTHING:
        rule.describe(noted)
    assert set(ENGLISH.texts) - used == set()


def test_order_endings_and_plurals_are_the_catalogues():
    assert Cron("30 9 * * MON-FRI", BERLIN).describe(GERMAN) == (
        "Um 9:30 Uhr, jeweils Montag bis Freitag, in der Zeitzone Europe/Berlin."
    )
    assert (
        Interval(hours=1).describe(GERMAN).startswith("Jede Stunde verstrichener Zeit, gezählt ab")
    )
    assert Interval(days=2).describe(GERMAN).startswith("Alle 2 Tage")
    assert Once(NEW_YEAR).describe(GERMAN) == (
        "Einmal, am Mittwoch, dem 1. Januar 2025, um 0:00 Uhr, in der Zeitzone UTC."
    )


def test_a_catalogue_that_lacks_a_phrase_or_asks_for_too_much_is_refused():
    names = {"weekdays": ENGLISH.weekdays, "months": ENGLISH.months}
    texts = dict(ENGLISH.texts)
    with pytest.raises(ValueError, match="nothing fills wen"):
        Phrases(**names, texts=texts | {"zone": "{wen}"})
    with pytest.raises(ValueError, match="plural forms are a tuple"):
        Phrases(**names, texts=texts | {"years": "{n} years"})
    with pytest.raises(ValueError, match="missing or unknown: zone"):
        Phrases(**names, texts={key: text for key, text in texts.items() if key != "zone"})
    with pytest.raises(ValueError, match="7 names"):
        Phrases(weekdays=(), months=ENGLISH.months, texts=texts)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_bounds_at_the_ends_of_the_calendar_can_be_told(zone):
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    rule = Cron("0 0 * * *", zone, start=first, end=last - DAY / 24, exclude=[(NEW_YEAR, last)])
    assert rule.describe().endswith(".")
    assert not rule.explain(NEW_YEAR + DAY / 7).fires
