"""WHEN: immutable rules that yield instants. Pure values; standard library only; no clock.

A rule answers ``next_after``, ``prev_before``, ``between``, ``count_between``, ``upcoming``,
``is_possible``, ``describe`` and ``to_json``; see ``Recurrence``. The one error is
``RecurrenceError``.
"""

from .base import Recurrence
from .codec import ENGINE_VERSION, from_json, parse, tzdata_version
from .cron import Cron
from .errors import RecurrenceError
from .interval import CalendarInterval, Interval
from .keyword import CronFields
from .once import Once, Reboot
from .policy import ClockPolicy
from .rrule import RRule

__all__ = [
    "ENGINE_VERSION",
    "CalendarInterval",
    "ClockPolicy",
    "Cron",
    "CronFields",
    "Interval",
    "Once",
    "RRule",
    "Reboot",
    "Recurrence",
    "RecurrenceError",
    "from_json",
    "parse",
    "tzdata_version",
]
