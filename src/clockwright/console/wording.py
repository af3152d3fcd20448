"""Instants and durations as people say them. Pure: the present comes in as an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_MONTH, _YEAR = 30 * _DAY, 365 * _DAY
_UNIT_NAMES = {1: "s", _MINUTE: "min", _HOUR: "h"}
_STEPS = ((_YEAR, "y"), (_MONTH, "mo"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"))


def relative(instant: datetime, now: datetime) -> str:
    """`in 12 s`, `3 min ago`, `now`: the largest unit, rounded down, so that nothing is promised too early."""
    seconds = (instant - now).total_seconds()
    distance = int(abs(seconds))
    if distance == 0:
        return "now"
    amount = _largest_unit(distance)
    return f"in {amount}" if seconds > 0 else f"{amount} ago"


def _largest_unit(seconds: int) -> str:
    for size, unit in _STEPS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def length(duration: timedelta | None) -> str:
    """A duration to about three digits: `0 ms`, `4.2 ms`, `12.3 s`, `2 min 5 s`, `3 h 20 min`; a dash for none."""
    if duration is None:
        return "-"
    seconds = max(duration.total_seconds(), 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    big, small = (_MINUTE, 1) if whole < _HOUR else (_HOUR, _MINUTE)
    rest = whole % big // small
    words = f"{whole // big} {_UNIT_NAMES[big]}"
    return f"{words} {rest} {_UNIT_NAMES[small]}" if rest else words


def wall_time(instant: datetime, tz: str) -> str:
    """The wall time in a zone with its abbreviation or offset: `Sat 21 Nov 2026, 23:05:00 AEDT`."""
    local = instant.astimezone(ZoneInfo(tz))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"


def utc_time(instant: datetime) -> str:
    """The instant in UTC, as in `2026-11-21 12:05:00`."""
    return f"{instant.astimezone(ZoneInfo('UTC')):%Y-%m-%d %H:%M:%S}"
