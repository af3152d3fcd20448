"""Calendars named in the JSON of a rule: found, and put in as values.

A rule holds its calendars whole. Where a configuration gives `"calendar": "name"` instead, the community's calendar of
that name is put in when the schedule is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from clockwright.recurrence import RecurrenceError
from clockwright.recurrence.search import check_nesting
from clockwright.schedules import selectors
from clockwright.schedules.errors import InvalidScheduleException

_POINTER = "/schedule_config/recurrence"


def embedded(community: str, config: Any) -> Any:
    """A configuration to save, with the calendars themselves in place of their names.

    They are locked until the transaction ends, so that a change of one finds the schedule. Raises
    InvalidScheduleException for a name that the community has no calendar of.
    """
    return _embedded(config, partial(selectors.lock_calendar_values, community))


def embedded_unsaved(community: str, config: Any) -> Any:
    """The same for a configuration that is only asked about: nothing is locked."""
    return _embedded(config, partial(selectors.calendar_values, community))


def _embedded(config: Any, find: Callable[[set[str]], Mapping[str, Any]]) -> Any:
    rule = config.get("recurrence") if isinstance(config, Mapping) else None
    if not isinstance(rule, Mapping):
        return config
    try:
        check_nesting(rule)
    except RecurrenceError as error:
        raise InvalidScheduleException.of(_POINTER, str(error)) from error
    names = {calendar for calendar in calendars_in(rule) if isinstance(calendar, str)}
    if not names:
        return config
    found = find(names)
    for name in sorted(names - found.keys()):
        raise InvalidScheduleException.of(
            _POINTER, f"calendar: there is no calendar {name[:80]!r}; put one of that name first"
        )
    return {**config, "recurrence": replaced(rule, lambda value: found.get(value, value))}


def replaced(rule: Any, choose: Callable[[Any], Any]) -> Any:
    """The JSON of a rule, each calendar in it replaced by what `choose` makes of it."""
    if not isinstance(rule, Mapping):
        return rule
    inner: dict[str, Any] = {}
    if "calendar" in rule:
        given = rule["calendar"]
        inner["calendar"] = choose(given) if isinstance(given, str | Mapping) else given
    if "rule" in rule:
        inner["rule"] = replaced(rule["rule"], choose)
    if isinstance(rule.get("rules"), list):
        inner["rules"] = [replaced(member, choose) for member in rule["rules"]]
    return {**rule, **inner}


def calendars_in(rule: Any) -> Iterator[Any]:
    """The calendars in the JSON of a rule, as they are given."""
    if isinstance(rule, Mapping):
        if "calendar" in rule:
            yield rule["calendar"]
        members = rule.get("rules")
        for member in (rule.get("rule"), *(members if isinstance(members, list) else ())):
            yield from calendars_in(member)


def is_named(calendar: Any, name: str) -> bool:
    """Whether a calendar in the JSON of a rule is one of that name."""
    return isinstance(calendar, Mapping) and calendar.get("name") == name
