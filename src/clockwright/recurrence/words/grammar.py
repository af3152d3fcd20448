"""The grammar of sentences about time: words to clauses. What the clauses mean together is for ``rules``.

A sentence is a row of clauses in any order, each said once: how often (``every 2 weeks``, ``daily``), at what times,
from when to when, on what days, in what months, starting when. Every word is looked at once, from left to right.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from clockwright.recurrence.phrases import english_ordinal

from .text import (
    ADVERBS,
    COUNTS,
    ENDINGS,
    LAST,
    MONTHS,
    ORDINALS,
    PLURAL_WEEKDAYS,
    TO,
    UNITS,
    WEEKDAY_SETS,
    WEEKDAYS,
    WORKING,
    Reader,
    Token,
)
from .values import agreed, clock, date, iso_date, months, number, starts_clock

_MOST: Final = 999_999_999
Nth = tuple[int, int]
"""The how-manieth (1 to 5, or LAST) of which weekday of a month."""


@dataclass(frozen=True, slots=True)
class MonthDays:
    """Days of a month: numbers, LAST for the last day, ``working`` with 1 and LAST, weekdays by place."""

    numbers: frozenset[int] = frozenset()
    working: frozenset[int] = frozenset()
    nth: frozenset[Nth] = frozenset()


@dataclass(slots=True)
class Sentence:
    """What was said. ``start``: the word that says how often, else the first. ``clauses``: by kind, the word it began with and its value.

    Kinds: times, minutes, window, weekdays, days, months, date, starting. ``is_repeated``: it says that there is more
    than one time, as ``every``, ``Mondays`` and ``Monday to Friday`` do; ``is_of_month``: it says ``of the month``.
    """

    reader: Reader
    start: Token
    unit: str = ""
    count: int = 1
    is_repeated: bool = False
    is_of_month: bool = False
    clauses: dict[str, tuple[Token, Any]] = field(default_factory=dict)

    def add(self, kind: str, token: Token, value: object) -> None:
        """A clause. Raises RecurrenceError for a second one of its kind."""
        if kind in self.clauses:
            raise self.reader.refuse(token, f"the {kind} are said twice", "write two rules")
        self.clauses[kind] = (token, value)

    def get(self, kind: str) -> Any:
        """The value of a clause; None where it was not said."""
        return self.clauses[kind][1] if kind in self.clauses else None


def read_sentence(text: object) -> Sentence:
    """The clauses of a sentence. Raises RecurrenceError."""
    reader = Reader(text)
    said = Sentence(reader, reader.peek())
    while True:
        token = reader.peek()
        if token.text in _CLAUSES:
            reader.take()
            _CLAUSES[token.text](reader, said, token)
        elif token.text in ADVERBS:
            _set_unit(said, reader.take(), *ADVERBS[token.text])
        elif _starts_days(token):
            _days(reader, said, token)
        else:
            raise reader.unknown(token, "every, at, on, in, from, starting or once")
        if not reader.skip(",") and reader.is_done:
            return said


def _set_unit(said: Sentence, token: Token, count: int, unit: str) -> None:
    if said.unit:
        raise said.reader.refuse(token, "how often is said twice", "write two rules")
    said.start, said.unit, said.count, said.is_repeated = token, unit, count, unit != "once"


def _every(reader: Reader, said: Sentence, _start: Token) -> None:
    said.is_repeated = True
    token = reader.peek()
    is_counted = token.text == "other" or token.text in COUNTS or _is_plain_number(reader)
    if is_counted:
        _counted(reader, said)
    elif token.text in UNITS and token.text != "second":
        _set_unit(said, reader.take(), 1, UNITS[token.text])
    elif token.text == "second" and not _starts_noun(reader.peek(1)):
        _set_unit(said, reader.take(), 1, "second")
    elif token.text in MONTHS:
        said.add("months", token, months(reader))
    else:
        _days(reader, said, token)
        _refuse_every_second(said, token)


def _counted(reader: Reader, said: Sentence) -> None:
    token = reader.take()
    count = 2 if token.text == "other" else COUNTS.get(token.text) or int(token.text[:10])
    if not 0 < count <= _MOST:
        raise reader.refuse(token, f"every {token.text[:12]} is out of range", f"from 1 to {_MOST}")
    unit = reader.take()
    if unit.text in WEEKDAYS and token.text == "other":  # every other Tuesday
        said.add("weekdays", unit, frozenset({WEEKDAYS[unit.text]}))
        _set_unit(said, token, count, "week")
    elif unit.text in UNITS:
        _set_unit(said, token, count, UNITS[unit.text])
    else:
        raise reader.unknown(unit, "a unit, such as minutes or weeks")


def _refuse_every_second(said: Sentence, token: Token) -> None:
    # "Every second Tuesday" is every other one to some, the second of the month to others.
    if "days" in said.clauses and not said.is_of_month and "months" not in said.clauses:
        raise said.reader.refuse(
            token,
            f"every {token.text} can be read in two ways",
            "add of the month; or write every 2 days, every 2 weeks on Tuesday",
        )


def _once(_reader: Reader, said: Sentence, start: Token) -> None:
    _set_unit(said, start, 1, "once")


def _at(reader: Reader, said: Sentence, start: Token) -> None:
    if reader.skip("minute", "minutes"):
        numbers = [number(reader, 59, "a minute")]
        while reader.skip_joint(lambda token: token.is_number):
            numbers.append(number(reader, 59, "a minute"))
        said.add("minutes", start, frozenset(numbers))
        return
    clocks = [clock(reader)]
    while reader.skip_joint(starts_clock):
        clocks.append(clock(reader))
    said.add("times", start, agreed(reader, clocks))


def _window(reader: Reader, said: Sentence, start: Token) -> None:
    if reader.peek().text in WEEKDAYS:  # from Monday to Friday
        _days(reader, said, start)
        return
    first = clock(reader)
    if not reader.skip(*(("and", *TO) if start.text == "between" else TO)):
        raise reader.unknown(reader.peek(), "to and a time")
    last = clock(reader)
    window = agreed(reader, [first, last])
    if first.is_bare and last.is_bare and dt.time() < last.time < first.time:
        raise reader.refuse(
            first.token,
            f"from {first.token.text} to {last.token.text} may end in the afternoon or the next morning",
            "write from 9am to 5pm, or from 22:00 to 06:00",
        )
    said.add("window", start, window)


def _on(reader: Reader, said: Sentence, start: Token) -> None:
    _days(reader, said, start)


def _in(reader: Reader, said: Sentence, start: Token) -> None:
    reader.skip("every", "each")
    said.add("months", start, months(reader))


def _starting(reader: Reader, said: Sentence, start: Token) -> None:
    reader.skip("on", "from")
    date = iso_date(reader)
    time = clock(reader).time if reader.skip("at") else None
    said.add("starting", start, (date, time))


def _starts_days(token: Token) -> bool:
    return (
        token.text in {"the", *ORDINALS, *MONTHS, *WORKING} or _is_weekday(token) or token.is_number
    )


def _is_weekday(token: Token) -> bool:
    return token.text in WEEKDAYS or token.text in WEEKDAY_SETS or token.text in WORKING


def _days(reader: Reader, said: Sentence, start: Token) -> None:
    reader.skip("the")
    token = reader.peek()
    if _is_weekday(token):
        weekdays = _weekdays(reader, said)
        while reader.skip_joint(_is_weekday):
            weekdays |= _weekdays(reader, said)
        said.add("weekdays", start, weekdays)
    elif token.is_number and reader.peek(1).text == "-":
        said.add("date", start, iso_date(reader))
    elif token.text in MONTHS:  # December 24
        reader.take()
        days = _ordinals(reader)
        _day_of_year(reader, said, start, (MONTHS[token.text], [n for n, _ in days]))
    elif token.text in ORDINALS or token.is_number:
        _placed_days(reader, said, start)
    else:
        raise reader.unknown(token, "a day, such as Monday, the 1st or the last Friday")


def _weekdays(reader: Reader, said: Sentence) -> frozenset[int]:
    reader.skip("the")
    token = reader.take()
    if token.text in WORKING:
        if not reader.skip("day", "days"):
            raise reader.unknown(reader.peek(), "day")
        return WEEKDAY_SETS["weekday"]
    said.is_repeated |= token.text in PLURAL_WEEKDAYS or token.text in {"weekdays", "weekends"}
    if token.text in WEEKDAY_SETS:
        return WEEKDAY_SETS[token.text]
    first = last = WEEKDAYS[token.text]
    if reader.peek(1).text in WEEKDAYS and reader.skip(*TO):
        last, said.is_repeated = WEEKDAYS[reader.take().text], True
    return frozenset((first + n) % 7 for n in range((last - first) % 7 + 1))


def _is_plain_number(reader: Reader) -> bool:
    ending = reader.peek(1)
    return reader.peek().is_number and not (ending.is_glued and ending.text in ENDINGS)


def _ordinals(reader: Reader) -> list[tuple[int, Token | None]]:
    """Places such as 1st, first, last; with the word for each that is a bare number."""
    places: list[tuple[int, Token | None]] = []
    while True:
        reader.skip("the")
        is_plain = _is_plain_number(reader)
        token = reader.take()
        if token.text in ORDINALS:
            places.append((ORDINALS[token.text], None))
        elif token.is_number:
            if len(token.text) > 2 or not 1 <= int(token.text) <= 31:
                raise reader.refuse(token, f"no month has a day {token.text[:12]}", "from 1 to 31")
            places.append((int(token.text), token if is_plain else None))
            if not is_plain:
                reader.take()
        else:
            raise reader.unknown(token, "a day, such as the 1st or the last Friday")
        if not reader.skip_joint(lambda t: t.is_number or t.text in ORDINALS):
            return places


def _starts_noun(token: Token) -> bool:
    return _is_weekday(token) or token.text in {"day", "and"}


def _placed_days(reader: Reader, said: Sentence, start: Token) -> None:
    places = _ordinals(reader)
    numbers, noun = [n for n, _ in places], reader.peek()
    if noun.text in MONTHS:  # 24 December
        _day_of_year(reader, said, start, (MONTHS[reader.take().text], numbers))
        return
    plain = next((token for _, token in places if token), None)
    if plain:
        raise reader.refuse(
            plain,
            f"{plain.text} may be a day or a time",
            f"write the {english_ordinal(int(plain.text))}, or at {plain.text} for a time of day",
        )
    said.add("days", start, _with_noun(reader, numbers))
    if reader.skip("of"):
        said.is_repeated |= reader.skip("every", "each")
        reader.skip("the")
        if reader.skip("month"):
            said.is_repeated = said.is_of_month = True
        else:
            said.add("months", reader.peek(), months(reader))


def _with_noun(reader: Reader, numbers: list[int]) -> MonthDays:
    noun = reader.peek()
    if noun.text in WORKING or noun.text in {"weekday", "weekdays"}:
        if reader.take().text in WORKING and not reader.skip("day", "days"):
            raise reader.unknown(reader.peek(), "day")
        if not {*numbers} <= {1, LAST}:
            raise reader.refuse(
                noun, "which working day?", "only the first and the last can be said"
            )
        return MonthDays(working=frozenset(numbers))
    if noun.text in WEEKDAYS:
        reader.take()
        if max(numbers) > 5:
            raise reader.refuse(
                noun, f"no month has {max(numbers)} of a weekday", "first to fifth, or last"
            )
        return MonthDays(nth=frozenset((n, WEEKDAYS[noun.text]) for n in numbers))
    if not reader.skip("day", "days") and LAST in numbers:
        raise reader.unknown(noun, "day or a weekday, after last")
    return MonthDays(numbers=frozenset(numbers))


def _day_of_year(
    reader: Reader, said: Sentence, start: Token, month_and_days: tuple[int, list[int]]
) -> None:
    month, numbers = month_and_days
    if LAST in numbers:
        raise reader.refuse(start, "last what?", "write the last day of a month")
    year = reader.peek()
    if year.is_number and len(year.text) == 4 and len(numbers) == 1:
        reader.take()
        said.add("date", start, date(reader, start, int(year.text), month, numbers[0]))
        return
    said.add("days", start, MonthDays(numbers=frozenset(numbers)))
    said.add("months", start, frozenset({month}))


_CLAUSES: Final[dict[str, Callable[[Reader, Sentence, Token], None]]] = {
    "every": _every,
    "each": _every,
    "once": _once,
    "at": _at,
    "from": _window,
    "between": _window,
    "on": _on,
    "in": _in,
    "starting": _starting,
}
