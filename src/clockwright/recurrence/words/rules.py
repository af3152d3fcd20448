"""What the clauses of a sentence mean together: one recurrence, or a refusal that says what does not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Final

from clockwright.recurrence.base import Recurrence
from clockwright.recurrence.combine import Union
from clockwright.recurrence.cron import Cron
from clockwright.recurrence.errors import RecurrenceError
from clockwright.recurrence.interval import CalendarInterval, Interval, MonthEnd
from clockwright.recurrence.once import Once, read_instant
from clockwright.recurrence.policy import ClockPolicy
from clockwright.recurrence.zones import FIRST_SECOND, LAST_SECOND, find_zone

from .grammar import MonthDays, Sentence
from .text import LAST, MONTH_NAMES, WEEKDAY_NAMES, Token

Anchor = dt.date | None
_MIDNIGHT: Final = dt.time()
_QUARTERS: Final = frozenset({1, 4, 7, 10})


class Kind(StrEnum):
    """What a sentence becomes: a cron line by its times or by its rhythm, elapsed time, steps of days, or one time."""

    CALENDAR = "calendar"
    RHYTHM = "rhythm"
    ELAPSED = "elapsed"
    STEPPED = "stepped"
    ONCE = "once"


_ALLOWED: Final[dict[Kind, dict[str, str]]] = {
    Kind.ONCE: {"once": "date times", "": "date times"},
    Kind.ELAPSED: dict.fromkeys(("second", "minute", "hour"), "starting"),
    Kind.RHYTHM: {
        "minute": "window weekdays days months",
        "hour": "minutes window weekdays days months",
    },
    Kind.STEPPED: {
        "day": "times starting",
        "week": "weekdays times starting",
        "month": "days times starting",
        "quarter": "days times starting",
        "year": "days months times starting",
    },
    Kind.CALENDAR: {
        "": "weekdays days months times",
        "day": "times months",
        "week": "weekdays times months",
        "month": "days times",
        "quarter": "days times",
        "year": "days months times",
    },
}
_HINTS: Final = {
    "times": "for a stretch of the day write from 9:00 to 17:00",
    "minutes": "only every hour has minutes",
    "window": "write every 15 minutes or every hour, from 9:00 to 17:00; or at 9:00",
    "weekdays": "name the days instead: every Monday and Friday",
    "days": "name the days instead: every month on the 1st",
    "months": "name the months instead: every January and July",
    "date": "write once on 2026-12-24",
    "starting": "only what is counted starts somewhere; bound the schedule instead",
}


def build(said: Sentence, tz: str, anchor: Anchor) -> Recurrence:
    """The rule of a sentence. Raises RecurrenceError."""
    find_zone(tz)
    if said.unit == "minute" and said.count == 60:
        said.unit, said.count = "hour", 1
    kind = _kind(said)
    allowed = _ALLOWED[kind].get(said.unit, "").split()
    for name, (token, _) in said.clauses.items():
        if name not in allowed:
            raise said.reader.refuse(token, f"{_told(said)} takes no {name}", _HINTS[name])
    rule = _BUILDERS[kind](said, tz, anchor)
    if not rule.is_possible():
        raise said.reader.refuse(_first(said, "days"), "there is no such date", "name another day")
    return rule


def _told(said: Sentence) -> str:
    if not said.is_repeated or not said.unit:
        return "such a sentence"
    return f"every {said.unit}" if said.count == 1 else f"every {said.count} {said.unit}s"


def _kind(said: Sentence) -> Kind:
    if said.unit == "once" or "date" in said.clauses:
        return Kind.ONCE
    if said.unit in {"second", "minute", "hour"}:
        # Only what divides the hour (the day) is a rhythm of the clock; `*/7` would begin anew each hour.
        whole = {"minute": 60, "hour": 24}.get(said.unit, 1)
        return Kind.RHYTHM if said.count < whole and whole % said.count == 0 else Kind.ELAPSED
    return Kind.STEPPED if said.count > 1 else Kind.CALENDAR


def _first(said: Sentence, name: str) -> Token:
    return said.clauses[name][0] if name in said.clauses else said.start


def _once(said: Sentence, tz: str, _anchor: Anchor) -> Recurrence:
    date = said.get("date")
    if date is None:
        raise said.reader.refuse(
            said.start, "once needs a date", "write once on 2026-12-24 at 18:00"
        )
    return Once(dt.datetime.combine(date, _only_time(said)), tz)


def _only_time(said: Sentence) -> dt.time:
    times = said.get("times") or (_MIDNIGHT,)
    if len(times) > 1:
        raise said.reader.refuse(
            _first(said, "times"), "one time of day is needed", "write two rules"
        )
    return times[0]


def _elapsed(said: Sentence, tz: str, anchor: Anchor) -> Recurrence:
    since = anchor
    if "starting" in said.clauses:
        date, time = said.get("starting")
        since = dt.datetime.combine(date, time or _MIDNIGHT)
    start = {} if since is None else {"anchor": _instant(since, tz)}
    return Interval(**{f"{said.unit}s": said.count}, **start, tz=tz)  # type: ignore[arg-type]  # two kinds of keywords


def _instant(since: dt.date, tz: str) -> dt.datetime:
    when = since if isinstance(since, dt.datetime) else dt.datetime.combine(since, _MIDNIGHT)
    second = read_instant(when, tz, ClockPolicy.of("vixie"), "anchor")
    if not FIRST_SECOND <= second <= LAST_SECOND:
        raise RecurrenceError("anchor is out of range", field="anchor")
    return dt.datetime.fromtimestamp(second, dt.UTC)


def _stepped(said: Sentence, tz: str, anchor: Anchor) -> Recurrence:
    date, time = said.get("starting") or (anchor, None)
    if date is None:
        raise said.reader.refuse(
            said.start,
            f"{_told(said)}: counted from when?",
            "add for example starting on 2026-12-24, or give an anchor",
        )
    if isinstance(date, dt.datetime) and date.tzinfo is not None:
        try:
            date = date.astimezone(find_zone(tz).info)
        except OverflowError:
            raise RecurrenceError("anchor is out of range", field="anchor") from None
    if time is not None and "times" in said.clauses:
        raise said.reader.refuse(_first(said, "times"), "the time is said twice", "leave one out")
    unit, count = said.unit, said.count
    if unit == "quarter":
        unit, count = "month", count * 3
    first = _first_date(said, dt.date(date.year, date.month, date.day))
    at = time or _only_time(said)
    # A day that a month lacks is left out, as `every month on the 31st` does.
    is_rare = unit in {"month", "year"} and first.day > 28
    month_end = MonthEnd.SKIP if is_rare else MonthEnd.CLAMP
    return CalendarInterval(**{f"{unit}s": count}, anchor=first, at=at, tz=tz, month_end=month_end)  # type: ignore[arg-type]  # as above


def _first_date(said: Sentence, since: dt.date) -> dt.date:
    # The first date that the clauses name, from the anchor on.
    weekdays, days, months = said.get("weekdays"), said.get("days"), said.get("months")
    if weekdays:
        (weekday,) = _only(said, "weekdays", weekdays)
        try:
            return since + dt.timedelta(days=(weekday - since.weekday()) % 7)
        except OverflowError:
            raise RecurrenceError("anchor is out of range", field="anchor") from None
    if not days and not months:
        return since
    days = days or MonthDays(numbers=frozenset({1}))
    (day,) = _only(said, "days", days.numbers - {LAST})
    found = (_only(said, "months", months)) if months else range(1, 13)
    if said.unit == "year" and not months:
        raise said.reader.refuse(_first(said, "days"), "of which month?", "write 24 December")
    for n in range(since.month - 1, since.month + 12 * 9):
        year, month = since.year + n // 12, n % 12 + 1
        if month in found and _has(year, month, day) and dt.date(year, month, day) >= since:
            return dt.date(year, month, day)
    raise said.reader.refuse(_first(said, "days"), "there is no such date", "name another day")


def _only(said: Sentence, name: str, values: frozenset[int]) -> tuple[int]:
    if len(values) != 1:
        token = _first(said, name)
        raise said.reader.refuse(token, f"{_told(said)} takes one day", "write a rule for each day")
    return (next(iter(values)),)


def _has(year: int, month: int, day: int) -> bool:
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


def _rhythm(said: Sentence, tz: str, _anchor: Anchor) -> Recurrence:
    day, weekday = _day_fields(said)
    window = said.get("window")
    if said.unit == "minute":
        minutes = "*" if said.count == 1 else f"*/{said.count}"
        hours = numbers_text(_window(said, window, 1), range(24)) if window else "*"
    else:
        minutes = numbers_text(said.get("minutes") or {0}, range(60))
        hours = "*" if said.count == 1 else f"*/{said.count}"
        if window:
            hours = _stepped_hours(_window(said, window, said.count), said.count)
    return Cron(f"{minutes} {hours} {day} {_month_field(said)} {weekday}", tz)


def _window(said: Sentence, window: tuple[dt.time, dt.time], step: int) -> Sequence[int]:
    # The hours from the first to the second, which is no longer in: a half-open window, as everywhere here.
    token = _first(said, "window")
    if any(time.minute or time.second for time in window):
        raise said.reader.refuse(
            token, "a stretch of the day has whole hours", "from 9:00 to 17:00"
        )
    first, after = window[0].hour, window[1].hour or 24
    if first == after:
        raise said.reader.refuse(token, "the stretch is empty", "leave it out for the whole day")
    if first > after:
        if {"weekdays", "days", "months"} & said.clauses.keys():
            raise said.reader.refuse(
                token, "the stretch goes past midnight, into another day", "write two rules"
            )
        after += 24
    return [hour % 24 for hour in range(first, after, step)]


def _stepped_hours(hours: Sequence[int], step: int) -> str:
    if step == 1 or len(hours) < 3 or hours[0] > hours[-1]:
        return numbers_text(hours, range(24))
    return f"{hours[0]}-{hours[-1]}/{step}"


def _calendar(said: Sentence, tz: str, _anchor: Anchor) -> Recurrence:
    if not said.is_repeated:
        raise said.reader.refuse(
            said.start, "it does not say how often", "begin with every; or once on 2026-12-24"
        )
    if said.unit == "week" and "weekdays" not in said.clauses:
        raise said.reader.refuse(said.start, "on which day of the week?", "every week on Monday")
    day, weekday = _day_fields(said)
    rest = f"{day} {_month_field(said)} {weekday}"
    rules = [Cron(f"{minutes} {hours} {rest}", tz) for minutes, hours in _time_fields(said)]
    return rules[0] if len(rules) == 1 else Union(tuple(rules), tz)


def _time_fields(said: Sentence) -> list[tuple[str, str]]:
    # As few pairs of minutes and hours as there must be: 9:00, 9:30, 17:00, 17:30 are one.
    by_minute: dict[int, set[int]] = {}
    for time in said.get("times") or (_MIDNIGHT,):
        if time.second:
            token = _first(said, "times")
            raise said.reader.refuse(token, "whole minutes only", "or a cron line with seconds")
        by_minute.setdefault(time.minute, set()).add(time.hour)
    by_hours: dict[frozenset[int], set[int]] = {}
    for minute, hours in by_minute.items():
        by_hours.setdefault(frozenset(hours), set()).add(minute)
    pairs = sorted(by_hours.items(), key=lambda pair: (min(pair[0]), min(pair[1])))
    return [(numbers_text(m, range(60)), numbers_text(h, range(24))) for h, m in pairs]


def _day_fields(said: Sentence) -> tuple[str, str]:
    # The day of the month and the day of the week.
    weekdays, days = said.get("weekdays"), said.get("days")
    if weekdays and days:
        raise said.reader.refuse(
            _first(said, "days"),
            "days of the month and of the week together can be read in two ways",
            "write two rules, or a cron line",
        )
    if weekdays:
        return "*", weekday_text(weekdays)
    if said.unit == "year" and days and "months" not in said.clauses:
        raise said.reader.refuse(_first(said, "days"), "of which month?", "write 24 December")
    if said.unit == "quarter" and days and LAST in {*days.numbers, *days.working, *_places(days)}:
        hint = "write the months: every March, June, September and December on the last day"
        raise said.reader.refuse(_first(said, "days"), "last of the quarter or its month?", hint)
    if days is None and (said.unit in {"month", "quarter", "year"} or _is_by_month(said)):
        days = MonthDays(numbers=frozenset({1}))
    return ("*", "*") if days is None else month_days_text(days)


def _places(days: MonthDays) -> set[int]:
    return {place for place, _ in days.nth}


def _is_by_month(said: Sentence) -> bool:
    # "Every January at 9" is said of the month: it means its first day.
    return not said.unit and "months" in said.clauses


def _month_field(said: Sentence) -> str:
    if said.unit == "quarter":
        return month_text(_QUARTERS)
    months = said.get("months")
    if months is None:
        return "jan" if said.unit == "year" else "*"
    return month_text(months)


def month_days_text(days: MonthDays) -> tuple[str, str]:
    """The two day fields of a cron line."""
    if days.nth:
        nth = sorted(days.nth, key=lambda pair: (pair[0] % 7, pair[1]))
        items = [f"{_short(WEEKDAY_NAMES[d])}#{'L' if n == LAST else n}" for n, d in nth]
        return "*", ",".join(items)
    if days.working:
        return ",".join("LW" if n == LAST else f"{n}W" for n in sorted(days.working)[::-1]), "*"
    plain = numbers_text(days.numbers - {LAST}, range(1, 32)) if days.numbers - {LAST} else ""
    return ",".join([plain] * bool(plain) + ["L"] * (LAST in days.numbers)), "*"


def weekday_text(weekdays: Iterable[int]) -> str:
    """A day-of-week field by names; weekdays count from Monday = 0."""
    return _text(weekdays, range(7), lambda n: _short(WEEKDAY_NAMES[n]))


def month_text(months: Iterable[int]) -> str:
    """A month field by names."""
    return _text(months, range(1, 13), lambda n: _short(MONTH_NAMES[n - 1]))


def numbers_text(numbers: Iterable[int], everything: range) -> str:
    """A field of numbers: `*`, or a list in which three in a row are a range."""
    return _text(numbers, everything, str)


def _short(name: str) -> str:
    return name[:3].lower()


def _text(values: Iterable[int], everything: range, name: Callable[[int], str]) -> str:
    ordered = sorted({*values})
    if ordered == list(everything):
        return "*"
    items: list[str] = []
    first = 0
    for i, value in enumerate(ordered):
        if i + 1 < len(ordered) and ordered[i + 1] == value + 1:
            continue
        run = ordered[first : i + 1]
        items += [f"{name(run[0])}-{name(value)}"] if len(run) > 2 else map(name, run)
        first = i + 1
    return ",".join(items)


_BUILDERS: Final[dict[Kind, Callable[[Sentence, str, Anchor], Recurrence]]] = {
    Kind.CALENDAR: _calendar,
    Kind.RHYTHM: _rhythm,
    Kind.ELAPSED: _elapsed,
    Kind.STEPPED: _stepped,
    Kind.ONCE: _once,
}
