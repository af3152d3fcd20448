"""The workflow engine: what a run executes (S4-38…42). A workflow is, so far, a registered function."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

from clockwright.engine.clock import utc_now
from clockwright.engine.model import Trigger
from clockwright.engine.ports import (
    Handler,
    InvalidPayload,
    InvalidResult,
    ProcessCall,
    RunContext,
)
from clockwright.engine.registry import Function, Isolation, Registry, default_registry
from clockwright.workflows.calling import call_function
from clockwright.workflows.errors import (
    NodeExecutionException,
    UnknownWorkflowException,
    WorkflowTimeoutException,
)
from clockwright.workflows.isolated import BOOTSTRAP
from clockwright.workflows.threads import FunctionThreads

SYSTEM_KEYS: Final = frozenset(
    {"schedule_id", "execution_id", "triggered_at", "scheduled_for", "attempt", "context"}
)
"""The names in `trigger_data` that are not the context's (S4-40)."""


class ExecutionStatus(StrEnum):
    """How an execution ended. One that fails raises instead."""

    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """What an execution came to; instants are aware UTC, `output` is JSON."""

    execution_id: UUID
    workflow_id: UUID
    status: ExecutionStatus
    output: Any
    started_at: datetime
    finished_at: datetime

    @property
    def duration(self) -> timedelta:
        """How long it took."""
        return self.finished_at - self.started_at


class WorkflowEngine:
    """Resolves workflow ids and executes them: coroutines on the caller's loop, plain functions in threads."""

    def __init__(self, registry: Registry = default_registry) -> None:
        self._registry = registry
        self._handlers: dict[int, tuple[Function, Handler]] = {}
        self._threads = FunctionThreads("clockwright-function")

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler of a function's workflow id; None when this process does not know it."""
        function = self._registry.by_workflow(workflow_id)
        if function is None:
            return None
        known = self._handlers.get(workflow_id.int)
        if known is not None and known[0] is function:
            return known[1]
        handler = self._handler_of(function)
        self._handlers[workflow_id.int] = (function, handler)
        return handler

    def _handler_of(self, function: Function) -> Handler:
        return Handler(
            name=function.key,
            call=functools.partial(self._handle, function),
            is_coroutine=True,
            timeout=function.timeout,
            max_retries=function.max_retries,
            at_most_once=function.at_most_once,
            process=_process_of(function),
        )

    async def execute_workflow(
        self,
        workflow_id: UUID,
        trigger_data: Mapping[str, Any],
        context: RunContext | None = None,
        *,
        args: Sequence[Any] = (),
    ) -> ExecutionResult:
        """Execute a workflow once and wait for it; `context` is the run it belongs to, else one is made up.

        The function is called, in this process whatever its isolation, with `args` and the context data of `trigger_data` as keyword arguments. Raises
        UnknownWorkflowException, NodeExecutionException with what the function raised, InvalidPayload, InvalidResult
        and, where there is no run whose executor keeps the time, WorkflowTimeoutException.
        """
        function = self._registry.by_workflow(workflow_id)
        if function is None:
            raise UnknownWorkflowException(workflow_id)
        run = context or _run_of(trigger_data)
        started_at = utc_now()
        limit = function.timeout if context is None else None
        output = await self._timed(function, run, args, limit)
        return ExecutionResult(
            execution_id=run.run_id,
            workflow_id=workflow_id,
            status=ExecutionStatus.COMPLETED,
            output=output,
            started_at=started_at,
            finished_at=utc_now(),
        )

    def shutdown(self) -> None:
        """Let go of the threads; those that run on are not waited for."""
        self._threads.shutdown()

    async def _handle(self, function: Function, run: RunContext, args: Sequence[Any]) -> Any:
        """As the executor wants it: the result, or the function's own error for the ledger."""
        try:
            result = await self.execute_workflow(
                function.workflow_id, TriggerData(run), run, args=args
            )
        except NodeExecutionException as failed:
            original = failed.original
        else:
            return result.output
        # outside the handler, so that the ledger's traceback is the function's and not ours
        raise original

    async def _timed(
        self, function: Function, run: RunContext, args: Sequence[Any], limit: timedelta | None
    ) -> Any:
        if limit is None:
            return await self._called(function, run, args)
        scope = asyncio.timeout(limit.total_seconds())
        try:
            async with scope:
                return await self._called(function, run, args)
        except (NodeExecutionException, TimeoutError) as error:
            if scope.expired():
                raise WorkflowTimeoutException(f"{function.key} ran longer than {limit}") from error
            raise

    async def _called(self, function: Function, run: RunContext, args: Sequence[Any]) -> Any:
        try:
            return await call_function(function, run, args, self._threads)
        except (InvalidPayload, InvalidResult):
            raise
        except Exception as error:
            raise NodeExecutionException(function.key, error) from error


class TriggerData(Mapping[str, Any]):
    """A run's `trigger_data` (S4-40), made when somebody looks: few do."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._data: Mapping[str, Any] | None = None

    def __getitem__(self, key: str) -> Any:
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @property
    def _made(self) -> Mapping[str, Any]:
        if self._data is None:
            self._data = self._run.trigger_data
        return self._data


def _process_of(function: Function) -> ProcessCall | None:
    if function.isolation is not Isolation.PROCESS:
        return None
    module = getattr(function.call, "__module__", None) or ""
    return ProcessCall(bootstrap=BOOTSTRAP, key=function.key, module=module)


def _run_of(trigger_data: Mapping[str, Any]) -> RunContext:
    """The context of a call that no run stands behind."""
    given = trigger_data.get("context")
    own = {name: value for name, value in trigger_data.items() if name not in SYSTEM_KEYS}
    now = utc_now()
    return RunContext(
        run_id=uuid4(),
        attempt=1,
        schedule_id=None,
        scheduled_for=now,
        triggered_at=now,
        trigger=Trigger.CALL.value,
        community="",
        context=given if isinstance(given, Mapping) else own,
    )


@functools.cache
def default_engine() -> WorkflowEngine:
    """The engine of this process, over the functions that `@job` registered."""
    return WorkflowEngine()


# a forked child has none of its parent's threads
os.register_at_fork(after_in_child=default_engine.cache_clear)
