"""What the parts of a recurrence rule (RFC 5545) say of an instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from clockwright.recurrence.explain import Finding, has_wall, wall_text, wall_time
from clockwright.recurrence.explain_fields import ANY, Clockwork
from clockwright.recurrence.phrases import ENGLISH
from clockwright.recurrence.zones import DAY, EPOCH_ORDINAL

from .clauses import FREQ_UNITS
from .days import RuleDays
from .filters import year_filter
from .text import SUB_DAILY, Freq, RuleParts

_DAY_PARTS: Final = {
    "BYMONTH": "by_month",
    "BYWEEKNO": "by_week_number",
    "BYYEARDAY": "by_year_day",
    "BYMONTHDAY": "by_month_day",
}
_TIME_PARTS: Final = {"BYHOUR": "by_hour", "BYMINUTE": "by_minute", "BYSECOND": "by_second"}


class RuleAt(NamedTuple):
    """A rule to be explained: as ``written``, as ``parts`` that DTSTART completed, from the wall ``origin`` on.

    ``last`` is the last wall that COUNT or a wall time in UNTIL leaves.
    """

    written: RuleParts
    parts: RuleParts
    origin: int
    last: int


def rule_findings(rule: RuleAt, work: Clockwork, second: int) -> list[Finding]:
    """Of a rule: DTSTART, the alignment that INTERVAL asks for, every BY part, the end, the clock policy."""
    wall, clock = work.read(second)
    when = wall_time(wall)
    ends = _ends(rule, wall, second)
    findings = [
        Finding(
            "DTSTART", wall_text(wall), wall >= rule.origin, f"from {wall_text(rule.origin)} on"
        ),
        *_interval(rule, wall),
        *_days(rule, when),
        *_times(rule, when),
        *ends,
    ]
    if rule.parts.by_position:
        others = all(finding.admits for finding in findings)
        findings.append(_position(rule, counts=has_wall(work.walls, wall), others=others))
    return [*findings, *clock]


def _interval(rule: RuleAt, wall: int) -> list[Finding]:
    parts = rule.parts
    if parts.interval == 1:
        return []
    unit = FREQ_UNITS[parts.freq]
    if parts.freq in SUB_DAILY:
        length = SUB_DAILY[parts.freq]
        past = (wall // length - rule.origin // length) % parts.interval
        value = f"{past} {unit}s after a {unit} that counts" if past else f"a {unit} that counts"
        admits = not past
    else:
        bare = RuleParts(freq=parts.freq, interval=parts.interval, week_start=parts.week_start)
        admits = RuleDays(bare, rule.origin // DAY).has(wall // DAY)
        value = f"a {unit} that {'counts' if admits else 'is passed over'}"
    allowed = f"{ENGLISH.many(f'every_{unit}', parts.interval)}, counted from DTSTART's"
    return [Finding("INTERVAL", value, admits, allowed)]


def _days(rule: RuleAt, when: datetime) -> list[Finding]:
    parts = rule.parts
    values = {
        "BYMONTH": ENGLISH.month(when.month),
        "BYWEEKNO": str(when.date()),
        "BYYEARDAY": str(when.timetuple().tm_yday),
        "BYMONTHDAY": str(when.day),
    }
    findings = []
    for name, attribute in _DAY_PARTS.items():
        places: tuple[int, ...] = getattr(parts, attribute)
        if places:
            shown = ENGLISH.runs(places, ENGLISH.month) if name == "BYMONTH" else _places(places)
            alone = RuleParts(freq=parts.freq, week_start=parts.week_start)
            # Every part of these is a tuple of numbers; the others stay silent.
            admits = _admits(replace(alone, **{attribute: places}), when)  # type: ignore[arg-type]
            findings.append(Finding(name, values[name], admits, _given(rule, attribute, shown)))
    if parts.by_day or parts.by_nth_day:
        findings.append(_weekday(rule, when))
    return findings


def _weekday(rule: RuleAt, when: datetime) -> Finding:
    parts = rule.parts
    # The n-th of a month where the rule names months, else of the year.
    is_monthly = parts.freq is Freq.MONTHLY or bool(parts.by_month)
    alone = RuleParts(
        freq=Freq.MONTHLY if is_monthly else Freq.YEARLY,
        by_day=parts.by_day,
        by_nth_day=parts.by_nth_day,
    )
    span = "month" if is_monthly else "year"
    names = [ENGLISH.weekday(day) for day in parts.by_day]
    for place, day in parts.by_nth_day:
        named = {"place": ENGLISH.place(place), "weekday": ENGLISH.weekday(day)}
        names.append(ENGLISH.say(f"nth_weekday_of_{span}", **named))
    written = "by_nth_day" if parts.by_nth_day else "by_day"
    return Finding(
        "BYDAY",
        ENGLISH.weekday(when.isoweekday() % 7),
        _admits(alone, when),
        _given(rule, written, ENGLISH.any_of(names)),
    )


def _admits(parts: RuleParts, when: datetime) -> bool:
    # The calendar repeats after 400 years: so the first and the last year have neighbours, into which weeks reach.
    when = when.replace(year=2000 + when.year % 400)
    first = datetime(when.year, 1, 1).toordinal()  # noqa: DTZ001 - a wall time
    mask = year_filter(parts, when.year, (first - EPOCH_ORDINAL + 4) % 7)
    return bool(mask >> (when.toordinal() - first) & 1)


def _times(rule: RuleAt, when: datetime) -> list[Finding]:
    findings = []
    for name, attribute in _TIME_PARTS.items():
        value: int = getattr(when, attribute.removeprefix("by_"))
        allowed: tuple[int, ...] = getattr(rule.parts, attribute)
        shown = _given(rule, attribute, ENGLISH.runs(allowed, str)) if allowed else ANY
        findings.append(Finding(name, str(value), not allowed or value in allowed, shown))
    return findings


def _given(rule: RuleAt, attribute: str, shown: str) -> str:
    # DTSTART supplies what the rule does not say.
    return shown if getattr(rule.written, attribute) else f"{shown}, as DTSTART has it"


def _places(places: Sequence[int]) -> str:
    name: Callable[[int], str] = ENGLISH.place
    return ENGLISH.any_of([name(place) for place in places])


def _position(rule: RuleAt, *, counts: bool, others: bool) -> Finding:
    allowed = f"{_places(rule.parts.by_position)} of each {FREQ_UNITS[rule.parts.freq]}"
    if not others:
        return Finding("BYSETPOS", "no place", False, allowed, "the other parts do not admit it")
    return Finding(
        "BYSETPOS", "a place that counts" if counts else "another place", counts, allowed
    )


def _ends(rule: RuleAt, wall: int, second: int) -> list[Finding]:
    parts, shown = rule.parts, wall_text(wall)
    if parts.count is not None:
        last = wall_text(rule.last)
        reason = f"the last of {parts.count:,} is {last}"
        return [Finding("COUNT", shown, wall <= rule.last, f"up to {last}", reason)]
    until = parts.until
    if until is None:
        return []
    if until.tzinfo is None:
        return [Finding("UNTIL", shown, wall <= rule.last, f"up to {until}")]
    now = datetime.fromtimestamp(second, UTC)
    return [Finding("UNTIL", f"{now:%Y-%m-%d %H:%M:%S} UTC", now <= until, f"up to {until}")]
