"""Walking through a definition: one step after the other, each kept before the next begins.

A walk begins at the start every time: a step that is kept as finished is gone past, with the output and the way it had.
So the state of an execution is its steps' records and nothing else, and what a step may know is the same in every
attempt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from clockwright.engine.model import Reason, RunState
from clockwright.engine.ports import DoNotRetry, InvalidPayload, InvalidResult
from clockwright.engine.retry import is_hopeless, retry_at
from clockwright.engine.spread import stable_fraction
from clockwright.workflows.definitions import Block, Definition, Done, Step
from clockwright.workflows.errors import NodeExecutionException, WorkflowLoopException
from clockwright.workflows.expressions import Expression, ExpressionError
from clockwright.workflows.records import Record
from clockwright.workflows.states import StepStatus
from clockwright.workflows.templates import (
    LARGEST_OUTPUTS,
    LARGEST_VALUE,
    Template,
    bounded,
    render,
    size_of,
)

_LONGEST_ERROR: Final = 10_000
_BEGUN: Final = frozenset({StepStatus.RUNNING, StepStatus.FAILED})
_HOPELESS: Final = (ExpressionError, InvalidPayload, InvalidResult)
"""What another try cannot mend: the same expressions see the same values."""


class StepTimedOut(Exception):
    """The step ran longer than its `timeout_seconds`."""


class StepLost(DoNotRetry):
    """It had begun when its node died, and its function is not to be started twice."""


class Journal(Protocol):
    """Where the records of an execution are kept."""

    @property
    def finished(self) -> int:
        """How many steps are kept as finished."""

    def record_of(self, path: str) -> Record | None:
        """What is kept of a step."""

    async def now(self) -> datetime:
        """The clock by which steps wait."""

    async def keep(self, record: Record) -> None:
        """Keep it, in one transaction; it is there when this returns. Raises LetGo when the execution is another's."""


class World(Protocol):
    """What steps do outside their workflow."""

    def is_once(self, function: str) -> bool:
        """Whether a function is rather lost than started twice."""

    async def call(self, function: str, arguments: Mapping[str, Any], path: str) -> Any:
        """Call a registered function for the step of a path."""

    async def wait(self, until: datetime, *, alone: bool) -> None:
        """Wait; `alone`: nothing else of the execution is under way meanwhile, so that it may be put down."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is known in a block, and where it is."""

    place: str
    steps: dict[str, Any]
    variables: dict[str, Any]
    known: Mapping[str, Any]

    def inside(self, place: str, known: Mapping[str, Any]) -> _Frame:
        """A block inside: it sees what is known here, and what it learns stays in it."""
        return _Frame(place, dict(self.steps), dict(self.variables), {**self.known, **known})

    @property
    def scope(self) -> Mapping[str, Any]:
        return {**self.known, "steps": self.steps, "vars": self.variables}


class Walk:
    """One walk through one execution. `trigger` is its `trigger_data`."""

    def __init__(
        self,
        definition: Definition,
        run_id: UUID,
        trigger: Mapping[str, Any],
        journal: Journal,
        world: World,
    ) -> None:
        self._definition = definition
        self._run_id = run_id
        self._trigger = trigger
        self._journal = journal
        self._world = world
        self._operations = journal.finished
        self._sizes: dict[str, int] = {}
        self._size = 0

    async def to_the_end(self) -> Any:
        """The output of the last step. Raises NodeExecutionException and WorkflowLoopException."""
        known = {"trigger": self._trigger, "context": self._trigger.get("context", {})}
        return await self._block(self._definition.block, _Frame("", {}, {}, known))

    async def _block(self, block: Block, frame: _Frame) -> Any:
        output, follows = None, block.start
        while True:
            step = block.steps[follows]
            record = await self._step(step, frame)
            output = frame.steps[step.id] = record.output
            if step.plan.assigns:
                frame.variables.update(record.output)
            if record.next is None:
                return output
            follows = record.next

    async def _step(self, step: Step, frame: _Frame) -> Record:
        path = frame.place + step.id
        record = self._journal.record_of(path)
        if record is not None and record.is_finished:
            self.count(path, record.output)
            return record
        # counted here for all branches and iterations together, and from the records of earlier attempts on
        self._operations += 1
        most = self._definition.most_operations
        if self._operations > most:
            raise WorkflowLoopException(f"{step.id}: more than max_operations, {most} steps")
        return await _Trial(self, step, frame, path).to_the_end(record)

    @property
    def run_id(self) -> UUID:
        """The execution."""
        return self._run_id

    @property
    def journal(self) -> Journal:
        """Where its records are."""
        return self._journal

    @property
    def world(self) -> World:
        """What its steps act on."""
        return self._world

    def count(self, path: str, output: Any) -> None:
        """Count the output of a step, once however often it is gone past; raises WorkflowLoopException."""
        size = size_of(output, LARGEST_VALUE)
        self._size += size - self._sizes.get(path, 0)
        self._sizes[path] = size
        if self._size > LARGEST_OUTPUTS:
            raise WorkflowLoopException(
                f"{path}: the outputs of all steps are larger than about {LARGEST_OUTPUTS} bytes"
            )

    async def inside(self, block: Block, frame: _Frame) -> Any:
        """Walk a block inside a step."""
        return await self._block(block, frame)


@dataclass(slots=True)
class _Trial:
    """One step until it succeeds or fails for good; also what the step sees of the world (`Visit`)."""

    walk_: Walk
    step: Step
    frame: _Frame
    path: str
    _record: Record | None = field(default=None)
    _is_once: bool = field(default=False)

    async def to_the_end(self, record: Record | None) -> Record:
        """Its record, kept. Raises NodeExecutionException, WorkflowLoopException."""
        self._record = record
        if record is not None and record.wake_at is not None and record.error is not None:
            await self._pause(record.wake_at)
        while True:
            began = await self.walk_.journal.now()
            try:
                done = await self._performed()
                bounded(done.output)
                self.walk_.count(self.path, done.output)
            except WorkflowLoopException:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a step raises is its failure, and kept
                await self._pause(await self._failed(error, began))
            else:
                return await self._kept(
                    StepStatus.SUCCEEDED, began, output=done.output, next=done.next
                )

    async def _performed(self) -> Done:
        limit = self.step.timeout
        if limit is None:
            return await self.step.plan.perform(self)
        scope = asyncio.timeout(limit.total_seconds())
        try:
            async with scope:
                return await self.step.plan.perform(self)
        except Exception as error:
            if scope.expired():
                raise StepTimedOut(f"ran longer than {limit}") from error
            raise

    async def _failed(self, error: Exception, began: datetime) -> datetime:
        """When it is tried again; raises NodeExecutionException when it is not."""
        tries = (self._record.tries if self._record else 0) + 1
        again = await self._again_at(error, tries)
        why = _words(error)
        if again is None:
            await self._kept(StepStatus.FAILED, began, tries=tries, error=why)
            if isinstance(error, NodeExecutionException):  # of a step inside, which says more
                raise error
            raise NodeExecutionException(self.path, error) from error
        await self._kept(StepStatus.WAITING, began, tries=tries, error=why, wake_at=again)
        return again

    async def _again_at(self, error: Exception, tries: int) -> datetime | None:
        policy = self.step.retry
        cause = error.original if isinstance(error, NodeExecutionException) else error
        if (
            not policy.max_retries
            or self._is_once
            or isinstance(cause, _HOPELESS)
            or is_hopeless(policy, cause)
        ):
            return None
        return retry_at(
            policy,
            state=RunState.FAILED,
            reason=Reason.ERROR,
            tries=tries,
            now=await self.walk_.journal.now(),
            fraction=stable_fraction(self.walk_.run_id, self.path, tries),
        )

    async def _kept(self, status: StepStatus, began: datetime, **facts: Any) -> Record:
        """The next record of this step, kept."""
        known = self._record
        record = Record(
            path=self.path,
            kind=self.step.kind,
            status=status,
            started_at=known.started_at if known else began,
            **{"tries": known.tries if known else 0, **facts},
        )
        if status in {StepStatus.SUCCEEDED, StepStatus.FAILED}:
            ended = await self.walk_.journal.now()
            record = replace(record, finished_at=max(ended, record.started_at))
        self._record = record
        await self.walk_.journal.keep(record)
        return record

    async def _pause(self, until: datetime) -> None:
        await self.walk_.world.wait(until, alone=not self.frame.place)

    def value(self, template: Template | Expression) -> Any:
        """The value with what is known here."""
        return render(template, self.frame.scope)

    async def walk(self, block: Block, name: str, known: Mapping[str, Any]) -> Any:
        """Perform a block inside."""
        return await self.walk_.inside(block, self.frame.inside(f"{self.path}/{name}/", known))

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call a registered function; one that is at most once is kept as begun before, and raises StepLost ever after."""
        if self.walk_.world.is_once(function):
            self._is_once = True
            if self._record is not None and self._record.status in _BEGUN:
                raise StepLost(f"{function} had begun, and starts at most once")
            await self._kept(StepStatus.RUNNING, await self.walk_.journal.now())
        return await self.walk_.world.call(function, arguments, self.path)

    async def wait(self, *, seconds: float | None = None, until: datetime | None = None) -> None:
        """Wait from the first beginning on; that is kept before it begins."""
        known = self._record
        if known is None or known.wake_at is None or known.error is not None:
            now = await self.walk_.journal.now()
            wake_at = until or now + timedelta(seconds=seconds or 0.0)
            if wake_at <= now:
                return
            known = await self._kept(StepStatus.WAITING, now, wake_at=wake_at)
        if known.wake_at is not None:
            await self._pause(known.wake_at)


def _words(error: BaseException) -> str:
    if isinstance(error, NodeExecutionException):
        return error.message[:_LONGEST_ERROR]
    if isinstance(error, DoNotRetry | StepTimedOut | ExpressionError):
        return str(error)[:_LONGEST_ERROR] or type(error).__name__
    return f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
