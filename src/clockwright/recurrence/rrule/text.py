"""The text of a recurrence rule (RFC 5545, 3.3.10) as checked parts."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from clockwright.recurrence.errors import RecurrenceError, shown

_MAX_TEXT: Final = 4_000
_MAX_COUNT: Final = 1_000_000
# With BYSETPOS the last of COUNT can only be found by walking there.
_MAX_POSITIONED: Final = 10_000
_MAX_INTERVAL: Final = 1_000_000_000
_WEEKDAYS: Final = {"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}
_BYDAY = re.compile(r"([+-]?\d{1,2})?(SU|MO|TU|WE|TH|FR|SA)\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,10}\Z", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?\Z", re.ASCII)


class Freq(StrEnum):
    """How long a period is."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"
    MINUTELY = "MINUTELY"
    SECONDLY = "SECONDLY"


SUB_DAILY: Final = {Freq.HOURLY: 3_600, Freq.MINUTELY: 60, Freq.SECONDLY: 1}
# Limits of the numbers, and whether they may count back from the end.
_LISTS: Final = {
    "BYMONTH": (1, 12, False),
    "BYWEEKNO": (1, 53, True),
    "BYYEARDAY": (1, 366, True),
    "BYMONTHDAY": (1, 31, True),
    "BYHOUR": (0, 23, False),
    "BYMINUTE": (0, 59, False),
    "BYSECOND": (0, 60, False),
    "BYSETPOS": (1, 366, True),
}
_FORBIDDEN: Final = {
    "BYWEEKNO": frozenset(Freq) - {Freq.YEARLY},
    "BYYEARDAY": frozenset({Freq.DAILY, Freq.WEEKLY, Freq.MONTHLY}),
    "BYMONTHDAY": frozenset({Freq.WEEKLY}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleParts:
    """A rule as written; an empty tuple stands for a part that is absent.

    Weekdays count from Sunday = 0; ``by_nth_day`` holds (n, weekday). ``until`` is an instant, or a
    naive wall time.
    """

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    week_start: int = 1
    by_month: tuple[int, ...] = ()
    by_week_number: tuple[int, ...] = ()
    by_year_day: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[int, ...] = ()
    by_nth_day: tuple[tuple[int, int], ...] = ()
    by_hour: tuple[int, ...] = ()
    by_minute: tuple[int, ...] = ()
    by_second: tuple[int, ...] = ()
    by_position: tuple[int, ...] = ()


class _Text:
    """A rule's text with the place of each part, to point errors at."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.values: dict[str, str] = {}
        self.columns: dict[str, int] = {}

    def error(self, part: str, reason: str, *, token: str = "", hint: str = "") -> RecurrenceError:
        return RecurrenceError(
            reason,
            expression=self.text,
            field=part,
            column=self.columns.get(part),
            token=token or self.values.get(part, part),
            hint=hint,
        )


def parse_rule(text: str) -> RuleParts:
    """The parts of a rule. Raises RecurrenceError."""
    source = _split(text)
    freq = _freq(source)
    lists = {part: _numbers(source, part) for part in _LISTS}
    plain, nth = _weekdays(source)
    count = _positive(source, "COUNT", _MAX_COUNT)
    _check_together(source, freq, count=count or 0, has_nth=bool(nth))
    # Without leap seconds the second 60 is the 59th (RFC 5545, 3.3.12).
    seconds = tuple(sorted({min(second, 59) for second in lists["BYSECOND"]}))
    return RuleParts(
        freq=freq,
        interval=_positive(source, "INTERVAL", _MAX_INTERVAL) or 1,
        count=count,
        until=_until(source),
        week_start=_week_start(source),
        by_month=lists["BYMONTH"],
        by_week_number=lists["BYWEEKNO"],
        by_year_day=lists["BYYEARDAY"],
        by_month_day=lists["BYMONTHDAY"],
        by_day=plain,
        by_nth_day=nth,
        by_hour=lists["BYHOUR"],
        by_minute=lists["BYMINUTE"],
        by_second=seconds,
        by_position=lists["BYSETPOS"],
    )


def _split(text: str) -> _Text:
    if not isinstance(text, str):
        raise RecurrenceError(f"a rule is text, not {shown(text)}", field="rrule")
    source = _Text(text)
    if len(text) > _MAX_TEXT or not text.isascii():
        raise RecurrenceError(
            f"a rule is ASCII text of at most {_MAX_TEXT} characters",
            expression=text,
            field="rrule",
        )
    at = len("RRULE:") if text[:6].upper() == "RRULE:" else 0
    for piece in text[at:].split(";"):
        name, equals, value = piece.partition("=")
        name = name.upper()
        source.columns.setdefault(name, at + 1)
        if not equals or not value:
            raise source.error(name or "rrule", f"{shown(piece)} is not NAME=value", token=piece)
        if name not in _KNOWN:
            raise source.error(
                name, f"unknown part {shown(name)}", token=name, hint=f"one of {', '.join(_KNOWN)}"
            )
        if name in source.values:
            raise source.error(name, f"{name} is given twice")
        source.values[name] = value.upper()
        at += len(piece) + 1
    return source


_KNOWN: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_LISTS)


def _freq(source: _Text) -> Freq:
    value = source.values.get("FREQ", "")
    if value not in set(Freq):
        reason = f"{shown(value)} is not a frequency" if value else "FREQ is missing"
        raise source.error("FREQ", reason, token=value, hint=f"one of {', '.join(Freq)}")
    return Freq(value)


def _number(source: _Text, part: str, text: str) -> int:
    if not _NUMBER.match(text):
        raise source.error(part, f"{shown(text)} is not a number", token=text)
    return int(text)


def _positive(source: _Text, part: str, limit: int) -> int | None:
    if part not in source.values:
        return None
    number = _number(source, part, source.values[part])
    if not 1 <= number <= limit:
        raise source.error(part, f"{part} must be from 1 to {limit:,}")
    return number


def _numbers(source: _Text, part: str) -> tuple[int, ...]:
    if part not in source.values:
        return ()
    low, high, signed = _LISTS[part]
    found = set()
    for text in source.values[part].split(","):
        number = _number(source, part, text)
        if not (low <= number <= high or (signed and low <= -number <= high)):
            hint = f"from {low} to {high}" + (f" or -{high} to -{low}" if signed else "")
            raise source.error(part, f"{text} is out of range", token=text, hint=hint)
        found.add(number)
    return tuple(sorted(found))


def _weekdays(source: _Text) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    plain, nth = set(), set()
    for text in source.values["BYDAY"].split(",") if "BYDAY" in source.values else ():
        match = _BYDAY.match(text)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise source.error(
                "BYDAY", f"{shown(text)} is not a weekday", token=text, hint="such as MO, 2TU, -1FR"
            )
        if match[1]:
            nth.add((int(match[1]), _WEEKDAYS[match[2]]))
        else:
            plain.add(_WEEKDAYS[match[2]])
    return tuple(sorted(plain)), tuple(sorted(nth))


def _week_start(source: _Text) -> int:
    value = source.values.get("WKST", "MO")
    if value not in _WEEKDAYS:
        raise source.error("WKST", f"{shown(value)} is not a weekday", hint=", ".join(_WEEKDAYS))
    return _WEEKDAYS[value]


def _until(source: _Text) -> datetime | None:
    # An instant where it ends in Z, else a wall time; a date alone includes its whole day.
    if "UNTIL" not in source.values:
        return None
    text = source.values["UNTIL"]
    match = _UNTIL.match(text) or _UNTIL.match("00000000")
    assert match is not None  # noqa: S101 - the second one does; there is no year 0
    try:
        day = dt.date(int(match[1][:4]), int(match[1][4:6]), int(match[1][6:]))
        if match[2] is None:
            return datetime.combine(day, dt.time(23, 59, 59))
        clock = dt.time(int(match[2][:2]), int(match[2][2:4]), min(int(match[2][4:]), 59))
        return datetime.combine(day, clock, tzinfo=UTC if match[3] else None)
    except ValueError:
        raise source.error(
            "UNTIL",
            f"{shown(source.values['UNTIL'])} is not a date or a date with time",
            hint="such as 20251231T235959Z",
        ) from None


def _check_together(source: _Text, freq: Freq, *, count: int, has_nth: bool) -> None:
    given = source.values
    rules: list[tuple[bool, str, str]] = [
        ("COUNT" in given and "UNTIL" in given, "COUNT", "COUNT and UNTIL exclude each other"),
        (
            count > _MAX_POSITIONED and "BYSETPOS" in given,
            "COUNT",
            f"beside BYSETPOS, COUNT is at most {_MAX_POSITIONED:,}",
        ),
        (
            has_nth and freq not in {Freq.MONTHLY, Freq.YEARLY},
            "BYDAY",
            "numbered weekdays need FREQ=MONTHLY or YEARLY",
        ),
        (
            has_nth and "BYWEEKNO" in given,
            "BYDAY",
            "numbered weekdays cannot stand beside BYWEEKNO",
        ),
        (
            "BYSETPOS" in given and not any(p in given for p in _KNOWN[5:] if p != "BYSETPOS"),
            "BYSETPOS",
            "BYSETPOS needs another BY part",
        ),
        *(
            (part in given and freq in freqs, part, f"{part} is not allowed with FREQ={freq}")
            for part, freqs in _FORBIDDEN.items()
        ),
    ]
    for is_broken, part, reason in rules:
        if is_broken:
            raise source.error(part, reason)


def completed(parts: RuleParts, start: datetime) -> RuleParts:
    """The rule with what DTSTART supplies where it is silent: day and time of day."""
    weekday = (start.isoweekday() % 7,)
    changes: dict[str, tuple[int, ...]] = {}
    if not (parts.by_day or parts.by_nth_day or parts.by_month_day or parts.by_year_day):
        if parts.by_week_number or parts.freq is Freq.WEEKLY:
            changes["by_day"] = weekday
        elif parts.freq in {Freq.MONTHLY, Freq.YEARLY}:
            changes["by_month_day"] = (start.day,)
            if parts.freq is Freq.YEARLY and not parts.by_month:
                changes["by_month"] = (start.month,)
    if not parts.by_hour and parts.freq not in SUB_DAILY:
        changes["by_hour"] = (start.hour,)
    if not parts.by_minute and parts.freq not in {Freq.MINUTELY, Freq.SECONDLY}:
        changes["by_minute"] = (start.minute,)
    if not parts.by_second and parts.freq is not Freq.SECONDLY:
        changes["by_second"] = (start.second,)
    return replace(parts, **changes)  # type: ignore[arg-type]  # all of these are tuples of int
