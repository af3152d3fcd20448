"""RFC 5545 beyond the case file: what is refused, what others get wrong, what could hang."""

import pickle
import random
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rruleset, rrulestr

from clockwright.recurrence import RecurrenceError, RRule, from_json
from tests.recurrence.steps import steps_of

START = datetime(2025, 1, 1, 9, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def days(rule: RRule, count: int = 4) -> list[str]:
    return [t.isoformat()[:10] for t in rule.upcoming(START - timedelta(seconds=1), count)]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "rrule"),
        ("FREQ", "FREQ"),
        ("COUNT=5", "FREQ"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        ("FREQ=DAILY;COUNT=5;UNTIL=20250101T000000Z", "COUNT"),
        ("FREQ=DAILY;UNTIL=tomorrow", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20250230", "UNTIL"),
        ("FREQ=DAILY;BYHOUR=24", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=1,,2", "BYHOUR"),
        ("FREQ=DAILY;BYHOUR=-1", "BYHOUR"),
        ("FREQ=DAILY;BYMONTH=0", "BYMONTH"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=XX", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=2MO", "BYDAY"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=2MO", "BYDAY"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYWEEKNO=1", "BYWEEKNO"),
        ("FREQ=DAILY;BYYEARDAY=1", "BYYEARDAY"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=DAILY;WKST=XX", "WKST"),
        ("FREQ=DAILY;BYEASTER=0", "BYEASTER"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ"),
        ("FREQ=DAILY;;COUNT=3", "rrule"),
    ],
)
def test_every_part_is_checked(text, part):
    with pytest.raises(RecurrenceError) as caught:
        RRule(text, start=START)
    assert caught.value.field == part


def test_items_of_byday_are_united():
    rule = RRule("FREQ=MONTHLY;BYDAY=-1TU,MO", start=START)
    assert days(rule, 5) == ["2025-01-06", "2025-01-13", "2025-01-20", "2025-01-27", "2025-01-28"]


def test_dtstart_counts_only_if_it_matches_unless_asked_for():
    text = "FREQ=WEEKLY;BYDAY=MO;COUNT=2"
    assert days(RRule(text, start=START)) == ["2025-01-06", "2025-01-13"]
    included = RRule(text, start=START, include_dtstart=True)
    assert days(included) == ["2025-01-01", "2025-01-06", "2025-01-13"]


def test_a_week_number_alone_means_the_weekday_of_dtstart():
    assert days(RRule("FREQ=YEARLY;BYWEEKNO=20", start=START), 2) == ["2025-05-14", "2026-05-13"]


def test_until_is_compared_in_utc_and_a_date_includes_its_day():
    start = datetime(2025, 3, 29, 23, 30, tzinfo=BERLIN)
    utc = RRule("FREQ=DAILY;UNTIL=20250330T213000Z", start=start)
    assert len(utc.upcoming(START, 9)) == 2
    assert len(RRule("FREQ=DAILY;UNTIL=20250330", start=start).upcoming(START, 9)) == 2
    assert len(RRule("FREQ=DAILY;UNTIL=20250330T232959", start=start).upcoming(START, 9)) == 1


def test_sets_are_united_and_subtracted():
    rule = RRule(
        "FREQ=DAILY;COUNT=5",
        start=START,
        rdate=[START + timedelta(hours=1), START + timedelta(days=20)],
        exdate=[START + timedelta(days=1), START + timedelta(hours=1)],
        exrule=["FREQ=DAILY;INTERVAL=3"],
    )
    assert days(rule, 9) == ["2025-01-03", "2025-01-05", "2025-01-21"]
    assert rule.count_between(START - timedelta(days=1), START + timedelta(days=30)) == 3


def test_a_rule_that_excludes_itself_ends():
    rule = RRule("FREQ=MINUTELY", start=START, exrule=["FREQ=MINUTELY"])
    assert rule.next_after(START) is None


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
        "FREQ=HOURLY;INTERVAL=24;BYHOUR=5",
        "FREQ=MINUTELY;INTERVAL=1440;BYMINUTE=30",
        "FREQ=SECONDLY;INTERVAL=86400;BYHOUR=5",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6",
        "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
        "FREQ=YEARLY;INTERVAL=4;BYYEARDAY=366",
    ],
)
def test_impossible_rules_end_at_once(text):
    steps, is_possible = steps_of(RRule(text, start=START).is_possible)
    assert not is_possible
    assert steps < 200_000


@pytest.mark.parametrize("count", [999, 1_001, 250_000])
@pytest.mark.parametrize(
    "text", ["FREQ=HOURLY", "FREQ=DAILY;BYDAY=MO,TU", "FREQ=MINUTELY;INTERVAL=7"]
)
def test_a_large_count_ends_where_walking_would(text, count):
    counted = RRule(f"{text};COUNT={count}", start=START)
    far = datetime(9990, 1, 1, tzinfo=UTC)
    last = counted.prev_before(far)
    assert counted.count_between(START - timedelta(seconds=1), far) == count
    endless = RRule(text, start=START)
    assert endless.count_between(START - timedelta(seconds=1), last) == count


def test_a_start_in_the_gap_is_kept_as_wall_time():
    rule = RRule("FREQ=DAILY", start=datetime(2025, 3, 30, 2, 30), tz="Europe/Berlin")  # noqa: DTZ001 - naive on purpose
    times = [t.isoformat() for t in rule.upcoming(START, 2)]
    assert times == ["2025-03-30T03:30:00+02:00", "2025-03-31T02:30:00+02:00"]
    assert from_json(rule.to_json()) == rule


def test_the_zone_is_that_of_the_start_or_the_one_given():
    assert RRule("FREQ=DAILY", start=START.astimezone(BERLIN)).tz == "Europe/Berlin"
    assert RRule("FREQ=DAILY", start=START).tz == "UTC"
    moved = RRule("FREQ=DAILY", start=START, tz="Europe/Berlin")
    assert moved.start.hour == 10
    for nameless in (datetime(2025, 1, 1), START.astimezone().replace(tzinfo=None)):  # noqa: DTZ001 - naive on purpose
        with pytest.raises(RecurrenceError) as caught:
            RRule("FREQ=DAILY", start=nameless)
        assert caught.value.field == "start"


FREQS = ["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"]


def random_text(rng: random.Random) -> str:
    # Only what both implementations define alike: no numbered weekdays beside plain ones, no
    # week numbers without weekdays.
    freq = rng.choice(FREQS)
    parts = [f"FREQ={freq}", f"INTERVAL={rng.choice((1, 1, 2, 3, 5, 8))}"]
    choices = {
        "BYMONTH": "1,2,6,11",
        "BYDAY": rng.choice(("MO,WE", "SU", "TU,TH,SA")),
        "BYHOUR": "0,9,17",
        "BYMINUTE": "0,20,45",
        "BYSECOND": "0,30",
        "WKST": rng.choice(("SU", "MO", "WE")),
    }
    if freq != "WEEKLY":
        choices["BYMONTHDAY"] = "1,13,-1"
    if freq in {"YEARLY", "HOURLY", "MINUTELY", "SECONDLY"}:
        choices["BYYEARDAY"] = "1,50,200,-1,-100"
    chosen = rng.sample(sorted(choices), rng.randrange(0, 4))
    if freq == "YEARLY" and rng.random() < 0.2:
        return f"FREQ=YEARLY;BYWEEKNO={rng.choice(('1', '53', '-1', '10,20'))};BYDAY=MO,TH,SU"
    parts += [f"{name}={choices[name]}" for name in chosen]
    # dateutil cuts the first week of BYSETPOS at DTSTART; here it is over the whole period.
    if freq != "WEEKLY" and any(name.startswith("BY") for name in chosen) and rng.random() < 0.3:
        parts.append(f"BYSETPOS={rng.choice(('1', '-1', '2', '1,-1'))}")
    return ";".join(parts)


def test_random_rules_agree_with_dateutil():
    rng = random.Random(3810)
    failed, compared = [], 0
    for _ in range(150):
        text = random_text(rng)
        start = datetime(2020, 1, 1) + timedelta(minutes=rng.randrange(3 * 525_600))  # noqa: DTZ001 - naive on purpose
        ours = RRule(text, start=start.replace(tzinfo=UTC))
        horizon = ours.start + timedelta(days=rng.choice((20, 400, 1500)))
        # dateutil may search for ever for what is rare: it is asked for what was found only.
        found = list(islice(ours.between(ours.start - timedelta(seconds=1), horizon), 12))
        if not found:
            continue
        compared += 1
        theirs = [t.replace(tzinfo=UTC) for t in islice(rrulestr(text, dtstart=start), len(found))]
        if found != theirs:
            failed.append(f"{text} from {start}: {found[:4]} != {theirs[:4]}")
    assert compared > 80
    assert not failed, "\n".join(failed[:3])


def test_random_sets_agree_with_dateutil():
    # The classes that ``random_text`` leaves out are left out here too. No zones: dateutil keeps an aware set's times as
    # wall times, and knows no gap. An EXRULE has no COUNT here, for which dateutil walks from DTSTART each time.
    rng = random.Random(3814)
    failed, compared = [], 0
    for _ in range(25):
        start = datetime(2020, 1, 1) + timedelta(minutes=rng.randrange(525_600))  # noqa: DTZ001 - naive on purpose
        texts = [random_text(rng) for _ in range(rng.choice((1, 2, 3)))]
        if rng.random() < 0.3:
            texts[0] += f";COUNT={rng.choice((5, 50, 1_200))}"
        elif rng.random() < 0.3:
            texts[0] += f";UNTIL={start + timedelta(days=rng.choice((3, 90, 900))):%Y%m%dT%H%M%SZ}"
        near = [start + timedelta(hours=24 * n) for n in rng.sample(range(40), 12)]
        aware = [t.replace(tzinfo=UTC) for t in near]
        begin = start.replace(tzinfo=UTC)
        ours = RRule(texts[0], start=begin, exrule=texts[1:], rdate=aware[:4], exdate=aware[4:])
        horizon = begin + timedelta(days=rng.choice((20, 400)))
        found = list(islice(ours.between(begin - timedelta(seconds=1), horizon), 40))
        theirs = rruleset()
        try:
            theirs.rrule(rrulestr(texts[0], dtstart=begin))
            for text in texts[1:]:
                theirs.exrule(rrulestr(text, dtstart=begin))
        except ValueError:  # dateutil refuses some of what is impossible
            continue
        for date in aware[:4]:
            theirs.rdate(date)
        for date in aware[4:]:
            theirs.exdate(date)
        if not found or any("BYSETPOS" in text or "BYYEARDAY" in text for text in texts):
            continue  # dateutil may search for ever for what is rare
        compared += 1
        expected = list(islice(takewhile(lambda t, end=found[-1]: t <= end, theirs), 50))
        if found != expected:
            failed.append(f"{texts} from {start}: {found[:4]} != {expected[:4]}")
    assert compared > 10
    assert not failed, "\n".join(failed[:3])


def test_a_rule_whose_days_have_different_times_can_be_copied():
    text = "FREQ=MONTHLY;BYDAY=MO,TU;BYHOUR=9,17;BYSETPOS=2,-2"
    rule = RRule(text, start=START)
    assert pickle.loads(pickle.dumps(rule)).upcoming(START, 6) == rule.upcoming(START, 6)


# An INTERVAL, and another one that meets every unit which the first meets, and more.
NESTED = [
    ("FREQ=SECONDLY;INTERVAL=1710", "FREQ=SECONDLY;INTERVAL=57;BYDAY=WE,SA"),
    ("FREQ=SECONDLY;INTERVAL=1740;BYDAY=WE,TH", "FREQ=MINUTELY;INTERVAL=29;BYHOUR=3,9"),
    ("FREQ=SECONDLY;INTERVAL=18000", "FREQ=HOURLY;INTERVAL=5;BYDAY=MO;BYMINUTE=0,30"),
    ("FREQ=MINUTELY;INTERVAL=77;BYSECOND=0,30", "FREQ=MINUTELY;INTERVAL=7;BYSECOND=30"),
    ("FREQ=MINUTELY;INTERVAL=300", "FREQ=HOURLY;INTERVAL=5;BYMONTHDAY=2,9"),
    ("FREQ=HOURLY;INTERVAL=50;BYMINUTE=0,30", "FREQ=HOURLY;INTERVAL=25;BYMINUTE=30;COUNT=20"),
    ("FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;INTERVAL=5;UNTIL=20250111T220000Z"),
    # These meet less: they remove less.
    ("FREQ=HOURLY;INTERVAL=5;BYMINUTE=0,30", "FREQ=MINUTELY;INTERVAL=300"),
    ("FREQ=MINUTELY;INTERVAL=21", "FREQ=MINUTELY;INTERVAL=42"),
]


@pytest.mark.parametrize(("text", "exrule"), NESTED)
def test_an_exrule_with_a_nested_interval_removes_just_its_fire_times(text, exrule):
    start = datetime(2025, 1, 1, 9, 30, tzinfo=UTC)
    begin, end = start - timedelta(seconds=1), start + timedelta(days=60)
    gone = set(RRule(exrule, start=start).between(begin, end))
    expected = [t for t in RRule(text, start=start).between(begin, end) if t not in gone]
    rule = RRule(text, start=start, exrule=[exrule])
    assert expected
    assert list(rule.between(begin, end)) == expected
    assert rule.count_between(begin, end) == len(expected)
    assert [rule.next_after(t) for t in [begin, *expected[:-1]]] == expected
    assert [rule.prev_before(t) for t in [*expected[1:], end + timedelta(seconds=1)]] == expected


@pytest.mark.parametrize("text", ["FREQ=DAILY", "FREQ=SECONDLY;INTERVAL=61;BYDAY=WE"])
def test_what_comes_after_a_rule_was_removed_for_most_of_history_is_found(text):
    rule = RRule(text, start=START, exrule=[f"{text};UNTIL=90001231T000000Z"])
    found = rule.next_after(START)
    assert found is not None
    assert found.year in {9000, 9001}
    assert rule.prev_before(found) is None
    assert rule.is_possible()


def test_a_rule_that_others_remove_for_most_of_history_is_possible():
    exrules = [
        f"FREQ=DAILY;BYMONTH={months};UNTIL=90001231T000000Z"
        for months in ("1,2,3", "4,5,6,7,8,9,10,11,12")
    ]
    rule = RRule("FREQ=DAILY", start=START, exrule=exrules)
    last = rule.prev_before(datetime(9999, 12, 31, tzinfo=UTC))
    assert last is not None
    assert rule.is_possible()


def test_what_one_exrule_takes_for_ever_is_known_without_looking_at_any_year():
    rule = RRule(
        "FREQ=HOURLY;INTERVAL=7;BYMONTHDAY=1,9,-3",
        start=datetime(1, 1, 1, 4, 47, 57, tzinfo=UTC),
        exrule=["FREQ=MINUTELY"],
        rdate=[datetime(2026, 11, 15, 15, 32, 11, tzinfo=UTC)],
    )
    added = datetime(2026, 11, 15, 15, 32, 11, tzinfo=UTC)
    assert rule.upcoming(datetime(2, 1, 1, tzinfo=UTC), 5) == [added]
    assert rule.prev_before(datetime(9999, 1, 1, tzinfo=UTC)) == added
