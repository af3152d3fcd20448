"""Calendars and weekdays in words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from clockwright.recurrence.explain import Finding
from clockwright.recurrence.field import MONDAY_FIRST, MONTH_NAMES
from clockwright.recurrence.phrases import ENGLISH, Phrases

from .calendar import Calendar
from .open_days import WEEKDAY_NAMES

_FEW_DATES: Final = 4  # so many dates are listed
_FEW_RULES: Final = 24  # so many yearly dates, days about Easter and weekdays of months


def weekdays_in_words(names: Iterable[str], say: Phrases) -> list[str]:
    """Weekdays by their full names; given as ``sat``, from Monday on."""
    return [say.weekday((WEEKDAY_NAMES.index(name) + 1) % 7) for name in names]


def calendar_in_words(calendar: Calendar, say: Phrases) -> str:
    """The days that a calendar closes: each where they are few, else how many."""
    days = weekdays_in_words(calendar.weekend, say)
    rules = [
        *(_yearly(text, say) for text in calendar.yearly),
        *(_easter(offset, say) for offset in calendar.easter),
        *(_nth(text, say) for text in calendar.nth_weekdays),
    ]
    days += rules if len(rules) <= _FEW_RULES else [say.many("yearly_days", len(rules))]
    dates = calendar.holidays
    if len(dates) <= _FEW_DATES:
        days += [say.day(day) for day in dates]
    else:
        first, last = say.day(dates[0]), say.day(dates[-1])
        days.append(say.many("holidays", len(dates), first=first, last=last))
    return say.say("closed_days", days=say.all_of(days)) if days else say.say("no_closed_days")


def calendar_finding(calendar: Calendar, day: date) -> Finding:
    """What a calendar says of a date."""
    why = calendar.why_closed(day)
    reason = "" if why is None else f"closed by {why}"
    return Finding(
        "calendar", ENGLISH.day(day), why is None, f"business days of {calendar.name}", reason
    )


def _yearly(text: str, say: Phrases) -> str:
    return say.say("yearly_day", month=say.month(int(text[:2])), day=int(text[3:]))


def _easter(offset: int, say: Phrases) -> str:
    if not offset:
        return say.say("easter")
    return say.many("after_easter" if offset > 0 else "before_easter", abs(offset))


def _nth(text: str, say: Phrases) -> str:
    place, weekday, month = text.split(" ")
    return say.say(
        "weekday_of_month",
        place=say.place(-1 if place == "last" else int(place[0])),
        weekday=say.weekday((MONDAY_FIRST[weekday.upper()] + 1) % 7),
        month=say.month(MONTH_NAMES[month.upper()]),
    )
