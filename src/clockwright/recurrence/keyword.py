"""The keyword form: fields by name, with APScheduler's meaning. Weekdays count from Monday = 0.

Unset fields before the last set one are ``*``, those after it their minimum (week and day_of_week
``*``); all fields must match. Stricter than APScheduler: text after an item is an error instead of
lost, at least one field is needed; a step beyond the range leaves one value instead of an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from . import describe
from .base import bounds_json, clock_json
from .bounds import UNBOUNDED, Bounds, Span, listed
from .days import DayTerms
from .errors import RecurrenceError, shown
from .explain import Finding
from .explain_fields import Clockwork, keyword_findings
from .field import HOUR, MAX_TEXT, MINUTE, MONDAY_FIRST, MONTH, SECOND, Kind, Place, parse_list
from .layers import ClockLayer
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy
from .timeline import Timeline, timeline
from .wallrule import Lookahead, WallRule
from .walls import DayTimes, Parts, walls_of
from .zones import find_zone

_KINDS: Final = {
    "year": Kind("year", 1970, 9999),
    "month": MONTH,
    "day": Kind("day", 1, 31),
    "week": Kind("week", 1, 53),
    "day_of_week": Kind("day_of_week", 0, 6, MONDAY_FIRST),
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
}
FIELD_NAMES: Final = tuple(_KINDS)
_MINIMUM: Final = {"month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
_PLACES: Final = {"1ST": 0, "2ND": 1, "3RD": 2, "4TH": 3, "5TH": 4}
_PLACED = re.compile(r"(1ST|2ND|3RD|4TH|5TH|LAST) +([A-Z]+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class CronFields(WallRule):
    """A rule by fields: each a number or text such as ``"*/5"``, ``"mon-fri"``, ``"last fri"``.

    ``week`` is the ISO week (1-53); ``day`` also takes ``last``, ``1st fri`` ... ``5th sun`` and
    ``last fri``. ``tz``, ``clock``, ``start``, ``end``, ``exclude`` as for Cron. Raises
    RecurrenceError, also when no field is given.
    """

    tz: str = "UTC"
    year: str | int | None = field(default=None, kw_only=True)
    month: str | int | None = field(default=None, kw_only=True)
    day: str | int | None = field(default=None, kw_only=True)
    week: str | int | None = field(default=None, kw_only=True)
    day_of_week: str | int | None = field(default=None, kw_only=True)
    hour: str | int | None = field(default=None, kw_only=True)
    minute: str | int | None = field(default=None, kw_only=True)
    second: str | int | None = field(default=None, kw_only=True)
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
        policy = ClockPolicy.of(self.clock)
        given = {name: _given(name, getattr(self, name)) for name in FIELD_NAMES}
        parts, walls = _compile(tuple(given.values()))
        self._settle(
            **given,
            clock=self.clock if isinstance(self.clock, str) else policy.name or policy,
            exclude=listed(self.exclude, "exclude"),
            timezone=find_zone(self.tz).info,
            _ahead=Lookahead(),
            _line=timeline(self.tz, *policy.for_rhythm(is_wildcard=parts.is_wildcard)),
            _walls=walls,
        )
        self._bind(self.exclude)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        return describe.calendar_sentence(self._parts(), self, self.clock, phrases)

    def to_json(self) -> dict[str, Any]:
        fields = {name: value for name in FIELD_NAMES if (value := getattr(self, name)) is not None}
        return {
            "type": "cron_fields",
            **fields,
            **bounds_json(self),
            **clock_json(self.clock, "vixie"),
        }

    def _findings(self, second: int) -> list[Finding]:
        work = Clockwork(self._line, self._walls, self.clock)
        return keyword_findings(self._parts(), work, second)

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        parts = self._parts()
        return self._wall_layers(self._walls, self.clock, is_wildcard=parts.is_wildcard)

    def _parts(self) -> Parts:
        return _compile(tuple(getattr(self, name) for name in FIELD_NAMES))[0]


def _given(name: str, value: object) -> str | None:
    # A field as it is kept: text, so that day=1 and day="1" are one rule.
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise RecurrenceError(
            f"{name} must be a number or text, not {shown(value)}", field=name, token=str(value)
        )
    text = " ".join(str(value).split(" ")).strip(" ")
    if not text.isascii() or not text.isprintable():
        raise RecurrenceError(f"{name} is not plain ASCII text", field=name, token=text)
    if not 0 < len(text) <= MAX_TEXT:
        raise RecurrenceError(f"{name} must have 1 to {MAX_TEXT} characters", field=name)
    return text


@lru_cache(maxsize=1_024)
def _compile(given: tuple[str | None, ...]) -> tuple[Parts, DayTimes]:
    texts = dict(zip(FIELD_NAMES, given, strict=True))
    last = max((i for i, text in enumerate(given) if text is not None), default=None)
    if last is None:
        raise RecurrenceError(
            "no field is given", field="cron", hint=f"at least one of {', '.join(FIELD_NAMES)}"
        )
    for i, name in enumerate(FIELD_NAMES):
        if texts[name] is None:
            texts[name] = _MINIMUM.get(name, "*") if i > last else "*"
    places = {
        name: Place(text, name, re.sub(" *, *", ",", text.upper()))
        for name, text in texts.items()
        if text is not None
    }
    masks = {name: parse_list(_KINDS[name], places[name]) for name in _KINDS if name != "day"}
    parts = Parts(
        seconds=masks["second"],
        minutes=masks["minute"],
        hours=masks["hour"],
        left=_days(places["day"]),
        right=DayTerms(weekdays=_from_sunday(masks["day_of_week"])),
        either=False,
        months=masks["month"],
        years=masks["year"],
        is_wildcard=any(places[name].text.startswith("*") for name in ("hour", "minute", "second")),
        weeks=masks["week"],
    )
    return parts, walls_of(parts)


def _from_sunday(mask: int) -> int:
    # Monday = bit 0 here, Sunday = bit 0 in DayTerms.
    return (mask << 1 | mask >> 6) & 127


def _days(place: Place) -> DayTerms:
    found = {"from_end": 0, "nth": 0, "last": 0}

    def special(item: str, at: int) -> bool:
        if item == "LAST":
            found["from_end"] = 1
            return True
        match = _PLACED.match(item)
        if match is None:
            return False
        if match[2] not in MONDAY_FIRST:
            raise place.error(f"{shown(match[2])} is not a weekday", item, at=at, hint="MON to SUN")
        weekday = (MONDAY_FIRST[match[2]] + 1) % 7
        if match[1] == "LAST":
            found["last"] |= 1 << weekday
        else:
            found["nth"] |= 1 << 7 * _PLACES[match[1]] + weekday
        return True

    days = parse_list(_KINDS["day"], place, special) >> 1
    return DayTerms(days, found["from_end"], nth=found["nth"], last=found["last"])
