"""Triggers of other libraries as recurrences: the port that `contrib` fills."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from clockwright.recurrence import Recurrence
from clockwright.schedules.errors import InvalidScheduleException


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A foreign trigger as a rule. `keeps_anchor`: its interval is counted from when this process made it.

    Such an anchor is nobody's wish, and must not replace the stored one at each start (C-44).
    """

    recurrence: Recurrence
    keeps_anchor: bool = False


Converter = Callable[[Any, str], Conversion | None]
"""Takes a trigger and the zone of one that has none; None when the trigger is of another library."""

_BRIDGES: Final = {"apscheduler": "clockwright.contrib.apscheduler"}
"""Which module knows the triggers of a package; it is loaded when the first such trigger comes."""

_converters: list[Converter] = []


def register_converter(convert: Converter) -> None:
    """Teach `scheduler.add_job` another library's triggers; once is enough."""
    if convert not in _converters:
        _converters.append(convert)


def convert_trigger(trigger: object, timezone: str) -> Conversion:
    """The rule of a trigger; raises InvalidScheduleException for what nobody here can read."""
    if isinstance(trigger, Recurrence):
        return Conversion(recurrence=trigger)
    bridge = _BRIDGES.get(type(trigger).__module__.partition(".")[0])
    if bridge is not None:
        import_module(bridge)
    for convert in _converters:
        found = convert(trigger, timezone)
        if found is not None:
            return found
    raise InvalidScheduleException.of(
        "/trigger",
        f"trigger: {type(trigger).__name__} is no recurrence; give for example "
        "Cron('0 5 * * *', 'Australia/Sydney'), Interval(hours=12) or an APScheduler trigger",
    )
