"""The two day fields of a cron line: plain values, and ``L``, ``W`` and ``#``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from .days import DayTerms
from .errors import shown
from .field import DAY_OF_MONTH, DAY_OF_WEEK, Place, parse_list, plain_mask, read_value

_FROM_END = re.compile(r"L-(\d+)\Z", re.ASCII)
_NEAREST = re.compile(r"(\d+)W\Z", re.ASCII)
_NTH = re.compile(r"([^#]*)#([^#]*)\Z", re.ASCII)
_LAST = re.compile(r"(\d+|[A-Z]{3})L\Z", re.ASCII)
_EVERY_DAY: Final = DayTerms(days=DAY_OF_MONTH.everything >> 1)
_EVERY_WEEKDAY: Final = DayTerms(weekdays=DAY_OF_WEEK.everything)


@lru_cache(maxsize=1_024)
def days_of_month(text: str) -> DayTerms:
    """The days that a day-of-month field admits. Raises RecurrenceError, placed within the field."""
    if text in {"*", "?"}:
        return _EVERY_DAY
    plain = plain_mask(DAY_OF_MONTH, text)
    if plain is not None:
        return DayTerms(days=plain >> 1)
    place = Place("", DAY_OF_MONTH.name, text.upper())
    found = {"from_end": 0, "nearest": 0, "last_working": 0}

    def special(item: str, at: int) -> bool:
        if item == "L":
            found["from_end"] |= 1
        elif item == "LW":
            found["last_working"] = 1
        elif match := _FROM_END.match(item):
            found["from_end"] |= 1 << _within(place, match[1], (1, 30), item, at)
        elif match := _NEAREST.match(item):
            found["nearest"] |= 1 << _within(place, match[1], (1, 31), item, at) - 1
        else:
            return False
        return True

    days = parse_list(DAY_OF_MONTH, place, special) >> 1
    return DayTerms(days, found["from_end"], found["nearest"], bool(found["last_working"]))


@lru_cache(maxsize=1_024)
def days_of_week(text: str) -> DayTerms:
    """The days that a day-of-week field admits. Raises RecurrenceError, placed within the field."""
    if text in {"*", "?"}:
        return _EVERY_WEEKDAY
    plain = plain_mask(DAY_OF_WEEK, text)
    if plain is not None:
        return DayTerms(weekdays=plain)
    place = Place("", DAY_OF_WEEK.name, text.upper())
    found = {"nth": 0, "last": 0}

    def special(item: str, at: int) -> bool:
        if match := _LAST.match(item) or _NTH.match(item):
            weekday = read_value(DAY_OF_WEEK, place, match[1], at) % 7
            place_in_month = match[2] if match.re is _NTH else "L"
            if place_in_month == "L":
                found["last"] |= 1 << weekday
            else:
                week = _within(place, place_in_month, (1, 5), item, at)
                found["nth"] |= 1 << 7 * (week - 1) + weekday
            return True
        return False

    weekdays = parse_list(DAY_OF_WEEK, place, special)
    return DayTerms(weekdays=weekdays, nth=found["nth"], last=found["last"])


def _within(place: Place, text: str, limits: tuple[int, int], item: str, at: int) -> int:
    low, high = limits
    if not (text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise place.error(
            f"{shown(text)} in {shown(item)} is out of range",
            item,
            at=at,
            hint=f"from {low} to {high}",
        )
    return int(text)
