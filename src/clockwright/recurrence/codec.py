"""Text or JSON to a rule and back, and the versions that an answer depends on."""

from __future__ import annotations

import datetime as dt
import importlib
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from .base import Recurrence
from .bounds import Span
from .calendars import BusinessDays, calendar_from_json
from .combine import Except, Union
from .cron import Cron, Dialect
from .errors import RecurrenceError, shown
from .field import MAX_TEXT
from .interval import CalendarInterval, Interval
from .keyword import FIELD_NAMES, CronFields
from .once import Once, Reboot
from .policy import ClockPolicy
from .rrule import RRule
from .search import check_nesting
from .zones import Zone, zones_instead

_EVERY = re.compile(r"@every[ \t]+(.*)\Z", re.IGNORECASE | re.ASCII)
_DURATION = re.compile(r"(?:\d{1,9}[wdhms])+\Z", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse(
    text: str, tz: str = "UTC", *, anchor: datetime | None = None, dialect: str = Dialect.UNIX
) -> Recurrence:
    """A rule from one line of text: a cron line, an alias, ``@every 90s``, ``@reboot``.

    ``@every`` takes units w, d, h, m, s (``1h30m``) and counts from ``anchor`` (default 1970-01-01,
    UTC); dialect ocps has none, and tells capitals apart. Raises RecurrenceError.
    """
    if not isinstance(text, str):
        raise RecurrenceError(f"a rule is text, not {shown(text)}", token=shown(text))
    stripped = text.strip(" \t")
    is_ocps = dialect == Dialect.OCPS
    if (stripped if is_ocps else stripped.lower()) == "@reboot":
        return Reboot(tz)
    if not is_ocps and len(text) <= MAX_TEXT and (match := _EVERY.match(stripped)):
        return _every(text, match[1], tz, anchor)
    return Cron(text, tz, dialect=dialect)


def _every(text: str, duration: str, tz: str, anchor: datetime | None) -> Interval:
    parts = re.findall(r"(\d+)([wdhms])", duration.lower()) if _DURATION.match(duration) else []
    units: dict[str, int] = {}
    for number, unit in parts:
        units[_UNITS[unit]] = units.get(_UNITS[unit], 0) + int(number)
    if not any(units.values()):
        raise RecurrenceError(
            f"{shown(duration)} is not a duration",
            expression=text,
            field="interval",
            column=text.find(duration) + 1,
            token=duration,
            hint="such as 90s, 15m, 1h30m, 2d; not 0",
        )
    since = {} if anchor is None else {"anchor": anchor}
    return Interval(**units, **since, tz=tz)  # type: ignore[arg-type]  # two kinds of keywords


def from_json(data: Mapping[str, Any], *, zones: Mapping[str, Zone] | None = None) -> Recurrence:
    """The rule that ``to_json`` wrote. Unknown types, unknown keys and wrong values are refused.

    Rules in a rule are in its zone, unless they name another. ``zones``: by name, zones that the rule is to live in instead of those of the present zone data, such as
    ``recorded_zone`` makes. The rule equals the one without them: keep the two apart. Raises RecurrenceError.
    """
    if zones:
        with zones_instead(zones):
            return from_json(data)
    if not isinstance(data, Mapping):
        raise RecurrenceError(f"a rule is an object, not {shown(data)}", token=shown(data))
    check_nesting(data)
    kind = data.get("type")
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise RecurrenceError(
            f"unknown type of rule {shown(kind)}",
            field="type",
            token=str(kind),
            hint=f"one of {', '.join(_FORMS)}",
        )
    for key in data:
        if key != "type" and key not in form.readers:
            raise RecurrenceError(
                f"a rule of type {kind} has no {shown(key)}",
                field=str(key),
                token=str(key),
                hint=f"it has {', '.join(form.readers)}",
            )
    for key in form.required:
        if key not in data:
            raise RecurrenceError(f"a rule of type {kind} needs {key}", field=key)
    arguments = {
        form.renamed.get(key, key): form.readers[key](value, key)
        for key, value in _zoned(data).items()
        if key != "type"
    }
    return form.build(**arguments)


def _zoned(data: Mapping[str, Any]) -> Mapping[str, Any]:
    if "tz" not in data:
        return data

    def zoned(rule: Any) -> Any:
        return {"tz": data["tz"], **rule} if isinstance(rule, Mapping) else rule

    inner = {"rule": zoned(data["rule"])} if "rule" in data else {}
    if isinstance(data.get("rules"), list):
        inner["rules"] = [zoned(rule) for rule in data["rules"]]
    return {**data, **inner}


def _wrong(what: str, value: object, key: str) -> RecurrenceError:
    return RecurrenceError(f"{key} must be {what}, not {shown(value)}", field=key, token=str(value))


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise _wrong("text", value, key)
    return value


def _whole(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong("a whole number", value, key)
    return value


def _text_or_whole(value: object, key: str) -> str | int:
    return value if isinstance(value, str) else _whole(value, key)


def _instant(value: object, key: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, key))
    except ValueError as error:
        if isinstance(error, RecurrenceError):
            raise
        raise _wrong("an ISO 8601 instant", value, key) from None
    if found.utcoffset() is None:
        raise _wrong("an instant with an offset", value, key)
    return found


def _wall(value: object, key: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, key))
    except ValueError as error:
        if isinstance(error, RecurrenceError):
            raise
        raise _wrong("an ISO 8601 date and time", value, key) from None
    if found.tzinfo is not None:
        raise _wrong("a wall time without an offset", value, key)
    return found


def _truth(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong("true or false", value, key)
    return value


def _date(value: object, key: str) -> dt.date:
    try:
        return dt.date.fromisoformat(_text(value, key))
    except ValueError as error:
        if isinstance(error, RecurrenceError):
            raise
        raise _wrong("an ISO 8601 date", value, key) from None


def _time(value: object, key: str) -> dt.time:
    try:
        return dt.time.fromisoformat(_text(value, key))
    except ValueError as error:
        if isinstance(error, RecurrenceError):
            raise
        raise _wrong("an ISO 8601 time of day", value, key) from None


def _list(value: object, key: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise _wrong("a list of at most 10,000", value, key)
    return value


def _instants(value: object, key: str) -> tuple[datetime, ...]:
    return tuple(_instant(item, key) for item in _list(value, key))


def _texts(value: object, key: str) -> tuple[str, ...]:
    return tuple(_text(item, key) for item in _list(value, key))


def _spans(value: object, key: str) -> tuple[Span, ...]:
    pairs = [_list(pair, key) for pair in _list(value, key)]
    if any(len(pair) != 2 for pair in pairs):
        raise _wrong("a list of pairs", value, key)
    return tuple((_instant(a, key), _instant(b, key)) for a, b in pairs)


def _clock(value: object, key: str) -> ClockPolicy | str:
    if isinstance(value, Mapping):
        if value.keys() != {"gap", "fold", "scope"}:
            raise _wrong("a preset or gap, fold and scope", value, key)
        return ClockPolicy(**value)
    return _text(value, key)


def _rule(value: object, key: str) -> Recurrence:
    if not isinstance(value, Mapping):
        raise _wrong("a rule as an object", value, key)
    return from_json(value)


def _rules(value: object, key: str) -> tuple[Recurrence, ...]:
    return tuple(_rule(item, key) for item in _list(value, key))


Reader = Callable[[object, str], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """How one type of rule is written: its keys, each with a reader."""

    build: Callable[..., Recurrence]
    readers: Mapping[str, Reader]
    required: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)


_BOUNDS: Final[Mapping[str, Reader]] = {"tz": _text, "start": _instant, "end": _instant}
_CRON: Final[Mapping[str, Reader]] = {**_BOUNDS, "clock": _clock, "exclude": _spans}
_FORMS: Final[Mapping[str, _Form]] = {
    "cron": _Form(
        Cron,
        {"expression": _text, **_CRON, "dialect": _text, "day_rule": _text, "seed": _text},
        ("expression",),
        {"expression": "text"},
    ),
    "cron_fields": _Form(CronFields, {**dict.fromkeys(FIELD_NAMES, _text_or_whole), **_CRON}),
    "interval": _Form(
        Interval,
        {
            **dict.fromkeys(("weeks", "days", "hours", "minutes", "seconds"), _whole),
            "anchor": _instant,
            **_BOUNDS,
        },
    ),
    "calendar_interval": _Form(
        CalendarInterval,
        {
            **dict.fromkeys(("days", "weeks", "months", "years"), _whole),
            "anchor": _date,
            "at": _time,
            "month_end": _text,
            "clock": _clock,
            **_BOUNDS,
        },
        ("anchor",),
    ),
    "once": _Form(Once, {"at": _text, "tz": _text, "clock": _clock}, ("at",)),
    "rrule": _Form(
        RRule,
        {
            "rule": _text,
            "dtstart": _wall,
            "tz": _text,
            "rdate": _instants,
            "exdate": _instants,
            "exrule": _texts,
            "include_dtstart": _truth,
            "clock": _clock,
        },
        ("rule", "dtstart", "tz"),
        {"rule": "text", "dtstart": "start"},
    ),
    "reboot": _Form(Reboot, {"tz": _text}),
    "union": _Form(Union, {"rules": _rules, **_BOUNDS, "exclude": _spans}, ("rules",)),
    "except": _Form(
        Except,
        {
            "rule": _rule,
            "weekdays": _texts,
            "calendar": calendar_from_json,
            **_BOUNDS,
            "exclude": _spans,
        },
        ("rule",),
    ),
    "business_days": _Form(
        BusinessDays,
        {
            "rule": _rule,
            "calendar": calendar_from_json,
            "otherwise": _text,
            "clock": _clock,
            **_BOUNDS,
            "exclude": _spans,
        },
        ("rule", "calendar"),
    ),
}


@cache
def tzdata_version() -> str:
    """The version of the zone data in use, such as ``2025b``; ``unknown`` where it does not say."""
    for folder in map(Path, zoneinfo.TZPATH):
        if not (folder / "UTC").exists() and not (folder / "Etc" / "UTC").exists():
            continue
        for name, pattern in (("tzdata.zi", r"# version (\S+)"), ("+VERSION", r"(\S+)")):
            if (folder / name).is_file():
                with (folder / name).open(encoding="ascii", errors="replace") as file:
                    if match := re.match(pattern, file.readline(100)):
                        return match[1]
        return "unknown"
    try:
        return str(importlib.import_module("tzdata").IANA_VERSION)
    except ImportError:
        return "unknown"
