"""Cron lines: ``minute hour day-of-month month day-of-week``.

Weekdays count from Sunday = 0 (7 is Sunday too); the keyword form in ``keyword`` counts from Monday. The number of
fields is fixed by the dialect and never guessed. Grammar: Debian's crontab(5), with L, W and # as Quartz has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from . import describe
from .base import bounds_json, clock_json
from .bounds import UNBOUNDED, Bounds, Span, listed
from .dayfields import days_of_month, days_of_week
from .errors import RecurrenceError, shown
from .explain import Finding
from .explain_fields import Clockwork, cron_findings
from .field import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MAX_TEXT,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    Kind,
    Place,
    parse_list,
    plain_mask,
)
from .hashed import checked_seed, settled, written_column
from .layers import ClockLayer
from .ocps import plain_fields
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy, choose
from .timeline import Timeline, timeline_of
from .wallrule import Lookahead, WallRule
from .walls import DayTimes, Parts, walls_of
from .zones import find_zone


class Dialect(StrEnum):
    """How many fields a line has. ``ocps``, the Open Cron Pattern Specification: 5, 6 or 7, see ``ocps``."""

    UNIX = "unix"
    SECONDS = "seconds"
    SECONDS_YEAR = "seconds_year"
    OCPS = "ocps"


class DayRule(StrEnum):
    """When both day fields must match, not just one of them.

    ``vixie``: when the text of either begins with ``*``; ``bare_star``: when either is exactly ``*``; ``and``: always.
    """

    VIXIE = "vixie"
    BARE_STAR = "bare_star"
    AND = "and"


_KINDS: Final = {
    Dialect.UNIX: (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK),
    Dialect.SECONDS: (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK),
    Dialect.SECONDS_YEAR: (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR),
}
_BY_COUNT: Final = {len(kinds): dialect for dialect, kinds in _KINDS.items()}
_COUNTS: Final = {
    Dialect.OCPS: tuple(_BY_COUNT),
    **{dialect: (len(kinds),) for dialect, kinds in _KINDS.items()},
}
ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True, repr=False)
class Cron(WallRule):
    """A cron line in a time zone.

    ``text``: a line with as many fields as ``dialect`` says (unix: 5; seconds: 6, seconds first;
    seconds_year: 7, seconds first and year last; ocps: the count decides), or an alias such as
    ``@daily``. ``seed``: what chooses the values of ``H``. ``clock``: a preset (vixie, wall, skip,
    rfc5545) or a ClockPolicy. ``start`` and ``end``: aware, both included. ``exclude``: pairs of
    instants ``[start, end)`` in which nothing fires. Raises RecurrenceError.
    """

    text: str
    tz: str = "UTC"
    dialect: str = field(default=Dialect.UNIX, kw_only=True)
    day_rule: str = field(default=DayRule.VIXIE, kw_only=True)
    seed: str | None = field(default=None, kw_only=True)
    clock: ClockPolicy | str = field(default="vixie", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    exclude: tuple[Span, ...] = field(default=(), kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _ahead: Lookahead = field(init=False, compare=False)
    _line: Timeline = field(init=False, compare=False)
    _walls: DayTimes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        dialect = choose(Dialect, self.dialect, "dialect")
        day_rule = choose(DayRule, self.day_rule, "day_rule")
        policy, zone = ClockPolicy.of(self.clock), find_zone(self.tz)
        if not isinstance(self.text, str):  # what a cache cannot look up
            raise RecurrenceError(
                f"a cron line is text, not {shown(self.text)}", token=shown(self.text)
            )
        if self.seed is not None:
            checked_seed(self.seed)
        text, parts, walls = _compile(self.text, dialect, day_rule, self.seed)
        clock = self.clock if isinstance(self.clock, str) else policy.name or policy
        if (text, clock, ()) != (self.text, self.clock, self.exclude):
            self._settle(text=text, clock=clock, exclude=listed(self.exclude, "exclude"))
        self._settle(
            dialect=dialect,
            day_rule=day_rule,
            timezone=zone.info,
            _ahead=Lookahead(),
            _line=timeline_of(zone, *policy.for_rhythm(is_wildcard=parts.is_wildcard)),
            _walls=walls,
        )
        self._bind(self.exclude)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        return describe.calendar_sentence(self.parts, self, self.clock, phrases)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"type": "cron", "expression": self.text, **bounds_json(self)}
        if self.dialect != Dialect.UNIX:
            data["dialect"] = str(self.dialect)
        if self.day_rule != DayRule.VIXIE:
            data["day_rule"] = str(self.day_rule)
        if self.seed is not None:
            data["seed"] = self.seed
        return data | clock_json(self.clock, "vixie")

    def _findings(self, second: int) -> list[Finding]:
        work = Clockwork(self._line, self._walls, self.clock)
        return cron_findings(self.parts, work, second)

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        parts = self.parts
        return self._wall_layers(self._walls, self.clock, is_wildcard=parts.is_wildcard)

    @property
    def parts(self) -> Parts:
        """The line as masks: what ``H`` and the dialect made of it."""
        dialect, day_rule = Dialect(self.dialect), DayRule(self.day_rule)
        return _compile(self.text, dialect, day_rule, self.seed)[1]


def split_line(text: str, dialect: Dialect) -> list[str]:
    """The fields of a line. Raises RecurrenceError."""
    if not isinstance(text, str):
        raise RecurrenceError(f"a cron line is text, not {shown(text)}", token=shown(text))
    if len(text) > MAX_TEXT:
        raise RecurrenceError(f"more than {MAX_TEXT} characters", expression=text)
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise _strange_character(text)
    tokens = text.split()
    counts = _COUNTS[dialect]
    if len(tokens) not in counts and not (len(tokens) == 1 and tokens[0][0] == "@"):
        raise RecurrenceError(
            f"{len(tokens)} fields instead of {' or '.join(map(str, counts))}",
            expression=text,
            token=text,
            hint="dialect unix has 5, seconds 6 (seconds first), seconds_year 7 (year last)",
        )
    return tokens


def _strange_character(text: str) -> RecurrenceError:
    at = next(i for i, c in enumerate(text) if not (" " <= c <= "~" or c == "\t"))
    return RecurrenceError(
        f"{text[at]!a} is not a printable ASCII character",
        expression=text,
        column=at + 1,
        token=text[at],
        hint="type the line anew; dashes and spaces from a text editor look alike",
    )


@lru_cache(maxsize=4_096)
def _compile(
    text: str, dialect: Dialect, day_rule: DayRule, seed: str | None = None
) -> tuple[str, Parts, DayTimes]:
    # The line with single spaces, its masks and its walls; shared by all rules with this text.
    is_plain = seed is None and dialect is not Dialect.OCPS
    if not is_plain:
        _check_options(dialect, day_rule, seed)
    tokens = split_line(text, dialect)
    if len(tokens) == 1:
        line = _alias(text, tokens[0], dialect)
        return (tokens[0], *_compile(line, Dialect.UNIX, day_rule)[1:])
    fields = tokens
    try:
        if not is_plain:
            fields, dialect, day_rule = _plain(tokens, dialect, day_rule, seed)
        parts = _parse(fields, dialect, day_rule)
    except RecurrenceError as error:
        # The fields are read alone, so that they can be remembered; here the error learns its place.
        raise _placed(error, text, tokens, fields) from None
    return " ".join(tokens), parts, walls_of(parts)


def _plain(
    tokens: list[str], dialect: Dialect, day_rule: DayRule, seed: str | None
) -> tuple[list[str], Dialect, DayRule]:
    # What the line means in a dialect without field counts to decide, signs and hashes.
    by_count = _BY_COUNT[len(tokens)]
    kinds = _KINDS[by_count]
    if dialect is Dialect.OCPS:
        fields, is_both = plain_fields(tokens, kinds)
        return fields, by_count, DayRule.AND if is_both else DayRule.BARE_STAR
    choice = checked_seed(seed)
    fields = [settled(token, kind, choice) for token, kind in zip(tokens, kinds, strict=True)]
    return fields, dialect, day_rule


def _check_options(dialect: Dialect, day_rule: DayRule, seed: str | None) -> None:
    if dialect is Dialect.OCPS and seed is not None:
        raise RecurrenceError(
            "dialect ocps has no H", field="seed", token=seed, hint="leave the seed out"
        )
    if dialect is Dialect.OCPS and day_rule is not DayRule.VIXIE:
        raise RecurrenceError(
            "dialect ocps has a day rule of its own",
            field="day_rule",
            token=day_rule,
            hint="leave day_rule out; + before the day of week asks for both",
        )


def _placed(
    error: RecurrenceError, text: str, tokens: list[str], fields: list[str]
) -> RecurrenceError:
    at, starts = 0, []
    for token in tokens:
        at = text.index(token, at)
        starts.append(at)
        at += len(token)
    names = [kind.name for kind in _KINDS[_BY_COUNT[len(tokens)]]]
    field = error.field or ""
    nth, column = names.index(field), error.column or 1
    if fields[nth] != tokens[nth]:
        column = written_column(tokens[nth], fields[nth], column)
    column += starts[nth]
    written = text[column - 1 : column - 1 + len(error.token)]
    return RecurrenceError(
        error.reason,
        expression=text,
        field=field,
        column=column,
        # The day fields are read in capitals; the token is shown as it was written.
        token=written if written.upper() == error.token.upper() else error.token,
        hint=error.hint,
    )


def _alias(text: str, token: str, dialect: Dialect) -> str:
    # OCPS 1.1, section 7.1, tells capitals apart; crontabs do not.
    line = ALIASES.get(token if dialect is Dialect.OCPS else token.lower())
    if line is None:
        raise RecurrenceError(
            f"unknown alias {shown(token)}",
            expression=text,
            column=text.index(token) + 1,
            token=token,
            hint="@every and @reboot are read by recurrence.parse()"
            if token.lower() in {"@every", "@reboot"}
            else f"one of {', '.join(ALIASES)}",
        )
    return line


def _parse(tokens: list[str], dialect: Dialect, day_rule: DayRule) -> Parts:
    fields = tokens if dialect is not Dialect.UNIX else ["0", *tokens]
    second, minute, hour, day, month, weekday, *year = fields
    return Parts(
        _mask(SECOND, second),
        _mask(MINUTE, minute),
        _mask(HOUR, hour),
        days_of_month(day),
        days_of_week(weekday),
        _is_either(day, weekday, day_rule),
        _mask(MONTH, month),
        _mask(YEAR, year[0]) if year else None,
        "*" in {second[0], minute[0], hour[0]},
    )


@lru_cache(maxsize=4_096)
def _mask(kind: Kind, text: str) -> int:
    mask = plain_mask(kind, text)
    return mask if mask is not None else parse_list(kind, Place("", kind.name, text))


def _is_either(day: str, weekday: str, day_rule: DayRule) -> bool:
    if day_rule is DayRule.AND:
        return False
    if day_rule is DayRule.BARE_STAR:
        return not {day, weekday} & {"*", "?"}
    return not (day.startswith(("*", "?")) or weekday.startswith(("*", "?")))
