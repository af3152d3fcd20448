"""WHEN: immutable rules that yield instants. Pure values; standard library only; no clock.

A rule answers ``next_after``, ``prev_before``, ``between``, ``count_between``, ``upcoming``,
``is_possible``, ``describe``, ``explain`` and ``to_json``; see ``Recurrence``. The one error is
``RecurrenceError``.
"""

from .base import Recurrence
from .calendars import BusinessDays, Calendar, calendar_from_json
from .clock_effects import clock_effects
from .codec import from_json, parse, tzdata_version
from .combine import Except, Union
from .cron import Cron
from .effects import ClockEffect, WallEffect
from .errors import RecurrenceError
from .explain import Explanation, Finding, Showing
from .forecast import Forecast
from .interval import CalendarInterval, Interval
from .keyword import CronFields
from .once import Once, Reboot
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy
from .rrule import RRule
from .versions import ENGINE_VERSION
from .words import from_words, looks_like_words, to_words
from .zones import Transition, transitions

__all__ = [
    "ENGINE_VERSION",
    "ENGLISH",
    "BusinessDays",
    "Calendar",
    "CalendarInterval",
    "ClockEffect",
    "ClockPolicy",
    "Cron",
    "CronFields",
    "Except",
    "Explanation",
    "Finding",
    "Forecast",
    "Interval",
    "Once",
    "Phrases",
    "RRule",
    "Reboot",
    "Recurrence",
    "RecurrenceError",
    "Showing",
    "Transition",
    "Union",
    "WallEffect",
    "calendar_from_json",
    "clock_effects",
    "from_json",
    "from_words",
    "looks_like_words",
    "parse",
    "to_words",
    "transitions",
    "tzdata_version",
]
