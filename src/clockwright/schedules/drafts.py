"""What callers ask for, and what it comes to in the engine's words. Pure; `commands` acts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from clockwright.engine.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    Schedule,
    ScheduleStatus,
)
from clockwright.recurrence import Interval
from clockwright.schedules.conf import EngineSettings
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.reading import read_context, read_json, shown
from clockwright.schedules.specs import ScheduleSpec, config_of, read_config

_LONGEST_NAME = 255
_LONGEST_REQUEST = 200
ENDED = (ScheduleStatus.COMPLETED, ScheduleStatus.FAILED)
_AMENDABLE = ("recurrence", "policy", "start_at", "end_at", "args", "context", "workflow_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSchedule:
    """What a schedule is made of. `workflow`: a UUID, or a function's key; `config`: documented keys, or a spec.

    A run calls the workflow with `args` and, as keyword arguments, `context_data`.
    """

    workflow: UUID | str
    config: Mapping[str, Any] | ScheduleSpec
    context_data: Mapping[str, Any] | None = None
    args: Sequence[Any] = ()
    key: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; None leaves a part as it is. `version`: refuse unless the schedule still has it."""

    config: Mapping[str, Any] | None = None
    context_data: Mapping[str, Any] | None = None
    name: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What runs are called with, as plain JSON values."""

    args: tuple[Any, ...]
    context: dict[str, Any]


def payload_of(new: NewSchedule) -> Payload:
    """The checked arguments; raises InvalidScheduleException."""
    args = read_json(list(new.args), "/args")
    return Payload(args=tuple(args), context=read_context(new.context_data))


def spec_of(
    config: Mapping[str, Any] | ScheduleSpec, settings: EngineSettings, now: datetime
) -> ScheduleSpec:
    """The spec itself, or what a configuration means; raises InvalidScheduleException."""
    if isinstance(config, ScheduleSpec):
        return config
    return read_config(config, settings, now)


def drafted(new: NewSchedule, spec: ScheduleSpec, community: str, now: datetime) -> Schedule:
    """A schedule as the store takes it, still without its workflow's id; raises InvalidScheduleException."""
    payload = payload_of(new)
    return Schedule(
        schedule_id=uuid4(),
        workflow_id=UUID(int=0),
        recurrence=spec.recurrence,
        settled_until=now,
        policy=spec.policy,
        start_at=spec.start_at,
        end_at=spec.end_at,
        args=payload.args,
        context=payload.context,
        key=checked_key(new.key),
        community=community,
    )


def respecified(current: Schedule, spec: ScheduleSpec) -> Schedule:
    """A schedule with another spec."""
    return replace(
        current,
        recurrence=spec.recurrence,
        policy=spec.policy,
        start_at=spec.start_at,
        end_at=spec.end_at,
    )


def keeping_anchor(current: Schedule, wanted: Schedule) -> Schedule:
    """With the stored rule where nothing but the anchor of an interval differs from it."""
    before, after = current.recurrence, wanted.recurrence
    if not isinstance(before, Interval) or not isinstance(after, Interval):
        return wanted
    if (before.period, before.tz, before.end) != (after.period, after.tz, after.end):
        return wanted
    return replace(wanted, recurrence=before)


def differences(current: Schedule, wanted: Schedule) -> dict[str, Any]:
    """The fields to amend. With another rule, bound or limit it is to be active, unless a person paused it.

    Also where it is active already: settling the old rule first may complete it.
    """
    pairs = {name: (getattr(current, name), getattr(wanted, name)) for name in _AMENDABLE}
    fields = {name: after for name, (before, after) in pairs.items() if before != after}
    refired = {"recurrence", "start_at", "end_at"} & set(fields)
    relimited = current.policy.max_executions != wanted.policy.max_executions
    if current.status is not ScheduleStatus.PAUSED and (refired or relimited):
        fields["status"] = ScheduleStatus.ACTIVE
    return fields


def told(schedule: Schedule, name: str) -> dict[str, Any]:
    """A schedule as the trail tells what changed; payloads are hidden there by their names."""
    return {
        **config_of(schedule),
        "name": name,
        "workflow_id": str(schedule.workflow_id),
        "context_data": dict(schedule.context),
        "args": list(schedule.args),
    }


def checked_key(key: str | None) -> str | None:
    """A key, or none; raises InvalidScheduleException."""
    return None if key is None else _text(key, "key", least=1)


def checked_name(name: str) -> str:
    """A name; raises InvalidScheduleException."""
    return _text(name, "name", least=0)


def checked_reason(reason: str | None) -> str | None:
    """A person's words for it, cut to what the column holds; raises InvalidScheduleException."""
    return None if reason is None else str(read_json(reason, "/reason"))[:_LONGEST_NAME]


def checked_request_id(request_id: str | None) -> str:
    """What makes a trigger one and the same; a new one where none is given. Raises InvalidScheduleException."""
    if request_id is None:
        return str(uuid4())
    return _text(request_id, "request_id", least=1, most=_LONGEST_REQUEST)


def checked_priority(priority: object) -> int | None:
    """The priority of one run, None for its schedule's; raises InvalidScheduleException."""
    if priority is None:
        return None
    if (
        isinstance(priority, int)
        and not isinstance(priority, bool)
        and LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY
    ):
        return priority
    bounds = f"{LOWEST_PRIORITY} to {HIGHEST_PRIORITY}"
    raise InvalidScheduleException.of(
        "/priority", f"priority: give a whole number from {bounds}, not {shown(priority)}"
    )


def _text(value: object, name: str, *, least: int, most: int = _LONGEST_NAME) -> str:
    if isinstance(value, str) and least <= len(value) <= most:
        return str(read_json(value, f"/{name}"))
    raise InvalidScheduleException.of(
        f"/{name}", f"{name}: give text of {least} to {most} characters, not {shown(value)}"
    )
