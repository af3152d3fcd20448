"""A recurrence rule in words."""

from __future__ import annotations

import math
from datetime import UTC
from typing import Final

from clockwright.recurrence.describe import FEW
from clockwright.recurrence.phrases import Phrases

from .text import Freq, RuleParts

FREQ_UNITS: Final = {
    Freq.YEARLY: "year",
    Freq.MONTHLY: "month",
    Freq.WEEKLY: "week",
    Freq.DAILY: "day",
    Freq.HOURLY: "hour",
    Freq.MINUTELY: "minute",
    Freq.SECONDLY: "second",
}


def rule_clauses(parts: RuleParts, say: Phrases) -> list[str]:
    """A recurrence rule, completed by its start."""
    unit = FREQ_UNITS[parts.freq]
    words = [say.many(f"every_{unit}", parts.interval), *_day_clauses(parts, say)]
    words += _time_clauses(parts, say)
    if parts.by_position:
        places = say.all_of([say.place(n) for n in parts.by_position])
        words.append(say.say(f"position_{unit}", places=places))
    # The first day of a week matters where weeks are counted or cut.
    cuts_weeks = parts.freq is Freq.WEEKLY and (parts.interval > 1 or parts.by_position)
    if parts.by_week_number or cuts_weeks:
        words.append(say.say("weeks_begin", weekday=say.weekday(parts.week_start)))
    if parts.count is not None:
        words.append(say.many("count", parts.count))
    if parts.until is not None:
        moment = say.moment(parts.until.replace(fold=0))
        if parts.until.tzinfo is UTC:
            moment = say.say("moment_utc", moment=moment)
        words.append(say.say("end", moment=moment))
    return words


def _time_clauses(parts: RuleParts, say: Phrases) -> list[str]:
    hours, minutes, seconds = parts.by_hour, parts.by_minute, parts.by_second
    if hours and minutes and seconds and math.prod(map(len, (hours, minutes, seconds))) <= FEW:
        clocks = [say.clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return [say.say("at_times", times=say.all_of(clocks))]
    words = []
    if hours:
        words.append(say.say("in_hour", values=say.runs(hours, str)))
    if minutes:
        words.append(say.say("at_minute", values=say.runs(minutes, str)))
    if seconds and (seconds != (0,) or parts.freq is Freq.SECONDLY):
        words.append(say.say("at_second", values=say.runs(seconds, str)))
    return words


def _day_clauses(parts: RuleParts, say: Phrases) -> list[str]:
    words = []
    if parts.by_month:
        words.append(say.say("in_months", months=say.runs(parts.by_month, say.month)))
    for key, places in (
        ("in_week_of_year", parts.by_week_number),
        ("on_day_of_year", parts.by_year_day),
        ("on_day_of_month", parts.by_month_day),
    ):
        if places:
            words.append(say.say(key, places=say.all_of([say.place(n) for n in places])))
    days = [say.weekday(day) for day in sorted(parts.by_day, key=lambda day: (day + 6) % 7)]
    span = "month" if parts.freq is Freq.MONTHLY or parts.by_month else "year"
    for n, day in parts.by_nth_day:
        named = {"place": say.place(n), "weekday": say.weekday(day)}
        days.append(say.say(f"nth_weekday_of_{span}", **named))
    if days:
        words.append(say.say("on_days", days=say.all_of(days)))
    return words
