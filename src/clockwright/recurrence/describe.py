"""Rules in words: which phrases of a catalogue say a rule.

A sentence is exact rather than pretty: it names weekdays and months, says whether one day field is enough or both must
match, and ends with the zone, the bounds, the exclusions, and the clock policy where the sentence would suggest another.
Rules with different fire times have different sentences, long lists of dates aside.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from .base import Recurrence
from .days import ALL_WEEKS, DayTerms, bits
from .phrases import Phrases
from .policy import ClockPolicy, Fold, Gap
from .walls import Parts
from .zones import FIRST_SECOND, LAST_SECOND

FEW: Final = 6  # so many times of the day are listed; more are told by their fields
_FEW_DATES: Final = 4  # so many dates or ranges are listed
_ALL_SIXTY: Final = (1 << 60) - 1
_ALL_HOURS: Final = (1 << 24) - 1
_ALL_MONTHS: Final = (1 << 13) - 2
_FROM_1970_ON: Final = (1 << 10_000) - (1 << 1970)
# What a reader expects of a time of the day, of a rhythm, and of a calendar's entry when the clock changes.
ONE_ACT_A_DAY: Final = (Gap.RUN_AT_GAP_END, Fold.FIRST)
RHYTHM: Final = (Gap.SKIP, Fold.BOTH)
ENTRY: Final = (Gap.SHIFT, Fold.FIRST)


def sentence(
    clauses: Sequence[str], rule: Recurrence, say: Phrases, ending: Sequence[str] = ()
) -> str:
    """The clauses of a rule as a sentence, with its zone, bounds and exclusions; last of all ``ending``."""
    return say.sentence([*clauses, *limits(rule, say), *ending])


def limits(rule: Recurrence, say: Phrases) -> list[str]:
    """The zone of a rule, its bounds and its exclusions."""
    clauses = [say.say("zone", zone=rule.tz)]
    bounds = rule._bounds  # noqa: SLF001 - what a rule shares with this room
    if bounds.low > FIRST_SECOND:
        clauses.append(say.say("start", moment=_local(bounds.low, rule, say)))
    elif rule.start is not None:
        clauses.append(say.say("start", moment=say.moment(_in_zone(rule.start, rule.timezone))))
    if bounds.high < LAST_SECOND:
        clauses.append(say.say("end", moment=_local(bounds.high, rule, say)))
    holes = bounds.holes
    if len(holes) <= _FEW_DATES:
        for hole in holes:
            start, end = (_local(second, rule, say) for second in hole)
            clauses.append(say.say("except", start=start, end=end))
    else:
        start, end = _local(holes[0][0], rule, say), _local(holes[-1][1], rule, say)
        clauses.append(say.many("except_many", len(holes), start=start, end=end))
    return clauses


def _local(second: int, rule: Recurrence, say: Phrases) -> str:
    # An exclusion may reach beyond what can be shown in every zone.
    second = min(max(second, FIRST_SECOND), LAST_SECOND)
    return say.moment(datetime.fromtimestamp(second, rule.timezone))


def _in_zone(moment: datetime, zone: dt.tzinfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # the first or the last day of the calendar, and another one there
        return moment


def clock_clauses(
    clock: ClockPolicy | str,
    say: Phrases,
    *,
    default: str,
    expected: tuple[Gap, Fold],
    is_wildcard: bool = False,
) -> list[str]:
    """What the rule does at clock changes, where it is not the default or not what its words suggest."""
    gap, fold = ClockPolicy.of(clock).for_rhythm(is_wildcard=is_wildcard)
    if clock == default and (gap, fold) == expected:
        return []
    return [say.say(f"gap_{gap}"), say.say(f"fold_{fold}")]


def every(say: Phrases, **units: int) -> str:
    """A period in words: every 2 weeks and 3 days. Units are named in the plural."""
    given = [(unit, count) for unit, count in units.items() if count]
    if len(given) == 1:
        unit, count = given[0]
        return say.many(f"every_{unit[:-1]}", count)
    amounts = [say.many("amount_days" if unit == "days" else unit, n) for unit, n in given]
    return say.say("every_sum", amounts=say.all_of(amounts))


_LENGTHS: Final = {
    "weeks": 604_800,
    "days": 86_400,
    "hours": 3_600,
    "minutes": 60,
    "seconds": 1,
}
_BEARABLE: Final = 100  # 90 minutes are a period that people say, 5,401 seconds are not


def elapsed(say: Phrases, seconds: int) -> str:
    """A period of elapsed time in the largest unit that measures it, or else in several."""
    for unit, length in _LENGTHS.items():
        count, rest = divmod(seconds, length)
        if not rest and 0 < count < _BEARABLE:
            return every(say, **{unit: count})
    amounts = {}
    for unit, length in _LENGTHS.items():
        amounts[unit], seconds = divmod(seconds, length)
    return every(say, **amounts)


def on_calendar(say: Phrases, *, months: int, days: int) -> str:
    """A period of the calendar: in years and weeks where they measure it."""
    years, months = (0, months) if months % 12 else (months // 12, 0)
    weeks, days = (0, days) if days % 7 else (days // 7, 0)
    return every(say, years=years, months=months, weeks=weeks, days=days)


def calendar_sentence(
    parts: Parts, rule: Recurrence, clock: ClockPolicy | str, say: Phrases
) -> str:
    """A cron line or its keyword form as a sentence."""
    words, expected = calendar_rule(parts, say)
    ending = clock_clauses(
        clock, say, default="vixie", expected=expected, is_wildcard=parts.is_wildcard
    )
    return sentence(words, rule, say, ending)


def calendar_rule(parts: Parts, say: Phrases) -> tuple[list[str], tuple[Gap, Fold]]:
    """A cron line or its keyword form, and what its words suggest for clock changes."""
    times, expected, is_daily = _times(parts, say)
    words = [times]
    days = _days(parts, say)
    if days:
        words.append(days)
    elif is_daily:
        words.append(say.say("daily"))
    if parts.months != _ALL_MONTHS:
        words.append(say.say("in_months", months=say.runs(bits(parts.months), say.month)))
    if parts.weeks != ALL_WEEKS:
        words.append(say.say("in_weeks", weeks=say.runs(bits(parts.weeks), str)))
    if parts.years not in {None, _FROM_1970_ON}:
        words.append(say.say("in_years", years=say.runs(bits(parts.years or 0), str)))
    return words, expected


def _times(parts: Parts, say: Phrases) -> tuple[str, tuple[Gap, Fold], bool]:
    seconds, minutes, hours = bits(parts.seconds), bits(parts.minutes), bits(parts.hours)
    if not parts.is_wildcard and len(seconds) * len(minutes) * len(hours) <= FEW:
        times = [say.clock(h, m, s) for h in hours for m in minutes for s in seconds]
        return say.say("at_times", times=say.all_of(times)), ONE_ACT_A_DAY, True
    if parts.seconds == 1:
        words, is_rhythm = _rhythm("minute", parts.minutes, say)
    else:
        words, is_rhythm = _rhythm("second", parts.seconds, say)
        if parts.minutes != _ALL_SIXTY:
            words = say.say("of_minute", seconds=words, minutes=say.runs(minutes, str))
            is_rhythm = False
    if parts.hours == _ALL_HOURS:
        return (words if is_rhythm else say.say("of_every_hour", rhythm=words)), RHYTHM, False
    if (step := _step(hours, 24)) is not None:
        every_nth = say.say("of_every_nth_hour", rhythm=words, place=say.ordinal(step))
        return every_nth, RHYTHM, False
    return _in_hours(words, hours, say), RHYTHM if is_rhythm else ONE_ACT_A_DAY, not is_rhythm


def _rhythm(unit: str, mask: int, say: Phrases) -> tuple[str, bool]:
    values = bits(mask)
    if mask == _ALL_SIXTY:
        return say.many(f"every_{unit}", 1), True
    if (step := _step(values, 60)) is not None:
        return say.many(f"every_{unit}", step), True
    return say.say(f"at_{unit}", values=say.runs(values, str)), False


def _step(values: Sequence[int], size: int) -> int | None:
    # The step of values that divide their range evenly from 0 on.
    step = size // len(values)
    is_even = len(values) > 1 and tuple(values) == tuple(range(0, size, step)) and not size % step
    return step if is_even else None


def _in_hours(rhythm: str, hours: Sequence[int], say: Phrases) -> str:
    if tuple(hours) == tuple(range(hours[0], hours[-1] + 1)):
        first, last = say.clock(hours[0], 0), say.clock(hours[-1], 59)
        return say.say("from_to", rhythm=rhythm, first=first, last=last)
    return say.say("of_hours", rhythm=rhythm, hours=say.runs(hours, str))


def _days(parts: Parts, say: Phrases) -> str:
    left, right = (
        "" if terms.is_everything else day_terms(terms, say) for terms in (parts.left, parts.right)
    )
    if parts.either:
        return say.say("either_day", left=left, right=right) if left and right else ""
    if left and right:
        return say.say("both_days", left=left, right=right)
    return say.say("on_days", days=left or right) if left or right else ""


def day_terms(terms: DayTerms, say: Phrases) -> str:
    """What a day field admits."""
    words = []
    if terms.days:
        days = say.runs([n + 1 for n in bits(terms.days)], say.ordinal)
        words.append(say.say("days", days=days))
    words += [
        say.say("nth_last_day", place=say.ordinal(back + 1)) if back else say.say("last_day")
        for back in bits(terms.from_end)
    ]
    words += [say.say("nearest_working_day", day=say.ordinal(n + 1)) for n in bits(terms.nearest)]
    if terms.last_working:
        words.append(say.say("last_working_day"))
    for place in bits(terms.nth):
        week, weekday = divmod(place, 7)
        named = {"place": say.ordinal(week + 1), "weekday": say.weekday(weekday)}
        words.append(say.say("nth_weekday", **named))
    words += [say.say("last_weekday", weekday=say.weekday(day)) for day in bits(terms.last)]
    words = [say.say("of_month", days=say.any_of(words))] if words else []
    if terms.weekdays:
        words.append(weekdays(terms.weekdays, say))
    return say.any_of(words)


def weekdays(mask: int, say: Phrases) -> str:
    """Weekdays as alternatives, from Monday on, so that the weekend stands together."""
    from_monday = sorted((weekday + 6) % 7 for weekday in bits(mask))
    return say.runs(from_monday, lambda day: say.weekday((day + 1) % 7), alternatives=True)


def dates(key: str, moments: Sequence[datetime], zone: dt.tzinfo, say: Phrases) -> list[str]:
    """Added or excepted dates: each where they are few, else how many and from when to when."""
    if not moments:
        return []
    shown = [say.moment(_in_zone(moment, zone)) for moment in moments]
    if len(moments) <= _FEW_DATES:
        return [say.say(key, moments=say.all_of(shown))]
    return [say.many(f"{key}_many", len(moments), first=shown[0], last=shown[-1])]
