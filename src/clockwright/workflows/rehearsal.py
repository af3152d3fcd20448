"""A dry run: the same walk, in a world in which nothing happens. Nothing is called, waited for or written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from clockwright.workflows.definitions import Definition
from clockwright.workflows.errors import WorkflowEngineException, WorkflowLoopException
from clockwright.workflows.records import Record
from clockwright.workflows.states import ExecutionStatus
from clockwright.workflows.templates import LARGEST_OUTPUTS, LARGEST_VALUE, size_of
from clockwright.workflows.walking import Walk

NOBODY: Final = UUID(int=0)
"""The id of an execution that is none."""

MOST_SECONDS: Final = 10.0
"""Of real time: a rehearsal is a question, and somebody waits for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function that would have been called."""

    path: str
    function: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What would happen. `status` is completed or failed; `steps` are in the order in which they would end.

    `waited` is how long its delays would take in all, one after the other.
    """

    status: ExecutionStatus
    output: Any
    error: str | None
    steps: tuple[Record, ...]
    calls: tuple[Call, ...]
    waited: timedelta


@dataclass(slots=True)
class _Stage:
    """Journal and world at once. Time stands still, but for what is waited."""

    outputs: Mapping[str, Any]
    clock: datetime
    records: dict[str, Record] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    waited: timedelta = timedelta(0)
    asked: int = 0

    @property
    def finished(self) -> int:
        return 0

    def record_of(self, path: str) -> Record | None:
        return None

    async def now(self) -> datetime:
        return self.clock

    async def keep(self, record: Record) -> None:
        self.records.pop(record.path, None)  # so that it stands where it ended
        self.records[record.path] = record
        await asyncio.sleep(0)  # so that the time limit is looked at

    def is_once(self, function: str) -> bool:
        return False

    async def call(self, function: str, arguments: Mapping[str, Any], path: str) -> Any:
        self.asked += size_of(arguments, LARGEST_VALUE)
        if self.asked > LARGEST_OUTPUTS:  # they are part of the answer
            raise WorkflowLoopException(
                f"{path}: the arguments of all calls are larger than about {LARGEST_OUTPUTS} bytes"
            )
        self.calls.append(Call(path=path, function=function, arguments=arguments))
        step_id = path.rpartition("/")[2]
        return self.outputs.get(path, self.outputs.get(step_id))

    async def wait(self, until: datetime, *, alone: bool) -> None:
        self.waited += max(until - self.clock, timedelta(0))


async def rehearse(
    definition: Definition,
    *,
    context: Mapping[str, Any],
    outputs: Mapping[str, Any],
    now: datetime,
) -> Rehearsal:
    """What a definition would do with a context. `outputs`: what functions are taken to return, by the id of their
    step, or by the path of one in a branch or iteration; null where nothing is said.
    """
    stage = _Stage(outputs, now)
    walk = Walk(definition, NOBODY, trigger_of(context, now), stage, stage)
    output, error = None, None
    try:
        async with asyncio.timeout(MOST_SECONDS):
            output = await walk.to_the_end()
    except WorkflowEngineException as failed:
        error = failed.message
    except TimeoutError:
        error = f"the rehearsal took longer than {MOST_SECONDS:g} s"
    return Rehearsal(
        status=ExecutionStatus.COMPLETED if error is None else ExecutionStatus.FAILED,
        output=output,
        error=error,
        steps=tuple(stage.records.values()),
        calls=tuple(stage.calls),
        waited=stage.waited,
    )


def trigger_of(context: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The `trigger_data` of a run that is none."""
    return {
        "schedule_id": None,
        "execution_id": str(NOBODY),
        "triggered_at": now.isoformat(),
        "scheduled_for": now.isoformat(),
        "attempt": 1,
        "context": dict(context),
    }
