"""Calendars: which dates are business days. Named values that a rule embeds.

Weekdays are told by name, since both ways of counting them are in use. Arithmetic is in ``open_days``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from clockwright.recurrence.errors import RecurrenceError, shown
from clockwright.recurrence.field import MONDAY_FIRST, MONTH_NAMES
from clockwright.recurrence.zones import EPOCH_ORDINAL

from .open_days import WEEKDAY_NAMES, OpenDays, open_days, refuse_if_closed

_MOST_HOLIDAYS: Final = 1_000
_MOST_RULES: Final = 366
# An offset that cannot leave Easter's year: Easter lies between 22 March and 25 April.
_EASTER_OFFSETS: Final = range(-80, 251)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z", re.ASCII)
_YEARLY = re.compile(r"(\d\d)-(\d\d)\Z", re.ASCII)
_NTH = re.compile(r"(1st|2nd|3rd|4th|5th|last) ([a-z]{3}) ([a-z]{3})\Z", re.ASCII)
_PLACES: Final = ("1st", "2nd", "3rd", "4th", "5th", "last")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which dates are business days: all but the weekend and the holidays.

    ``name``: letters, digits, ``.``, ``_`` and ``-``, at most 64. ``weekend``: names of weekdays (default Saturday and
    Sunday). ``holidays``: dates, at most 1,000. ``yearly``: ``"12-25"`` for 25 December of every year (``"02-29"``: of
    leap years). ``easter``: days after western Easter Sunday (``-2`` is Good Friday). ``nth_weekdays``: such as
    ``"last mon may"`` or ``"4th thu nov"``. Equal whatever the order they are given in. Raises RecurrenceError, also
    where it is not sure that every 52 weeks have a business day.
    """

    name: str
    weekend: tuple[str, ...] = field(default=("sat", "sun"), kw_only=True)
    holidays: tuple[date, ...] = field(default=(), kw_only=True)
    yearly: tuple[str, ...] = field(default=(), kw_only=True)
    easter: tuple[int, ...] = field(default=(), kw_only=True)
    nth_weekdays: tuple[str, ...] = field(default=(), kw_only=True)
    _days: OpenDays = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not is_calendar_name(self.name):
            raise RecurrenceError(
                f"{shown(self.name)} is not a name for a calendar",
                field="name",
                token=str(self.name),
                hint="1 to 64 letters, digits, dots, underscores and hyphens",
            )
        kept: dict[str, tuple[Any, ...]] = {
            "weekend": weekday_names(self.weekend, "weekend"),
            "holidays": _checked_dates(self.holidays),
            "yearly": _checked(self.yearly, "yearly", _check_yearly),
            "easter": _checked(self.easter, "easter", _check_offset),
            "nth_weekdays": _checked(self.nth_weekdays, "nth_weekdays", _check_nth),
        }
        for name, value in kept.items():
            object.__setattr__(self, name, value)
        refuse_if_closed((), self)
        object.__setattr__(self, "_days", open_days((), self))

    @property
    def closures_in_52_weeks(self) -> int:
        """How many yearly dates, days about Easter and n-th weekdays 52 weeks may hold."""
        # A yearly date and an n-th weekday fall once, an offset from Easter, which is 50 to 55 weeks apart, at most twice.
        return len(self.yearly) + 2 * len(self.easter) + len(self.nth_weekdays)

    def is_business_day(self, day: date) -> bool:
        """Whether ``day`` is neither of the weekend nor a holiday."""
        return self._days.has(_number(day))

    def next_business_day(self, day: date) -> date | None:
        """The first business day after ``day``; None beyond the year 9999."""
        return _date(self._days.next(_number(day)))

    def previous_business_day(self, day: date) -> date | None:
        """The last business day before ``day``; None before the year 1."""
        return _date(self._days.prev(_number(day)))

    def why_closed(self, day: date) -> str | None:
        """What closes ``day``, as written in the calendar (``sat``, ``12-25``, ``easter-2``); None if it is open."""
        if day in self.holidays:
            return day.isoformat()
        offset = day.toordinal() - easter_sunday(day.year).toordinal()
        if offset in self.easter:
            return f"easter{offset:+}"
        yearly = f"{day:%m-%d}"
        if yearly in self.yearly:
            return yearly
        for text in self.nth_weekdays:
            if _nth_date(text, day.year) == day:
                return text
        weekday = WEEKDAY_NAMES[day.weekday()]
        return weekday if weekday in self.weekend else None

    def holidays_in(self, year: int) -> list[date]:
        """The dates of a year (1 to 9999) that the calendar names, weekend or not, in order."""
        return sorted({*self.regular_in(year), *self.movable_in(year)})

    def regular_in(self, year: int) -> list[date]:
        """Of these, the yearly dates and n-th weekdays."""
        nth = [_nth_date(text, year) for text in self.nth_weekdays]
        yearly = [_yearly_date(text, year) for text in self.yearly]
        return [day for day in (*nth, *yearly) if day is not None]

    def movable_in(self, year: int) -> list[date]:
        """Of these, the days about Easter and the dates of that year alone."""
        found: list[date] = []
        if self.holidays:
            first = bisect_left(self.holidays, date(year, 1, 1))
            found += self.holidays[first : bisect_right(self.holidays, date(year, 12, 31))]
        if self.easter:
            easter = easter_sunday(year).toordinal()
            found += [date.fromordinal(easter + offset) for offset in self.easter]
        return found

    def to_json(self) -> dict[str, Any]:
        """The calendar as JSON-able data; ``calendar_from_json`` makes an equal one of it."""
        data: dict[str, Any] = {"name": self.name, "weekend": list(self.weekend)}
        if self.holidays:
            data["holidays"] = [day.isoformat() for day in self.holidays]
        for name in ("yearly", "easter", "nth_weekdays"):
            if value := getattr(self, name):
                data[name] = list(value)
        return data


def calendar_from_json(data: object, key: str = "calendar") -> Calendar:
    """The calendar that ``to_json`` wrote. Unknown keys and wrong values are refused. Raises RecurrenceError."""
    if not isinstance(data, Mapping):
        raise RecurrenceError(
            f"{key} must be an object, not {shown(data)}",
            field=key,
            token=str(data),
            hint="with name, weekend, holidays, yearly, easter, nth_weekdays",
        )
    for name in data:
        if name not in _KEYS:
            raise RecurrenceError(
                f"a calendar has no {shown(name)}",
                field=key,
                token=str(name),
                hint=f"it has {', '.join(_KEYS)}",
            )
    if "name" not in data:
        raise RecurrenceError("a calendar needs a name", field=key)
    lists = {name: _listed(value, name) for name, value in data.items() if name != "name"}
    if "holidays" in lists:
        lists["holidays"] = tuple(_read_date(text) for text in lists["holidays"])
    return Calendar(data["name"], **lists)


_KEYS: Final = ("name", "weekend", "holidays", "yearly", "easter", "nth_weekdays")


def easter_sunday(year: int) -> date:
    """Western Easter of a Gregorian year: the Sunday after the church's full moon on or after 21 March."""
    golden, century = year % 19, year // 100
    # The full moon comes 11 days earlier each year (19 later, modulo 30); centuries correct the sun's and the moon's way.
    shift = 15 + century - century // 4 - (8 * century + 13) // 25
    since_21_march = (19 * golden + shift) % 30
    if since_21_march == 29 or (since_21_march == 28 and golden > 10):
        since_21_march -= (
            1  # the two exceptions that keep it before 19 April, and apart within 19 years
        )
    moon = date(year, 3, 21).toordinal() + since_21_march
    return date.fromordinal(moon + 7 - moon % 7)


def is_calendar_name(name: object) -> bool:
    """Whether a calendar may have this name."""
    return isinstance(name, str) and _NAME.match(name) is not None


def check_calendar(calendar: object) -> None:
    """Raises RecurrenceError unless a calendar is given as a value."""
    if not isinstance(calendar, Calendar):
        raise RecurrenceError(
            f"calendar must be a Calendar, not {shown(calendar)}",
            field="calendar",
            token=str(calendar),
        )


def weekday_names(names: Iterable[str], field: str) -> tuple[str, ...]:
    """Names of weekdays as they are kept: ``("sat", "sun")``, from Monday on. Raises RecurrenceError."""
    kept = _checked(names, field, _check_weekday)
    return tuple(sorted(kept, key=WEEKDAY_NAMES.index))


def _number(day: date) -> int:
    if not isinstance(day, date):
        raise RecurrenceError(f"a date is needed, not {shown(day)}", field="date", token=str(day))
    return day.toordinal() - EPOCH_ORDINAL


def _date(number: int | None) -> date | None:
    return None if number is None else date.fromordinal(number + EPOCH_ORDINAL)


def _checked(items: object, field: str, check: Callable[[Any, str], Any]) -> tuple[Any, ...]:
    # Sorted and without duplicates, so that equal calendars are written alike.
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise RecurrenceError(f"{field} must be a list, not {shown(items)}", field=field)
    kept = {check(item, field) for item in items}
    if len(kept) > _MOST_RULES:
        raise RecurrenceError(f"more than {_MOST_RULES} items in {field}", field=field)
    return tuple(sorted(kept))


def _check_weekday(name: object, field: str) -> str:
    if isinstance(name, str) and name.lower() in WEEKDAY_NAMES:
        return name.lower()
    raise _wrong(name, field, "a weekday", f"one of {', '.join(WEEKDAY_NAMES)}")


def _check_yearly(text: object, field: str) -> str:
    if isinstance(text, str) and _YEARLY.match(text) and _yearly_date(text, 2000):
        return text
    raise _wrong(text, field, "a date of every year", "month and day, such as 12-25")


def _check_offset(offset: object, field: str) -> int:
    if isinstance(offset, int) and not isinstance(offset, bool) and offset in _EASTER_OFFSETS:
        return offset
    limits = f"from {_EASTER_OFFSETS[0]} to {_EASTER_OFFSETS[-1]}"
    raise _wrong(offset, field, "a number of days after Easter", f"whole, {limits}")


def _check_nth(text: object, field: str) -> str:
    hint = "such as 'last mon may': 1st to 5th or last, a weekday, a month"
    if isinstance(text, str) and (match := _NTH.match(" ".join(text.lower().split()))):
        known = match[2].upper() in MONDAY_FIRST and match[3].upper() in MONTH_NAMES
        if known:
            return " ".join(match.groups())
    raise _wrong(text, field, "a weekday of a month", hint)


def _checked_dates(days: object) -> tuple[date, ...]:
    if isinstance(days, str) or not isinstance(days, Iterable):
        raise RecurrenceError(f"holidays must be a list, not {shown(days)}", field="holidays")
    kept = set()
    for day in days:
        if not isinstance(day, date) or isinstance(day, datetime):
            raise _wrong(day, "holidays", "a date", "a datetime.date, or YYYY-MM-DD in JSON")
        kept.add(day)
        if len(kept) > _MOST_HOLIDAYS:
            raise RecurrenceError(f"more than {_MOST_HOLIDAYS:,} holidays", field="holidays")
    return tuple(sorted(kept))


def _wrong(value: object, field: str, what: str, hint: str) -> RecurrenceError:
    return RecurrenceError(
        f"{shown(value)} is not {what}", field=field, token=str(value), hint=hint
    )


def _listed(value: object, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise RecurrenceError(f"{name} must be a list, not {shown(value)}", field=name)
    return tuple(value)


def _read_date(text: object) -> date:
    try:
        if isinstance(text, str) and len(text) == len("YYYY-MM-DD"):
            return date.fromisoformat(text)
    except ValueError:  # told below, like everything else that is no date
        pass
    raise _wrong(text, "holidays", "a date", "YYYY-MM-DD")


def _yearly_date(text: str, year: int) -> date | None:
    # The date in a year; None for 29 February of another than a leap year, and for what is no date.
    month, day = int(text[:2]), int(text[3:])
    if not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    return date(year, month, day)


@lru_cache(maxsize=1_024)
def _nth_parts(text: str) -> tuple[int, int, int]:
    # Which one (5 for the last), weekday from Monday = 0, month.
    place, weekday, month = text.split(" ")
    return _PLACES.index(place), MONDAY_FIRST[weekday.upper()], MONTH_NAMES[month.upper()]


def _nth_date(text: str, year: int) -> date | None:
    # The date in a year; None where the month has no fifth.
    place, weekday, month = _nth_parts(text)
    first, length = monthrange(year, month)
    day = 1 + (weekday - first) % 7 + 7 * place
    if place == _PLACES.index("last"):
        day -= 7 * -(-(day - length) // 7)
    return date(year, month, day) if day <= length else None
