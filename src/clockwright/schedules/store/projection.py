"""The documented columns as a projection of what the engine holds, and policies as JSON. Pure.

`recurrence` (JSON) is the truth; the columns beside it are what the documents promise to readers of the table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from clockwright.engine.model import CatchUp, Overlap, Policy
from clockwright.recurrence import Recurrence, from_json

_LONGEST_INTERVAL = 2**31 - 1


class ScheduleType(StrEnum):
    """What kind of rule a schedule has (S4-02); `rrule` and `rule` are ours."""

    CRON = "cron"
    INTERVAL = "interval"
    ONE_TIME = "one_time"
    RRULE = "rrule"
    RULE = "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The type-specific columns of a rule: exactly those of its type are set."""

    schedule_type: ScheduleType
    cron_expression: str | None = None
    interval_seconds: int | None = None
    scheduled_time: datetime | None = None


def project(rule: Recurrence) -> Projection:
    """The documented columns of a rule; one that they cannot hold is of the type `rule`."""
    data = rule.to_json()
    match data["type"]:
        case "cron" if "dialect" not in data:
            return Projection(schedule_type=ScheduleType.CRON, cron_expression=data["expression"])
        case "interval" if (seconds := _seconds(data)) <= _LONGEST_INTERVAL:
            return Projection(schedule_type=ScheduleType.INTERVAL, interval_seconds=seconds)
        case "once":
            at = datetime.fromisoformat(data["at"])
            return Projection(schedule_type=ScheduleType.ONE_TIME, scheduled_time=at)
        case "rrule":
            return Projection(schedule_type=ScheduleType.RRULE)
        case _:
            return Projection(schedule_type=ScheduleType.RULE)


def _seconds(data: dict[str, Any]) -> int:
    units = {name: data.get(name, 0) for name in ("weeks", "days", "hours", "minutes", "seconds")}
    return int(timedelta(**units).total_seconds())


def rule_to_text(rule: Recurrence) -> str:
    """A rule as the JSON text that is stored."""
    return json.dumps(rule.to_json(), sort_keys=True)


@lru_cache(maxsize=10_000)
def rule_from_text(text: str) -> Recurrence:
    """The rule of a stored JSON text. Schedules that have a rule in common share it; raises RecurrenceError."""
    return from_json(json.loads(text))


def policy_to_json(policy: Policy) -> dict[str, Any]:
    """A policy under the names of `schedule_config`; `max_executions` has a column of its own."""
    return {
        "grace_period_seconds": _number(policy.grace),
        "catch_up": policy.catch_up.value,
        "catch_up_limit": policy.catch_up_limit,
        "overlap": policy.overlap.value,
        "max_instances": policy.max_instances,
        "jitter_seconds": _number(policy.jitter),
        "max_retries": policy.max_retries,
        "retry_backoff_seconds": _number(policy.retry_backoff),
        "retry_backoff_max_seconds": _number(policy.retry_backoff_max),
        "retry_jitter": policy.retry_jitter,
        "no_retry_on": list(policy.no_retry_on),
        "pause_after_failures": policy.pause_after_failures,
        "timeout_seconds": _number(policy.timeout),
        "priority": policy.priority,
    }


@lru_cache(maxsize=10_000)
def policy_from_text(text: str, max_executions: int | None) -> Policy:
    """The policy of a stored JSON text and the column `max_executions`."""
    data = json.loads(text)
    return Policy(
        grace=_duration(data["grace_period_seconds"]),
        catch_up=CatchUp(data["catch_up"]),
        catch_up_limit=data["catch_up_limit"],
        overlap=Overlap(data["overlap"]),
        max_instances=data["max_instances"],
        max_executions=max_executions,
        max_retries=data["max_retries"],
        retry_backoff=_exactly(data["retry_backoff_seconds"]),
        retry_backoff_max=_exactly(data["retry_backoff_max_seconds"]),
        # what came later is not in the policies that were stored before
        retry_jitter=data.get("retry_jitter", 0.0),
        jitter=_exactly(data.get("jitter_seconds", 0)),
        no_retry_on=tuple(data.get("no_retry_on", ())),
        pause_after_failures=data.get("pause_after_failures"),
        timeout=_duration(data["timeout_seconds"]),
        priority=data.get("priority", 0),
    )


def _number(duration: timedelta | None) -> float | int | None:
    if duration is None:
        return None
    seconds = duration.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _exactly(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
