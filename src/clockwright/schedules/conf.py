"""The engine's settings: the environment (S4-77…83) over Django's `CLOCKWRIGHT` over the documented defaults.

| environment                            | CLOCKWRIGHT       | default | meaning                                       |
|----------------------------------------|-------------------|---------|-----------------------------------------------|
| SCHEDULER_TIMEZONE                     | TIMEZONE          | UTC     | the zone of schedules that name none          |
| SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES   | MAX_INSTANCES     | 3       | active runs of one schedule                   |
| SCHEDULER_JOB_DEFAULTS_COALESCE        | COALESCE          | true    | of several late fire times run only the last  |
| MAX_CONCURRENT_WORKFLOWS               | MAX_CONCURRENT    | 10      | runs at a time in one engine process          |
| WORKFLOW_TIMEOUT_SECONDS               | TIMEOUT_SECONDS   | 3600    | of one attempt                                |
| WORKFLOW_MAX_RETRIES                   | MAX_RETRIES       | 3       | tries after the first                         |
| SCHEDULE_GRACE_PERIOD_MINUTES          | GRACE_MINUTES     | 15      | how late a fire time may still start          |
| CLOCKWRIGHT_HEARTBEAT_SECONDS          | HEARTBEAT_SECONDS | 5       | how often a node renews its lease             |
| CLOCKWRIGHT_LEASE_SECONDS              | LEASE_SECONDS     | 15      | after so long without a heartbeat it is dead  |
| CLOCKWRIGHT_DOCTOR_SECONDS             | DOCTOR_SECONDS    | 3600    | how often one node examines them; 0 never     |
| CLOCKWRIGHT_RETENTION_DAYS             | RETENTION_DAYS    | 0       | how long ended runs are kept; 0 for ever      |
| CLOCKWRIGHT_AUTOSTART                  | AUTOSTART         |         | whether this process runs an engine; see `autostart` |

They are read when they are asked for, so that a test may set them; nothing here is cached.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from clockwright.engine.model import CatchUp, Policy
from clockwright.recurrence import RecurrenceError
from clockwright.recurrence.zones import find_zone

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_MOST = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """What the environment says. `policy` is what a schedule gets that says nothing else."""

    timezone: str = "UTC"
    max_instances: int = 3
    coalesce: bool = True
    max_concurrent: int = 10
    timeout: timedelta = timedelta(hours=1)
    max_retries: int = 3
    grace: timedelta | None = timedelta(minutes=15)
    heartbeat: timedelta = timedelta(seconds=5)
    lease: timedelta = timedelta(seconds=15)
    doctor: timedelta | None = timedelta(hours=1)
    retention: timedelta | None = None

    @property
    def policy(self) -> Policy:
        """The defaults of a new schedule. Its timeout stays open: that is the running node's to say."""
        return Policy(
            grace=self.grace,
            catch_up=CatchUp.LATEST if self.coalesce else CatchUp.ALL,
            max_instances=self.max_instances,
            max_retries=self.max_retries,
        )


def engine_settings() -> EngineSettings:
    """The settings as they stand now; raises ImproperlyConfigured naming variable, value and mend."""
    read = settings_reader()
    found = EngineSettings(
        timezone=read.zone("SCHEDULER_TIMEZONE", "TIMEZONE", "UTC"),
        max_instances=read.whole(
            "SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES", "MAX_INSTANCES", 3, least=1
        ),
        coalesce=read.truth("SCHEDULER_JOB_DEFAULTS_COALESCE", "COALESCE", default=True),
        max_concurrent=read.whole("MAX_CONCURRENT_WORKFLOWS", "MAX_CONCURRENT", 10, least=1),
        timeout=read.duration("WORKFLOW_TIMEOUT_SECONDS", "TIMEOUT_SECONDS", timedelta(hours=1)),
        max_retries=read.whole("WORKFLOW_MAX_RETRIES", "MAX_RETRIES", 3, least=0),
        grace=read.minutes("SCHEDULE_GRACE_PERIOD_MINUTES", "GRACE_MINUTES", timedelta(minutes=15)),
        heartbeat=read.duration(
            "CLOCKWRIGHT_HEARTBEAT_SECONDS", "HEARTBEAT_SECONDS", timedelta(seconds=5)
        ),
        lease=read.duration("CLOCKWRIGHT_LEASE_SECONDS", "LEASE_SECONDS", timedelta(seconds=15)),
        doctor=read.seconds("CLOCKWRIGHT_DOCTOR_SECONDS", "DOCTOR_SECONDS", 3_600),
        retention=read.days("CLOCKWRIGHT_RETENTION_DAYS", "RETENTION_DAYS", 0),
    )
    if found.lease <= found.heartbeat:
        raise ImproperlyConfigured(
            f"CLOCKWRIGHT_LEASE_SECONDS: {found.lease.total_seconds():g} is not longer than the heartbeat of "
            f"{found.heartbeat.total_seconds():g} s; write three times the heartbeat"
        )
    return found


def autostart_wish() -> bool | None:
    """What CLOCKWRIGHT_AUTOSTART asks for; None when it says nothing. Raises ImproperlyConfigured."""
    read = settings_reader()
    name, value = read.given("CLOCKWRIGHT_AUTOSTART", "AUTOSTART")
    return None if value is None else _truth(name, value)


def settings_reader() -> Reader:
    """For rooms that have settings of their own: the environment and the host's dictionary as they stand now."""
    return Reader(os.environ, getattr(settings, "CLOCKWRIGHT", {}))


class Reader:
    """Looks a setting up in the environment first, then in the dictionary of the host's settings."""

    def __init__(self, environ: Mapping[str, str], host: Mapping[str, Any]) -> None:
        self._environ = environ
        self._host = host

    def given(self, variable: str, key: str) -> tuple[str, Any]:
        """The name under which a value was found, and the value; None where there is none."""
        text = self._environ.get(variable, "").strip()
        return (variable, text) if text else (f"CLOCKWRIGHT[{key!r}]", self._host.get(key))

    def zone(self, variable: str, key: str, default: str) -> str:
        name, value = self.given(variable, key)
        if value is None:
            return default
        try:
            find_zone(value)
        except RecurrenceError as error:
            raise ImproperlyConfigured(
                f"{name}: {value!r} is no time zone ({error.reason}); write an IANA name such as Australia/Sydney"
            ) from error
        return str(value)

    def whole(self, variable: str, key: str, default: int, *, least: int) -> int:
        name, value = self.given(variable, key)
        number = float(default) if value is None else _number(name, value)
        if not number.is_integer() or not least <= number <= _MOST:
            raise ImproperlyConfigured(
                f"{name}: {value!r} is not a whole number from {least} to {_MOST}; write for example {default}"
            )
        return int(number)

    def duration(self, variable: str, key: str, default: timedelta) -> timedelta:
        """Seconds above 0."""
        name, value = self.given(variable, key)
        if value is None:
            return default
        number = _number(name, value)
        if not 0 < number <= _MOST * 60:
            raise ImproperlyConfigured(
                f"{name}: {value!r} is not a number of seconds above 0; "
                f"write for example {default.total_seconds():g}"
            )
        return timedelta(seconds=number)

    def seconds(self, variable: str, key: str, default: int) -> timedelta | None:
        """Whole seconds; None for 0."""
        return timedelta(seconds=self.whole(variable, key, default, least=0)) or None

    def days(self, variable: str, key: str, default: int) -> timedelta | None:
        """Whole days; None for 0."""
        return timedelta(days=self.whole(variable, key, default, least=0)) or None

    def minutes(self, variable: str, key: str, default: timedelta) -> timedelta:
        """Minutes from 0."""
        name, value = self.given(variable, key)
        if value is None:
            return default
        number = _number(name, value)
        if not 0 <= number <= _MOST:
            raise ImproperlyConfigured(
                f"{name}: {value!r} is not a number of minutes from 0; write for example 15"
            )
        return timedelta(minutes=number)

    def truth(self, variable: str, key: str, *, default: bool) -> bool:
        name, value = self.given(variable, key)
        return default if value is None else _truth(name, value)


def _truth(name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ImproperlyConfigured(f"{name}: {value!r} is neither yes nor no; write true or false")


def _number(name: str, value: Any) -> float:
    problem = f"{name}: {value!r} is not a number; write digits alone, such as 10"
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ImproperlyConfigured(problem)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ImproperlyConfigured(problem) from None
    if not math.isfinite(number):
        raise ImproperlyConfigured(problem)
    return number
