"""Random recurrence rules, most of them valid, many of them hard: rare, dense, huge, impossible."""

from __future__ import annotations

import random

FREQS = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY")
WEEKDAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
LIMITS = {
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYHOUR": (0, 23),
    "BYMINUTE": (0, 59),
    "BYSECOND": (0, 59),
    "BYSETPOS": (1, 366),
}
SIGNED = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})
INTERVALS = (2, 3, 7, 14, 24, 25, 60, 61, 97, 365, 366, 400, 1_440, 1_461, 3_600, 86_400, 86_401)
COUNTS = (1, 2, 10, 999, 1_001, 9_999, 100_000, 1_000_000)


def text(rng: random.Random) -> str:
    """A rule of up to six BY parts."""
    freq = rng.choice(FREQS)
    parts = [f"FREQ={freq}"]
    if rng.random() < 0.5:
        near = rng.choice(INTERVALS)
        parts.append(
            f"INTERVAL={rng.choice((near, near, rng.randrange(1, 10 ** rng.randint(1, 9))))}"
        )
    names = [name for name in LIMITS if _fits(name, freq) or rng.random() < 0.03]
    chosen = rng.sample(names, min(len(names), rng.choice((0, 0, 1, 1, 2, 3, 5))))
    parts += [f"{name}={_numbers(rng, name)}" for name in chosen]
    if rng.random() < 0.35:
        parts.append(f"BYDAY={_weekdays(rng, is_numbered=freq in {'YEARLY', 'MONTHLY'})}")
    if rng.random() < 0.2:
        parts.append(f"WKST={rng.choice(WEEKDAYS)}")
    chance = rng.random()
    if chance < 0.25:
        parts.append(f"COUNT={rng.choice((*COUNTS, rng.randrange(1, 2_000)))}")
    elif chance < 0.4:
        year = rng.choice((1, 1970, 2026, 2030, 2200, 9999))
        parts.append(f"UNTIL={year:04}{rng.choice(('0101', '1231T235960Z', '0615T120000'))}")
    return ";".join(parts)


def exrules(rng: random.Random, main: object) -> list[object]:
    """Rules to subtract: the rule itself, its halves, or any."""
    bare = ";".join(
        p for p in str(main).split(";") if p.partition("=")[0] not in {"COUNT", "UNTIL"}
    )
    halves = [f"{bare};BYHOUR={hours}" for hours in ("0,2,4,6,8,10,12", "1,3,5,7,9,11")]
    covers: list[list[object]] = [
        [main],
        [bare],
        halves,
        ["FREQ=SECONDLY"],
        ["FREQ=MINUTELY"],
        ["FREQ=HOURLY;INTERVAL=2", "FREQ=DAILY"],
        ["FREQ=DAILY;INTERVAL=2", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY"],
        [f"FREQ=SECONDLY;BYMONTH={month}" for month in range(1, 11)],
        [text(rng) for _ in range(rng.choice((1, 2, 10, 11)))],
    ]
    return rng.choice(covers)


def _fits(name: str, freq: str) -> bool:
    if name == "BYWEEKNO":
        return freq == "YEARLY"
    if name == "BYYEARDAY":
        return freq not in {"DAILY", "WEEKLY", "MONTHLY"}
    return name != "BYMONTHDAY" or freq != "WEEKLY"


def _numbers(rng: random.Random, name: str) -> str:
    low, high = LIMITS[name]
    count = rng.choice((1, 1, 2, 3, high - low))
    found = [rng.randint(low, high) for _ in range(count)]
    if name in SIGNED:
        found = [-n if rng.random() < 0.3 else n for n in found]
    if name == "BYSETPOS" and rng.random() < 0.7:
        found = [rng.choice((1, 2, -1, 5))]
    if name == "BYMONTHDAY" and rng.random() < 0.3:
        found = [rng.choice((29, 30, 31, -31))]
    return ",".join(map(str, found))


def _weekdays(rng: random.Random, *, is_numbered: bool) -> str:
    found = rng.sample(WEEKDAYS, rng.choice((1, 1, 2, 5)))
    if is_numbered and rng.random() < 0.5:
        return ",".join(f"{rng.choice((1, 2, 5, -1, -5, 53))}{day}" for day in found)
    return ",".join(found)
