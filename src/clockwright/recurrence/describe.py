"""Rules as English sentences, written out of their parts.

A sentence is exact rather than pretty: it names weekdays and months, says whether one day field is
enough or both must match, and ends with the zone, the bounds and the exclusions.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

from .base import Recurrence
from .days import ALL_WEEKS, DayTerms, Parts, bits
from .rrule_text import Freq, RuleParts

_WEEKDAYS: Final = (
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
)
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_FEW = 6  # so many times of the day are listed; more are told by their fields
_ALL_SIXTY: Final = (1 << 60) - 1
_ALL_HOURS: Final = (1 << 24) - 1
_ALL_MONTHS: Final = (1 << 13) - 2


def sentence(words: str, rule: Recurrence) -> str:
    """``words`` as a sentence, with the rule's zone, bounds and exclusions."""
    text = f"{words[:1].upper()}{words[1:]}, in the zone {rule.tz}"
    if rule.start is not None:
        text += f", from {moment(rule.start.astimezone(rule.timezone))}"
    if rule.end is not None:
        text += f", until {moment(rule.end.astimezone(rule.timezone))}"
    excluded = len(getattr(rule, "exclude", ()))
    if excluded:
        text += f", except in {excluded} excluded {'range' if excluded == 1 else 'ranges'}"
    return f"{text}."


def moment(when: datetime) -> str:
    """A date and time in words: Sunday 30 March 2025 at 03:00."""
    return f"{day(when)} at {clock(when.hour, when.minute, when.second)}"


def day(when: dt.date) -> str:
    """A date in words: Sunday 30 March 2025."""
    weekday = _WEEKDAYS[when.isoweekday() % 7]
    return f"{weekday} {when.day} {_MONTHS[when.month - 1]} {when.year}"


def clock(hour: int, minute: int, second: int = 0) -> str:
    """A time of day: 03:00, or 03:00:15."""
    return f"{hour:02}:{minute:02}" + (f":{second:02}" if second else "")


def every(**units: int) -> str:
    """A period in words: every 2 weeks and 3 days. Units are named in the plural."""
    given = [(count, unit) for unit, count in units.items() if count]
    if len(given) == 1 and given[0][0] == 1:
        return f"Every {given[0][1][:-1]}"
    return "Every " + listed([f"{n} {unit[:-1] if n == 1 else unit}" for n, unit in given])


def listed(words: list[str], last: str = "and") -> str:
    """Words as a list: a, b and c."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th..."""
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


def calendar_rule(parts: Parts) -> str:
    """A cron line or its keyword form in words, without the zone."""
    words = [_times(parts)]
    days = _days(parts)
    if days:
        words.append(days)
    elif words[0].startswith("at "):
        words.append("every day")
    if parts.months != _ALL_MONTHS:
        words.append(f"in {_runs(bits(parts.months), lambda m: _MONTHS[m - 1])}")
    if parts.weeks != ALL_WEEKS:
        words.append(f"in ISO week {_runs(bits(parts.weeks), str)}")
    if parts.years is not None and parts.years.bit_count() != parts.years.bit_length() - 1970:
        words.append(f"in {_runs(bits(parts.years), str)}")
    return ", ".join(words)


def _times(parts: Parts) -> str:
    seconds, minutes, hours = bits(parts.seconds), bits(parts.minutes), bits(parts.hours)
    if len(seconds) * len(minutes) * len(hours) <= _FEW:
        times = [clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return f"at {listed(times)}"
    words = []
    if parts.seconds != 1:
        words.append(_rhythm("second", parts.seconds))
        if parts.minutes != _ALL_SIXTY:
            words.append(f"in minute {_runs(minutes, str)}")
    else:
        words.append(_rhythm("minute", parts.minutes))
    if parts.hours != _ALL_HOURS:
        words.append(_hours(hours))
    elif words[-1].startswith(("at minute", "in minute")):
        words.append("of every hour")
    return " ".join(words)


def _rhythm(unit: str, mask: int) -> str:
    values = bits(mask)
    if mask == _ALL_SIXTY:
        return f"every {unit}"
    step = 60 // len(values)
    if len(values) > 1 and values == list(range(0, 60, step)) and 60 % step == 0:
        return f"every {step} {unit}s"
    return f"at {unit} {_runs(values, str)}"


def _hours(hours: list[int]) -> str:
    if hours == list(range(hours[0], hours[-1] + 1)):
        return f"from {clock(hours[0], 0)} to {clock(hours[-1], 59)}"
    return f"in the hours {_runs(hours, str)}"


def _days(parts: Parts) -> str:
    left, right = (
        "" if terms.is_everything else _terms(terms) for terms in (parts.left, parts.right)
    )
    if parts.either:
        return f"on {left} or on {right} (either is enough)" if left and right else ""
    if left and right:
        return f"on {left}, but only if it is {right}"
    return f"on {left or right}" if left or right else ""


def _terms(terms: DayTerms) -> str:
    words = []
    if terms.days:
        words.append(f"the {_runs([n + 1 for n in bits(terms.days)], ordinal)}")
    for back in bits(terms.from_end):
        days = "day" if back == 1 else "days"
        words.append(f"{back} {days} before the last day" if back else "the last day")
    words += [f"the working day nearest the {ordinal(n + 1)}" for n in bits(terms.nearest)]
    if terms.last_working:
        words.append("the last working day")
    for place in bits(terms.nth):
        week, weekday = divmod(place, 7)
        words.append(f"the {ordinal(week + 1)} {_WEEKDAYS[weekday]}")
    words += [f"the last {_WEEKDAYS[weekday]}" for weekday in bits(terms.last)]
    words = [f"{listed(words, 'or')} of the month"] if words else []
    if terms.weekdays:
        # From Monday, so that the weekend stands together.
        from_monday = sorted((weekday + 6) % 7 for weekday in bits(terms.weekdays))
        words.append(_runs(from_monday, lambda d: _WEEKDAYS[(d + 1) % 7], last="or"))
    return listed(words, "or")


def _runs(values: list[int], name: Callable[[int], str], last: str = "and") -> str:
    # 1, 2, 3, 7 as `1 to 3 and 7`.
    words: list[str] = []
    first = 0
    for i, value in enumerate(values):
        if i + 1 < len(values) and values[i + 1] == value + 1:
            continue
        if i - first > 1:
            words.append(f"{name(values[first])} to {name(value)}")
        else:
            words += [name(v) for v in values[first : i + 1]]
        first = i + 1
    return listed(words, last)


def rrule(parts: RuleParts) -> str:
    """A recurrence rule in words, without the zone."""
    unit = _FREQ_UNITS[parts.freq]
    words = [f"every {unit}" if parts.interval == 1 else f"every {parts.interval} {unit}s"]
    words += _rrule_days(parts)
    times = [len(part) or 60 for part in (parts.by_hour, parts.by_minute, parts.by_second)]
    if all((parts.by_hour, parts.by_minute, parts.by_second)) and math.prod(times) <= _FEW:
        clocks = [
            clock(h, m, s) for h in parts.by_hour for m in parts.by_minute for s in parts.by_second
        ]
        words.append(f"at {listed(clocks)}")
    else:
        named = (("hour", parts.by_hour), ("minute", parts.by_minute), ("second", parts.by_second))
        words += [f"in {name} {_runs(list(part), str)}" for name, part in named if part]
    if parts.by_position:
        places = [_place(n) for n in parts.by_position]
        words.append(f"of these only the {listed(places)} of each {unit}")
    if parts.count is not None:
        words.append("once" if parts.count == 1 else f"{parts.count} times")
    if parts.until is not None:
        words.append(f"until {moment(parts.until)}{' UTC' if parts.until.tzinfo else ''}")
    return ", ".join(words)


_FREQ_UNITS: Final = {
    Freq.YEARLY: "year",
    Freq.MONTHLY: "month",
    Freq.WEEKLY: "week",
    Freq.DAILY: "day",
    Freq.HOURLY: "hour",
    Freq.MINUTELY: "minute",
    Freq.SECONDLY: "second",
}


def _place(n: int) -> str:
    if n > 0:
        return ordinal(n)
    return "last" if n == -1 else f"{ordinal(-n)} last"


def _rrule_days(parts: RuleParts) -> list[str]:
    words = []
    if parts.by_month:
        words.append(f"in {_runs(list(parts.by_month), lambda m: _MONTHS[m - 1])}")
    if parts.by_week_number:
        weeks = listed([f"{_place(n)} week" for n in parts.by_week_number])
        words.append(
            f"in the {weeks} of the year, weeks beginning on {_WEEKDAYS[parts.week_start]}"
        )
    if parts.by_year_day:
        words.append(f"on the {listed([_place(n) for n in parts.by_year_day])} day of the year")
    if parts.by_month_day:
        words.append(f"on the {listed([_place(n) for n in parts.by_month_day])} day of the month")
    days = [_WEEKDAYS[day] for day in sorted(parts.by_day, key=lambda day: (day + 6) % 7)]
    span = "month" if parts.freq is Freq.MONTHLY or parts.by_month else "year"
    days += [f"the {_place(n)} {_WEEKDAYS[day]} of the {span}" for n, day in parts.by_nth_day]
    if days:
        words.append(f"on {listed(days)}")
    return words
