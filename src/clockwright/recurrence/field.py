"""One cron field as a bit set: the grammar that every field shares.

``parse_list`` reads a comma list of items; an item is ``*``, a value or ``a-b``, each with an optional ``/step``. What
only the day fields know (``L``, ``W``, ``#``, ordinals) is offered to them item by item through ``special``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from .errors import RecurrenceError, shown

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
MONTH_NAMES: Final = {name: number for number, name in enumerate(_MONTHS, start=1)}
SUNDAY_FIRST: Final = {name: (number + 1) % 7 for number, name in enumerate(_WEEKDAYS)}
MONDAY_FIRST: Final = {name: number for number, name in enumerate(_WEEKDAYS)}
MAX_TEXT: Final = 255
_DAY_FIELDS: Final = frozenset({"day-of-month", "day-of-week", "day"})
_SPECIAL = re.compile(r"L|LW|\d+W|L-\d+|\w+#\w+|\d+L", re.ASCII)
_TURNED = re.compile(r"([LW])(\d+)", re.ASCII)
_HASHED = re.compile(r"H|H\(.*")
_NUMBER = re.compile(r"\d+\Z", re.ASCII)
_LONG_NAME = re.compile(
    r"(JAN|FEBR|SEPT|OCTO|NOV|DEC)(UARY|EMBER|BER)|MARCH|APRIL|JUNE|JULY|AUGUST"
    r"|(MON|TUES|WEDNES|THURS|FRI|SATUR|SUN)DAY"
)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What a field may hold: numbers from ``low`` to ``high``, and names for some of them.

    There is one object a kind, compared by identity, so that it is a cheap key.

    ``everything`` is the mask of ``*``, and ``top`` is where it and ``n/s`` end. That differs from ``high`` only where
    ``sunday_is_seven``: 7 is then a second Sunday, and the name SUN at the end of a range means 7.
    """

    name: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    sunday_is_seven: bool = False
    top: int = field(init=False)
    everything: int = field(init=False)

    def __post_init__(self) -> None:
        top = 6 if self.sunday_is_seven else self.high
        object.__setattr__(self, "top", top)
        object.__setattr__(self, "everything", (2 << top) - (1 << self.low))


SECOND: Final = Kind("second", 0, 59)
MINUTE: Final = Kind("minute", 0, 59)
HOUR: Final = Kind("hour", 0, 23)
DAY_OF_MONTH: Final = Kind("day-of-month", 1, 31)
MONTH: Final = Kind("month", 1, 12, MONTH_NAMES)
DAY_OF_WEEK: Final = Kind("day-of-week", 0, 7, SUNDAY_FIRST, sunday_is_seven=True)
YEAR: Final = Kind("year", 1970, 2199)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field's text stands, so that an error can point at it."""

    expression: str
    field: str
    text: str
    start: int = 0  # index of the field's text in the expression

    def error(self, reason: str, token: str, *, hint: str = "", at: int = 0) -> RecurrenceError:
        """An error about ``token``, which begins ``at`` characters into the field."""
        return RecurrenceError(
            reason,
            expression=self.expression,
            field=self.field,
            column=self.start + at + 1,
            token=token,
            hint=hint,
        )


def plain_mask(kind: Kind, text: str) -> int | None:
    """The mask of the simplest fields, ``*``, ``*/n``, ``n`` and ``a-b`` in numbers, at once; None for all others."""
    if text == "*":
        return kind.everything
    if text.isdigit() and len(text) <= 4:
        value = int(text)
        return 1 << value if kind.low <= value <= kind.top else None
    if text.startswith("*/") and text[2:].isdigit() and len(text) <= 6 and int(text[2:]):
        step = int(text[2:])
        length = (kind.top - kind.low) // step * step + step
        return ((1 << length) - 1) // ((1 << step) - 1) << kind.low  # a geometric series
    first, _, last = text.partition("-")
    if first.isdigit() and last.isdigit() and len(text) <= 9:
        low, high = int(first), int(last)
        return (2 << high) - (1 << low) if kind.low <= low <= high <= kind.top else None
    return None


Special = Callable[[str, int], bool]


def parse_list(kind: Kind, place: Place, special: Special | None = None) -> int:
    """The mask of a field: bit v for each value v. Raises RecurrenceError.

    ``special(item, at)`` may take an item out of the list by answering True; it then contributes no bit here.
    """
    mask, at = 0, 0
    for item in place.text.split(","):
        if not item:
            raise place.error("an empty item in a list", place.text, at=at, hint="remove a comma")
        if special is None or not special(item, at):
            mask |= _item(kind, place, item, at)
        at += len(item) + 1
    return mask


def _item(kind: Kind, place: Place, item: str, at: int) -> int:
    body, slash, step_text = item.partition("/")
    step = _step(place, item, step_text, at + len(body) + 1) if slash else 1
    if body == "*":
        low, high = kind.low, kind.top
    else:
        first, dash, second = body.partition("-")
        if dash and not (first and second):
            raise _half_range(kind, place, item, at, sign=not first)
        low = read_value(kind, place, first, at)
        if dash:
            high = _range_end(kind, place, (first, second), at)
        else:
            # A second Sunday (7) has nothing after it: `7/2` is Sunday alone.
            high = max(kind.top, low) if slash else low
    if step == 1:
        mask = (2 << high) - (1 << low)
    else:
        mask = sum(1 << value for value in range(low, high + 1, step))
    return fold_sunday(mask) if kind.sunday_is_seven else mask


def fold_sunday(mask: int) -> int:
    """The weekday mask with 7 counted as 0."""
    return (mask | mask >> 7) & 127


def _step(place: Place, item: str, text: str, at: int) -> int:
    if not _NUMBER.match(text):
        raise place.error(f"{shown(text)} is not a step", item, at=at, hint="a whole number from 1")
    if not int(text):
        raise place.error("the step is 0", item, at=at, hint="a whole number from 1")
    return int(text)


def _half_range(kind: Kind, place: Place, item: str, at: int, *, sign: bool) -> RecurrenceError:
    hint = f"values are from {kind.low} to {kind.high}, without a sign" if sign else "write a-b"
    return place.error(f"half a range: {shown(item)}", item, at=at, hint=hint)


def _range_end(kind: Kind, place: Place, ends: tuple[str, str], at: int) -> int:
    first, second = ends
    low = read_value(kind, place, first, at)
    high = read_value(kind, place, second, at + len(first) + 1)
    if kind.sunday_is_seven and second.upper() == "SUN":
        # SUN-SUN is Sunday, as every a-a is its value; FRI-SUN goes up to Sunday.
        high = low if first.upper() == "SUN" or low == 7 else 7
    if low > high:
        raise place.error(
            f"the range {first}-{second} is reversed",
            f"{first}-{second}",
            at=at,
            hint=f"write {first}-{kind.top},{kind.low}-{second}"
            if low <= kind.top and high >= kind.low
            else "",
        )
    return high


def read_value(kind: Kind, place: Place, text: str, at: int) -> int:
    """A number or a name as the field's value. Raises RecurrenceError."""
    if _NUMBER.match(text):
        value = int(text)
        if kind.low <= value <= kind.high:
            return value
        raise place.error(
            f"{text if len(text) < 12 else 'the number'} is out of range",
            text,
            at=at,
            hint=f"from {kind.low} to {kind.high}",
        )
    value_by_name = kind.names.get(text.upper())
    if value_by_name is not None:
        return value_by_name
    raise _no_value(kind, place, text, at)


def _no_value(kind: Kind, place: Place, text: str, at: int) -> RecurrenceError:
    word = text.upper()
    reason = f"{shown(text)} is {'an unknown name' if word.isalpha() else 'not a value'}"
    hint = f"from {kind.low} to {kind.high}"
    if kind.names:
        names = list(kind.names)
        hint += f" or {names[0]} to {names[-1]}"
    if kind.names and _LONG_NAME.fullmatch(word) and word[:3] in kind.names:
        reason, hint = f"{text} is too long a name", f"write {word[:3]}"
    elif word in MONTH_NAMES or word in MONDAY_FIRST:
        what = "month" if word in MONTH_NAMES else "weekday"
        reason = f"a {what} name in the {kind.name} field"
    elif word == "?":
        reason, hint = "? stands alone in a day field", "write *"
    elif kind.name not in _DAY_FIELDS and _SPECIAL.fullmatch(word):
        reason = f"{text} belongs into a day field"
    elif match := _TURNED.fullmatch(word):
        reason, hint = f"{text} is turned round", f"write {match[2]}{match[1]}"
    elif _HASHED.fullmatch(word):
        reason, hint = "H needs a seed", "give a seed, or write a fixed value"
    return place.error(reason, text, at=at, hint=hint)
