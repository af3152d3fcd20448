"""Clock changes as the compiled zone files list them: a second source, read without the product."""

import importlib.resources
import re
import struct
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

_OFFSET = r"([+-]?\d+(?::\d+){0,2})"
_FOOTER = re.compile(
    rf"(?:<[^>]+>|[A-Za-z]+){_OFFSET}(?:(?:<[^>]+>|[A-Za-z]+){_OFFSET}?,(.+),(.+))?\Z"
)
_YEARLY = re.compile(rf"M(\d+)\.(\d)\.(\d)(?:/{_OFFSET})?\Z")
_JULIAN = re.compile(rf"J(\d+)(?:/{_OFFSET})?\Z")


def _bytes(key: str) -> bytes:
    for folder in zoneinfo.TZPATH:
        if (path := Path(folder) / key).is_file():
            return path.read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", key).read_bytes()


@cache
def listed_changes(key: str) -> tuple[tuple[int, int, int], ...]:
    """(instant, offset before, offset after) of each listed change of offset of a zone."""
    changes = [(at, before, after) for at, before, after in _listed(key) if before != after]
    return tuple(changes)


def _last_listed(key: str) -> int:
    return max((at for at, _, _ in _listed(key)), default=0)


@cache
def _listed(key: str) -> tuple[tuple[int, int, int], ...]:
    # Changes of abbreviation alone are listed too.
    data = _bytes(key)
    is_gmt, is_std, leaps, times, types, chars = struct.unpack(">6l", data[20:44])
    data = data[44 + times * 5 + types * 6 + chars + leaps * 8 + is_std + is_gmt :]
    times, types = struct.unpack(">6l", data[20:44])[3:5]
    body = data[44:]
    instants = struct.unpack(f">{times}q", body[: 8 * times])
    kinds = body[8 * times : 9 * times]
    offsets = [
        struct.unpack(">lbb", body[9 * times + 6 * i : 9 * times + 6 * i + 6])[0]
        for i in range(types)
    ]
    changes, before = [], offsets[0] if offsets else 0
    for instant, kind in zip(instants, kinds, strict=True):
        changes.append((instant, before, offsets[kind]))
        before = offsets[kind]
    return tuple(changes)


@cache
def changes_until(key: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The listed changes, and from the last one on those of the rule in the file's last line (RFC 9636)."""
    listed = listed_changes(key)
    footer = _bytes(key).rsplit(b"\n", 2)[1].decode("ascii")
    match = _FOOTER.match(footer)
    assert match, footer
    if match[3] is None:
        return listed
    standard = -_seconds(match[1])
    summer = standard + 3_600 if match[2] is None else -_seconds(match[2])
    last = _last_listed(key)
    first_year = datetime.fromtimestamp(last, UTC).year
    further = []
    for each in range(first_year, year + 1):
        begin, end = _instant(match[3], each, standard), _instant(match[4], each, summer)
        further += [(begin, standard, summer), (end, summer, standard)]
    return listed + tuple(sorted(change for change in further if change[0] > last))


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3_600 + parts[1] * 60 + parts[2])


def _instant(rule: str, year: int, offset: int) -> int:
    # When a yearly rule acts, told in the wall time of ``offset``.
    if match := _YEARLY.match(rule):
        month, week, weekday = int(match[1]), int(match[2]), int(match[3])
        day = date(year, month, 1)
        day += timedelta(days=(weekday - day.isoweekday()) % 7 + 7 * (week - 1))
        if day.month != month:
            day -= timedelta(days=7)
        time = match[4]
    else:
        match = _JULIAN.match(rule)
        assert match, rule
        day = date(2001, 1, 1) + timedelta(days=int(match[1]) - 1)  # 29 February is never counted
        day, time = day.replace(year=year), match[2]
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(midnight.timestamp()) + (7_200 if time is None else _seconds(time)) - offset


@cache
def distinct_zones() -> tuple[str, ...]:
    """One name for each different zone file."""
    seen: dict[bytes, str] = {}
    for key in sorted(zoneinfo.available_timezones()):
        if key not in {"localtime", "Factory", "posixrules"}:
            seen.setdefault(_bytes(key), key)
    return tuple(sorted(seen.values()))
