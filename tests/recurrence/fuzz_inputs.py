"""Random inputs for every way into ``recurrence``: valid ones, near misses and noise.

``an_input(rng)`` answers a call as (name, function, positional, keyword): what is called, so that it can be printed and
called again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from clockwright import recurrence as rec
from tests.recurrence import fuzz_rrules as rrules

Call = tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]
ZONES = sorted(available_timezones() - {"localtime", "Factory", "posixrules"})
COMMON = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
BAD_ZONES = ["", "Mars/Base", "../etc/passwd", "utc", "right/UTC", "Ünder/Zone", "A" * 300, "\0", 5]
CLOCKS = ["vixie", "wall", "skip", "rfc5545"]
DIALECTS = ["unix", "seconds", "seconds_year"]
ASCII = "".join(map(chr, range(32, 127)))
WIDE = "٣０９é—\u200b\ud800\U0001f600\x00\n\r\u2028ⅫÅ"
STRANGE = (None, True, 0, -1, 10**30, 1.5, float("nan"), float("inf"), b"0", (), [], {}, object)
FIELDS = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7), (1970, 2199)]
SPECIALS = [[], [], [], ["L", "LW", "15W", "L-3", "?"], ["jan", "DEC"], ["mon#2", "5L", "FRI-SUN"]]
YEAR_1, YEAR_9999 = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)


def zone(rng: random.Random) -> Any:
    if rng.random() < 0.04:
        return rng.choice(BAD_ZONES)
    return rng.choice(COMMON) if rng.random() < 0.97 else rng.choice(ZONES)


def instant(rng: random.Random) -> Any:  # noqa: PLR0911 - one for each kind
    """Mostly an aware datetime of our time; else of an extreme one, naive, or no datetime at all."""
    chance = rng.random()
    if chance < 0.7:
        return datetime.fromtimestamp(1_700_000_000 + rng.randrange(600_000_000), UTC)
    if chance < 0.84:
        return datetime.fromtimestamp(rng.randrange(4_000_000_000), UTC)
    if chance < 0.86:
        return YEAR_1 + (YEAR_9999 - YEAR_1) * rng.random()
    if chance < 0.88:
        odd = timezone(timedelta(seconds=rng.randrange(-86_399, 86_400)))
        return rng.choice([YEAR_1, YEAR_9999]).replace(tzinfo=odd)
    if chance < 0.91:
        return rng.choice([YEAR_1, YEAR_9999])
    if chance < 0.93:
        local = ZoneInfo(rng.choice(ZONES))
        return datetime(rng.randrange(1, 10_000), 10, 27, 2, 30, fold=1, tzinfo=local)
    if chance < 0.98:
        return datetime(2025, 1, 1, rng.randrange(24))  # noqa: DTZ001 - naive on purpose
    return rng.choice([None, "2025-01-01", 0, date(2025, 1, 1), time(), object()])


def noise(rng: random.Random) -> str:
    letters = rng.choice([ASCII, "0123456789*/,-#LW? ", ASCII + WIDE])
    return "".join(rng.choices(letters, k=rng.choice((0, 1, 3, 9, 20, 40))))


def mutated(rng: random.Random, text: str) -> str:
    """``text`` with a character or a stretch lost, doubled, swapped, or replaced."""
    for _ in range(rng.randrange(1, 3)):
        at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        match rng.randrange(6):
            case 0:
                text = text[:at] + text[to:]
            case 1:
                text = text[:to] + text[at:]
            case 2:
                text = text[:at] + rng.choice(ASCII) + text[at:]
            case 3:
                text = text[:at] + rng.choice(WIDE) + text[at + 1 :]
            case 4:
                text = text[:at] + str(rng.choice((0, 7, 60, 99, 10**9, 10**40))) + text[at:]
            case _:
                text = (text * rng.choice((2, 300)))[: rng.choice((80, 255, 256, 5_000))]
    return text


def item(rng: random.Random, low: int, high: int, extra: list[str]) -> str:
    value = rng.randint(low, high)
    match rng.randrange(9):
        case 0:
            return f"{value}-{rng.randint(value, high)}"
        case 1:
            return f"{value}/{rng.randint(1, 70)}"
        case 2:
            return f"{value}-{rng.randint(value, high)}/{rng.randint(1, 9)}"
        case 3:
            return rng.choice(extra or [str(value)])
        case 4:
            return f"*/{rng.randint(1, high)}"
        case _:
            return str(value)


def cron_line(rng: random.Random, dialect: str) -> str:
    first = 1 if dialect == "unix" else 0
    last = 7 if dialect == "seconds_year" else 6
    fields = []
    for at in range(first, last):
        if rng.random() < 0.4:
            fields.append("*")
            continue
        extra = SPECIALS[at] if at < len(SPECIALS) else []
        items = rng.choice((1, 1, 1, 2, 4))
        fields.append(",".join(item(rng, *FIELDS[at], extra) for _ in range(items)))
    return " ".join(fields)


def bounds(rng: random.Random) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if rng.random() < 0.15:
        given["start"] = instant(rng)
    if rng.random() < 0.15:
        given["end"] = instant(rng)
    return given


def exclusions(rng: random.Random) -> dict[str, Any]:
    given = bounds(rng)
    if rng.random() < 0.1:
        given["exclude"] = spans(rng, rng.choice((1, 2, 5)))
    elif rng.random() < 0.001:
        given["exclude"] = spans(rng, rng.choice((1_000, 1_001)))
    return given


def spans(rng: random.Random, count: int) -> list[Any]:
    first = datetime.fromtimestamp(rng.randrange(4_000_000_000), UTC)
    step = timedelta(minutes=rng.choice((7, 60, 1_440)))
    pairs: list[Any] = [(first + n * step, first + n * step + step * 0.9) for n in range(count)]
    if rng.random() < 0.1:
        pairs[0] = rng.choice([(), (first, first), (instant(rng), instant(rng)), (1, 2), "ab"])
    return pairs


def cron(rng: random.Random) -> Call:
    dialect = rng.choice(DIALECTS)
    text: Any = cron_line(rng, dialect)
    chance = rng.random()
    if chance < 0.35:
        text = mutated(rng, text)
    elif chance < 0.45:
        text = noise(rng)
    elif chance < 0.46:
        text = rng.choice(STRANGE)
    given = exclusions(rng)
    given["dialect"] = dialect if rng.random() < 0.97 else noise(rng)
    if rng.random() < 0.3:
        given["clock"] = clock(rng)
    if rng.random() < 0.3:
        given["day_rule"] = rng.choice(["vixie", "bare_star", "and", "or", noise(rng)])
    return "Cron", rec.Cron, (text, zone(rng)), given


def clock(rng: random.Random) -> Any:
    if rng.random() < 0.1:
        return rng.choice([noise(rng), None, 5, {}, []])
    return rng.choice(CLOCKS)


def cron_fields(rng: random.Random) -> Call:
    limits = {
        "year": (1970, 9999),
        "month": (1, 12),
        "day": (1, 31),
        "week": (1, 53),
        "day_of_week": (0, 6),
        "hour": (0, 23),
        "minute": (0, 59),
        "second": (0, 59),
    }
    words = {"day": ["last", "1st fri", "5th mon", "last sun"], "day_of_week": ["mon-fri", "sun"]}
    given: dict[str, Any] = exclusions(rng)
    for name in rng.sample(sorted(limits), rng.randrange(0, 5)):
        low, high = limits[name]
        text: Any = item(rng, low, high, words.get(name, []))
        if rng.random() < 0.2:
            text = rng.choice([mutated(rng, text), noise(rng), rng.randint(low, high)])
        elif rng.random() < 0.02:
            text = rng.choice(STRANGE)
        given[name] = text
    return "CronFields", rec.CronFields, (zone(rng),), given


def amount(rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return rng.choice(STRANGE)
    return rng.choice((1, 2, 7, 30, 366, 1_000, 86_400, 10**7, 10**11, -1, rng.randrange(10_000)))


def interval(rng: random.Random) -> Call:
    names = ("weeks", "days", "hours", "minutes", "seconds")
    given = {name: amount(rng) for name in rng.sample(names, rng.randrange(0, 3))} | bounds(rng)
    if rng.random() < 0.7:
        given["anchor"] = instant(rng)
    return "Interval", rec.Interval, (), given | {"tz": zone(rng)}


def calendar_interval(rng: random.Random) -> Call:
    names = ("days", "weeks", "months", "years")
    given = {name: amount(rng) for name in rng.sample(names, rng.randrange(0, 3))} | bounds(rng)
    day: Any = date.fromordinal(rng.randrange(1, date.max.toordinal() + 1))
    given["anchor"] = day if rng.random() < 0.6 else instant(rng)
    if rng.random() < 0.5:
        given["at"] = rng.choice([time(2, 30), time(23, 59, 59, 5), time(1, tzinfo=UTC), "2:30", 5])
    if rng.random() < 0.3:
        given["month_end"] = rng.choice(["clamp", "skip", "drop"])
    if rng.random() < 0.3:
        given["clock"] = clock(rng)
    return "CalendarInterval", rec.CalendarInterval, (), given | {"tz": zone(rng)}


def once(rng: random.Random) -> Call:
    at = instant(rng)
    if rng.random() < 0.5:
        at = mutated(rng, "2025-03-30T02:30:00+01:00") if rng.random() < 0.7 else noise(rng)
    given = {"clock": clock(rng)} if rng.random() < 0.3 else {}
    return "Once", rec.Once, (at, zone(rng)), given


def parsed(rng: random.Random) -> Call:
    text: Any = rng.choice(
        ["@daily", "@every 1h30m", "@reboot", "@every 0s", "@weekly", cron_line(rng, "unix")]
    )
    if rng.random() < 0.6:
        text = mutated(rng, text) if rng.random() < 0.8 else noise(rng)
    elif rng.random() < 0.02:
        text = rng.choice(STRANGE)
    given = {"anchor": instant(rng)} if rng.random() < 0.2 else {}
    return "parse", rec.parse, (text, zone(rng)), given


def rrule(rng: random.Random) -> Call:
    text: Any = rrules.text(rng)
    if rng.random() < 0.25:
        text = mutated(rng, text)
    elif rng.random() < 0.02:
        text = rng.choice([noise(rng), *STRANGE])
    given: dict[str, Any] = {"start": instant(rng), "tz": zone(rng)}
    if rng.random() < 0.15:
        given["exrule"] = rrules.exrules(rng, text)
    for name in ("rdate", "exdate"):
        if rng.random() < 0.1:
            given[name] = [instant(rng) for _ in range(rng.choice((1, 3)))]
    if rng.random() < 0.2:
        given["include_dtstart"] = True
    if rng.random() < 0.1:
        given["clock"] = clock(rng)
    return "RRule", rec.RRule, (text,), given


def json_value(rng: random.Random, depth: int = 0) -> Any:  # noqa: PLR0911 - one for each kind
    match rng.randrange(10 if depth < 3 else 7):
        case 0:
            return rng.choice([None, True, False, 1e308, -1, 0, 10**25, 0.5])
        case 1 | 2:
            return rng.randrange(100)
        case 3:
            return noise(rng)
        case 4:
            return rng.choice(["2025-01-01T00:00:00Z", "2025-01-01", "02:30:00", "0001-01-01"])
        case 5:
            return cron_line(rng, "unix")
        case 6:
            return rng.choice([*COMMON, *CLOCKS, "FREQ=DAILY"])
        case 7:
            return {noise(rng): json_value(rng, depth + 1) for _ in range(rng.randrange(3))}
        case _:
            return [json_value(rng, depth + 1) for _ in range(rng.randrange(4))]


def from_json(rng: random.Random) -> Call:
    """What a valid rule is written as, with something changed; or any JSON."""
    if rng.random() < 0.1:
        return "from_json", rec.from_json, (json_value(rng),), {}
    return "from_json", rec.from_json, (_changed(rng, rng.choice(WRITTEN)),), {}


def _changed(rng: random.Random, written: dict[str, Any]) -> Any:
    data: Any = dict(written)
    for _ in range(rng.choice((0, 1, 1, 2))):
        key = rng.choice(sorted(data)) if rng.random() < 0.8 else noise(rng)
        match rng.randrange(3):
            case 0:
                data[key] = json_value(rng)
            case 1:
                data.pop(key, None)
            case _:
                old = data.get(key)
                data[key] = mutated(rng, old) if isinstance(old, str) else json_value(rng)
    return data


WORDS = (
    "every weekday at 9",
    "every 15 minutes",
    "every day at 09:30 and 17:00",
    "last Friday of the month at 17:30",
    "every 3 days starting on 2025-01-01",
    "on 1 March 2026 at noon",
    "every other Tuesday at 8pm",
)


def in_words(rng: random.Random) -> Call:
    text: Any = rng.choice(WORDS)
    if rng.random() < 0.3:
        text = " ".join(rng.sample(" ".join(WORDS).split(), rng.randrange(1, 9)))
    if rng.random() < 0.5:
        text = mutated(rng, text) if rng.random() < 0.9 else noise(rng)
    given = {"anchor": instant(rng)} if rng.random() < 0.2 else {}
    return "from_words", rec.from_words, (text, zone(rng)), given


def combination(rng: random.Random) -> Call:
    """A rule made of rules, as JSON: a member that is refused is one error with its own."""
    given = [_valid(rng).to_json() for _ in range(rng.choice((1, 2, 2, 4)))]
    if rng.random() < 0.5:
        data: Any = {"type": "union", "rules": given}
    else:
        rule = rec.Cron("0 9 * * *", rng.choice(COMMON))
        calendar = rec.Calendar("work", holidays=(date(2026, 12, 25),), easter=(-2,))
        otherwise = rng.choice(["skip", "next", "previous"])
        data = rec.BusinessDays(rule, calendar, otherwise=otherwise).to_json()
        data["rule"] = given[0]
    if rng.random() < 0.3:
        data = _changed(rng, data)
    return "from_json", rec.from_json, (data,), {}


def _valid(rng: random.Random) -> rec.Recurrence:
    while True:
        _, make, positional, keyword = rng.choice((cron, cron_fields, interval, rrule))(rng)
        try:
            return make(*positional, **keyword)
        except rec.RecurrenceError:
            continue


ANCHOR = datetime(2025, 1, 1, tzinfo=UTC)
WRITTEN = [
    rule.to_json()
    for rule in (
        rec.Cron(
            "*/5 9-17 * * mon-fri",
            "Europe/Berlin",
            start=ANCHOR,
            exclude=[(ANCHOR, ANCHOR + timedelta(days=1))],
        ),
        rec.Cron(
            "0 0 12 L * ? 2030", dialect="seconds_year", clock=rec.ClockPolicy("skip", "both")
        ),
        rec.CronFields("UTC", day="last fri", hour="9-17"),
        rec.Interval(hours=5, anchor=ANCHOR),
        rec.CalendarInterval(months=1, anchor=date(2025, 1, 31), month_end="skip"),
        rec.Once(ANCHOR),
        rec.Reboot(),
        rec.RRule(
            "FREQ=MONTHLY;BYDAY=-1FR;COUNT=9",
            start=ANCHOR,
            rdate=[ANCHOR],
            exdate=[ANCHOR],
            exrule=["FREQ=YEARLY"],
        ),
    )
]
KINDS: list[tuple[Callable[[random.Random], Call], int]] = [
    (cron, 28),
    (cron_fields, 12),
    (interval, 9),
    (calendar_interval, 9),
    (once, 9),
    (parsed, 9),
    (rrule, 3),
    (from_json, 12),
    (in_words, 8),
    (combination, 1),
]
_MAKERS = [make for make, weight in KINDS for _ in range(weight)]


def an_input(rng: random.Random) -> Call:
    """One random call."""
    return rng.choice(_MAKERS)(rng)
