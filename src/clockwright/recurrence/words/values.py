"""What stands inside a clause: times of the day, dates, months and bare numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from .text import MONTHS, NAMED_TIMES, TO, Reader, Token


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. ``half``: am or pm, if it was said; ``is_open``: either half of the day is thinkable.

    ``is_bare``: neither am, pm nor minutes were said.
    """

    time: dt.time
    half: str
    is_open: bool
    token: Token
    is_bare: bool = False


def agreed(reader: Reader, clocks: list[Clock]) -> tuple[dt.time, ...]:
    """The times, if they are written alike: "at 9 and 10 pm" leaves open what 9 is. Raises RecurrenceError."""
    unclear = next((c for c in clocks if c.is_open), None)
    if unclear and any(c.half for c in clocks):
        raise reader.refuse(
            unclear.token,
            f"{unclear.token.text} has no am or pm, but another time has",
            "write am or pm to each, or none",
        )
    return tuple(c.time for c in clocks)


def starts_clock(token: Token) -> bool:
    """Whether a time of day may begin so."""
    return token.is_number or token.text in NAMED_TIMES


def clock(reader: Reader) -> Clock:
    """A time of day: 9, 9:30, 5 pm, 17:00, noon. Without am or pm it is of 24 hours. Raises RecurrenceError."""
    token = reader.take()
    if token.text in NAMED_TIMES:
        return Clock(dt.time(NAMED_TIMES[token.text]), "", is_open=False, token=token, is_bare=True)
    if not token.is_number:
        raise reader.unknown(token, "a time, such as 9:30, 5 pm or noon")
    numbers = [_in_range(reader, token, 23, "an hour")]
    while reader.peek().text == ":" and len(numbers) < 3:
        reader.take()
        numbers.append(number(reader, 59, "a minute" if len(numbers) == 1 else "a second"))
    is_open, half = 1 <= numbers[0] <= 12, ""
    if reader.peek().text in {"am", "pm"}:
        half = reader.peek().text
        if not is_open:
            raise reader.refuse(
                reader.peek(), f"no clock shows {numbers[0]} {half}", "from 1 to 12"
            )
        reader.take()
        numbers[0] = numbers[0] % 12 + 12 * (half == "pm")
    hour, minute, second = (*numbers, 0, 0)[:3]
    return Clock(
        dt.time(hour, minute, second),
        half,
        is_open=is_open and not half,
        token=token,
        is_bare=not half and len(numbers) == 1,
    )


def number(reader: Reader, most: int, what: str) -> int:
    """A number from 0 to ``most``. Raises RecurrenceError."""
    token = reader.take()
    if not token.is_number:
        raise reader.unknown(token, what)
    return _in_range(reader, token, most, what)


def _in_range(reader: Reader, token: Token, most: int, what: str) -> int:
    if len(token.text) > 2 or int(token.text) > most:
        hint = "write 09:30" if len(token.text) in {3, 4} else f"from 0 to {most}"
        raise reader.refuse(token, f"{token.text[:12]} is not {what}", hint)
    return int(token.text)


def months(reader: Reader) -> frozenset[int]:
    """Months by name, joined and in ranges. Raises RecurrenceError."""
    found = _month_or_range(reader)
    while reader.skip_joint(lambda token: token.text in MONTHS):
        found |= _month_or_range(reader)
    return found


def _month_or_range(reader: Reader) -> frozenset[int]:
    token = reader.take()
    if token.text not in MONTHS:
        raise reader.unknown(token, "a month")
    first = last = MONTHS[token.text]
    if reader.peek(1).text in MONTHS and reader.skip(*TO):
        last = MONTHS[reader.take().text]
    return frozenset((first - 1 + n) % 12 + 1 for n in range((last - first) % 12 + 1))


def iso_date(reader: Reader) -> dt.date:
    """A date such as 2026-12-24. Raises RecurrenceError."""
    start, numbers = reader.peek(), list[int]()
    for most in (9999, 12, 31):
        token = reader.take()
        if not token.is_number or len(token.text) > 4:
            raise reader.unknown(token, "a date, such as 2026-12-24")
        numbers.append(min(int(token.text), most + 1))
        if most != 31 and not reader.skip("-"):
            raise reader.unknown(reader.peek(), "a date, such as 2026-12-24")
    return date(reader, start, *numbers)


def date(reader: Reader, token: Token, *parts: int) -> dt.date:
    """The date of a year, month and day that ``token`` begins. Raises RecurrenceError."""
    try:
        return dt.date(*parts)
    except ValueError:
        raise reader.refuse(token, "there is no such date", "such as 2026-12-24") from None
