"""Rules as people say them: ``every weekday at 9``, ``last Friday of the month at 17:30``; and back.

A small grammar without guesses: what it does not understand, or could understand in two ways, it refuses at a column.
Every sentence it accepts has one canonical form, which ``to_words`` gives.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clockwright.recurrence.base import Recurrence
from clockwright.recurrence.combine import Union
from clockwright.recurrence.cron import Cron
from clockwright.recurrence.days import ALL_MONTHS, DayTerms, bits
from clockwright.recurrence.errors import RecurrenceError
from clockwright.recurrence.interval import CalendarInterval, Interval
from clockwright.recurrence.once import Once
from clockwright.recurrence.phrases import english_ordinal
from clockwright.recurrence.walls import Parts
from clockwright.recurrence.zones import EPOCH

from .grammar import read_sentence
from .rules import Anchor, build
from .text import ENDINGS, LAST, MONTH_NAMES, ORDINALS, WEEKDAY_NAMES

_PLACES = {number: word for word, number in ORDINALS.items()}
_QUARTERS = [1, 4, 7, 10]
_ALL_HOURS = list(range(24))


def from_words(text: str, tz: str = "UTC", *, anchor: Anchor = None) -> Recurrence:
    """The rule of an English sentence: a Cron, Interval, CalendarInterval, Once or Union.

    ``anchor``: what ``every 3 days`` counts from unless the sentence says ``starting on``; a date, or a datetime
    (naive: wall time in ``tz``). ``every 90 seconds`` counts from 1970-01-01, UTC, without one. Raises RecurrenceError.
    """
    if anchor is not None and not isinstance(anchor, dt.date):
        raise RecurrenceError("anchor must be a date or a datetime", field="anchor")
    return build(read_sentence(text), tz, anchor)


def to_words(rule: Recurrence) -> str | None:
    """The canonical sentence of which ``from_words(sentence, rule.tz)`` makes an equal rule; None where there is none."""
    return next((text for text in _sentences(rule) if _means(text, rule)), None)


def looks_like_words(text: str) -> bool:
    """Whether ``text`` is rather meant as a sentence than as a cron line: it begins with a word or with 1st."""
    first = text.split()[:1]
    is_word = bool(first) and (
        (len(first[0]) > 1 and first[0].isalpha()) or first[0][-2:] in ENDINGS
    )
    return is_word and not {*"*/#?@"} & {*text}


def _means(text: str, rule: Recurrence) -> bool:
    try:
        return from_words(text, rule.tz) == rule
    except RecurrenceError:
        return False


def _sentences(rule: Recurrence) -> Iterator[str]:
    # Attempts, the most telling first; which of them means the rule is found out by reading them.
    match rule:
        case Cron():
            yield from _cron(rule.parts)
        case Union():
            yield from _union(rule)
        case Interval():
            yield from _interval(rule)
        case CalendarInterval():
            yield from _calendar_interval(rule)
        case Once():
            yield f"once on {_moment(rule.instant)}"
        case _:
            return


def _moment(when: dt.datetime) -> str:
    return f"{when:%Y-%m-%d} at {_clock(when.time())}"


def _clock(time: dt.time) -> str:
    return f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([*filter(None, [", ".join(words[:-1])]), words[-1]])


def _every(unit: str, count: int) -> str:
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def _interval(rule: Interval) -> Iterator[str]:
    words = _single(rule, ("hours", "minutes", "seconds"))
    if words and rule.anchor == EPOCH:
        yield words[1]
    elif words:
        yield f"{words[1]} starting on {_moment(rule.anchor.astimezone(rule.timezone))}"


def _calendar_interval(rule: CalendarInterval) -> Iterator[str]:
    words = _single(rule, ("days", "weeks", "months", "years"))
    if words is None or rule.at is None:
        return
    date = rule.anchor
    day = {
        "days": "",
        "weeks": f" on {WEEKDAY_NAMES[date.weekday()]}",
        "months": f" on the {english_ordinal(date.day)}",
        "years": f" on {date.day} {MONTH_NAMES[date.month - 1]}",
    }[words[0]]
    yield f"{words[1]}{day} at {_clock(rule.at)} starting on {date.isoformat()}"


def _single(rule: Recurrence, units: tuple[str, ...]) -> tuple[str, str] | None:
    # The one unit that is given, and how it is said.
    given = [(unit, getattr(rule, unit)) for unit in units if getattr(rule, unit)]
    if len(given) != 1:
        return None
    unit, count = given[0]
    return unit, _every(unit[:-1], count)


@dataclass(frozen=True, slots=True)
class _Days:
    """The days of a line, as they begin a sentence, and as they follow a rhythm."""

    first: str
    after: str


def _cron(parts: Parts) -> Iterator[str]:
    days = _days(parts)
    if days is None:
        return
    minutes, hours = list(bits(parts.minutes)), list(bits(parts.hours))
    yield from (f"{rhythm}{days.after}" for rhythm in _rhythms(minutes, hours))
    if len(minutes) * len(hours) <= len(_ALL_HOURS):
        yield f"{days.first} at {_listed(_times(parts))}"


def _union(rule: Union) -> Iterator[str]:
    # Several lines of the same days are one sentence with several times.
    lines = [member.parts for member in rule.rules if isinstance(member, Cron)]
    days = {parsed.first for parts in lines if (parsed := _days(parts))}
    if len(lines) == len(rule.rules) and len(days) == 1:
        yield f"{days.pop()} at {_listed(sorted(time for parts in lines for time in _times(parts)))}"


def _times(parts: Parts) -> list[str]:
    return [
        f"{hour:02}:{minute:02}" for hour in bits(parts.hours) for minute in bits(parts.minutes)
    ]


def _rhythms(minutes: list[int], hours: list[int]) -> Iterator[str]:
    step = 60 // len(minutes)
    if len(minutes) > 1 and minutes == list(range(0, 60, step)):
        window = _window(hours)
        if window is not None:
            yield _every("minute", step) + window
    at = "" if minutes == [0] else f" at minute {_listed([str(n) for n in minutes])}"
    window = _window(hours) if len(hours) > 2 else None
    if window is not None:
        yield f"every hour{at}{window}"
    if len(hours) < 2:
        return
    step = hours[1] - hours[0]
    if hours == list(range(hours[0], hours[-1] + 1, step)):
        yield f"{_every('hour', step)}{at}"
        if len(hours) > 2:
            yield f"{_every('hour', step)}{at}{_from_to(hours[0], hours[-1] + step)}"


def _window(hours: list[int]) -> str | None:
    # The stretch that these hours are; none for all of them.
    if hours == _ALL_HOURS:
        return ""
    first = next(hour for hour in hours if (hour - 1) % 24 not in hours)
    if {(first + n) % 24 for n in range(len(hours))} != {*hours}:
        return None
    end = first + len(hours)
    return _from_to(first, end if end <= 24 else end % 24)


def _from_to(first: int, end: int) -> str:
    return f" from {first:02}:00 to {min(end, 24) % 24:02}:00"


def _days(parts: Parts) -> _Days | None:
    months = [MONTH_NAMES[n - 1] for n in bits(parts.months)]
    some = "" if parts.months == ALL_MONTHS << 1 else f" in {_listed(months)}"
    left, right = parts.left, parts.right
    if left.is_everything and right.is_everything:
        return _Days(f"every day{some}", some)
    if left.is_everything and right == DayTerms(weekdays=right.weekdays):
        return _weekdays(sorted((n + 6) % 7 for n in bits(right.weekdays)), some)
    places = _nth(right) if left.is_everything else _of_month(left) if right.is_everything else None
    if places is None:
        return None
    if not some:
        return _Days(f"every month on the {places}", f" on the {places} of every month")
    among = "quarter" if list(bits(parts.months)) == _QUARTERS else _listed(months)
    first = f"every {among} on the {places}"
    if len(months) == 1 and left == DayTerms(days=left.days) and left.days.bit_count() == 1:
        first = f"every year on {left.days.bit_length()} {months[0]}"
    return _Days(first, f" on the {places} of {_listed(months)}")


def _weekdays(weekdays: list[int], some: str) -> _Days:
    if weekdays == [0, 1, 2, 3, 4]:
        return _Days(f"every weekday{some}", f" on weekdays{some}")
    if weekdays == [5, 6]:
        return _Days(f"every weekend{some}", f" on weekends{some}")
    names = [WEEKDAY_NAMES[n] for n in weekdays]
    return _Days(f"every {_listed(names)}{some}", f" on {_listed([f'{n}s' for n in names])}{some}")


def _nth(terms: DayTerms) -> str | None:
    # Places of one weekday: the first and last Friday.
    pairs = [divmod(place, 7) for place in bits(terms.nth)]
    places = [week + 1 for week, _ in pairs] + [LAST for _ in bits(terms.last)]
    weekdays = {weekday for _, weekday in pairs} | {*bits(terms.last)}
    if len(weekdays) != 1 or terms.weekdays:
        return None
    return f"{_listed([_PLACES[n] for n in places])} {WEEKDAY_NAMES[(weekdays.pop() + 6) % 7]}"


def _of_month(terms: DayTerms) -> str | None:
    working = ["first"] * (terms.nearest == 1) + ["last"] * terms.last_working
    if working:
        return f"{_listed(working)} working day"
    days = [english_ordinal(n + 1) for n in bits(terms.days)]
    if terms.from_end == 1:
        return f"{_listed([*days, 'last'])} day"
    return _listed(days) if days else None
