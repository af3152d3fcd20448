"""APScheduler's triggers, and the names around them that document 2 uses (extra `[apscheduler]`; S2-04…17, S2-31…36).

The triggers of APScheduler 3 are read as our recurrences with the same meaning; weekdays count from Monday (R7). The
jobs run on Clockwright's engine: there is nothing of APScheduler in what is stored or executed.

A trigger that was made without a zone has the zone of the scheduler it is added to. APScheduler itself gives it the
machine's, so a trigger in the machine's own zone counts as one without; a zone written as "UTC" always counts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from tzlocal import get_localzone

from clockwright.engine.clock import utc_now
from clockwright.recurrence import CronFields, Interval, Once, Recurrence, RecurrenceError
from clockwright.schedules.errors import InvalidScheduleException, ScheduleConflictException
from clockwright.schedules.functions import JobScheduler
from clockwright.schedules.triggers import Conversion, register_converter

__all__ = ["BackgroundScheduler", "DjangoJobStore", "convert"]

_log = logging.getLogger(__name__)

_JUST_NOW: Final = timedelta(minutes=10)
"""A trigger that counts from so short a while ago was made by this start of the program."""

_JOB_DEFAULTS: Final = frozenset({"coalesce", "max_instances", "misfire_grace_time"})


def convert(trigger: object, timezone: str) -> Conversion | None:
    """A trigger of APScheduler 3 as a rule; None for what is no such trigger. `timezone`: of one without a zone.

    Raises InvalidScheduleException for a trigger without arguments (R19), and for kinds that have no rule here.
    """
    if not isinstance(trigger, BaseTrigger):
        return None
    if getattr(trigger, "jitter", None):
        _log.warning("%s: its jitter is ignored, jobs start on time", trigger)
    try:
        match trigger:
            case CronTrigger():
                return Conversion(recurrence=_cron(trigger, timezone))
            case IntervalTrigger():
                return _interval(trigger, timezone)
            case DateTrigger():
                return Conversion(recurrence=_date(trigger, timezone))
    except RecurrenceError as error:
        raise InvalidScheduleException.of("/trigger", f"trigger: {error}") from error
    raise InvalidScheduleException.of(
        "/trigger",
        f"trigger: {type(trigger).__name__} cannot be read; add one job for each of its triggers, or give a "
        "recurrence such as CalendarInterval",
    )


def _date(trigger: DateTrigger, timezone: str) -> Recurrence:
    at: datetime = trigger.run_date
    return Once(_placed(at, timezone) or at, _zone_of(at.tzinfo, timezone))


def _cron(trigger: CronTrigger, timezone: str) -> Recurrence:
    given: dict[str, Any] = {
        field.name: str(field) for field in trigger.fields if not field.is_default
    }
    if not given:
        raise InvalidScheduleException.of(
            "/trigger",
            "trigger: CronTrigger() without arguments would fire every second; say when, such as hour=5",
        )
    return CronFields(
        _zone_of(trigger.timezone, timezone),
        **given,
        start=_placed(trigger.start_date, timezone),
        end=_placed(trigger.end_date, timezone),
    )


def _interval(trigger: IntervalTrigger, timezone: str) -> Conversion:
    # APScheduler turns no arguments into one second, and tells it from a given one only by the type of this number
    if isinstance(trigger.interval_length, int):
        raise InvalidScheduleException.of(
            "/trigger",
            "trigger: IntervalTrigger() without arguments would fire every second; say how often, such as hours=12",
        )
    if not trigger.interval_length.is_integer():
        raise InvalidScheduleException.of(
            "/trigger", f"trigger: {trigger.interval} is not a whole number of seconds"
        )
    since = utc_now() - (trigger.start_date.astimezone(UTC) - trigger.interval)
    is_of_this_start = timedelta() <= since <= _JUST_NOW
    start: datetime = trigger.start_date
    anchor = start if is_of_this_start else _placed(start, timezone) or start
    rule = Interval(
        seconds=int(trigger.interval_length),
        anchor=anchor,
        tz=_zone_of(trigger.timezone, timezone),
        end=_placed(trigger.end_date, timezone),
    )
    return Conversion(recurrence=rule, keeps_anchor=is_of_this_start)


def _zone_of(zone: tzinfo | None, default: str) -> str:
    """The IANA name of a trigger's zone; the default where it is only the machine's."""
    if zone is None or zone is get_localzone():
        return default
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if zone is UTC:
        return "UTC"
    if isinstance(zone, timezone):
        # a fixed offset is an instant's, not a place's: whole hours have names, others are told in UTC
        hours = zone.utcoffset(None) / timedelta(hours=1)
        return f"Etc/GMT{-int(hours):+d}" if hours.is_integer() and hours else "UTC"
    raise InvalidScheduleException.of(
        "/trigger", f"trigger: the zone {zone!r} has no IANA name; give for example 'Europe/Berlin'"
    )


def _placed(moment: datetime | None, zone: str) -> datetime | None:
    """An instant; one in the machine's zone was given as wall time, and is read in the scheduler's (S2-36, C-54)."""
    if moment is None or moment.tzinfo is not get_localzone():
        return moment
    return Once(moment.replace(tzinfo=None), zone).instant


class DjangoJobStore:
    """Jobs are kept in Django's database: always, whether or not this is added (S2-05, R6). Nothing is pickled."""


class BackgroundScheduler(JobScheduler):
    """`clockwright.schedules.scheduler` under the name and with the constructor that document 2 uses (S2-04).

    `timezone`: of triggers without one, a name or a tzinfo. `job_defaults`: coalesce, max_instances,
    misfire_grace_time.
    """

    def __init__(
        self,
        timezone: str | tzinfo | None = None,
        *,
        job_defaults: Mapping[str, Any] | None = None,
    ) -> None:
        unknown = set(job_defaults or {}) - _JOB_DEFAULTS
        if unknown:
            raise TypeError(f"job_defaults: {', '.join(sorted(unknown))} is not known")
        name = timezone if isinstance(timezone, str | None) else _zone_of(timezone, "UTC")
        super().__init__(name, defaults=job_defaults)

    def add_jobstore(self, jobstore: DjangoJobStore | str, alias: str = "default") -> None:
        """Take note of the one job store there is; raises ScheduleConflictException for another."""
        if not isinstance(jobstore, DjangoJobStore) or alias != "default":
            raise ScheduleConflictException(
                f"jobstore: jobs are kept in Django's database, not in {jobstore!r} as {alias!r}; "
                "give DjangoJobStore() and 'default'"
            )


register_converter(convert)
