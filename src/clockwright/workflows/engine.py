"""The workflow engine: what a run executes (S4-38…42). A workflow is a registered function, or a graph of steps."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from clockwright.engine.clock import utc_now
from clockwright.engine.model import Trigger
from clockwright.engine.offload import offload
from clockwright.engine.ports import (
    Handler,
    InvalidPayload,
    InvalidResult,
    RunContext,
    RunTimedOut,
)
from clockwright.engine.registry import Function, Isolation, Registry, default_registry
from clockwright.workflows.calling import call_function
from clockwright.workflows.errors import (
    NodeExecutionException,
    UnknownExecutionException,
    UnknownWorkflowException,
    WorkflowTimeoutException,
)
from clockwright.workflows.functions import Functions, process_of
from clockwright.workflows.states import ExecutionStatus
from clockwright.workflows.threads import FunctionThreads

if TYPE_CHECKING:
    from clockwright.workflows.graphs import Graphs
    from clockwright.workflows.records import Execution
    from clockwright.workflows.selectors import ExecutionMetrics, ExecutionView

SYSTEM_KEYS: Final = frozenset(
    {"schedule_id", "execution_id", "triggered_at", "scheduled_for", "attempt", "context"}
)
"""The names in `trigger_data` that are not the context's (S4-40)."""

FUNCTION_ID_VERSION: Final = 5
"""Of the UUIDs that name functions; a workflow of the database has one of another version."""

LONGEST_WAIT: Final = timedelta(days=366)


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

    def __init__(self, registry: Registry = default_registry, *, has_graphs: bool = False) -> None:
        """`has_graphs`: beside functions there are the workflows in the database of this Django project."""
        self._registry = registry
        self._has_graphs = has_graphs
        self._handlers: dict[int, tuple[Function, Handler]] = {}
        self._threads = FunctionThreads("clockwright-function")
        self._functions = Functions(registry, self._threads)
        self._calls: dict[UUID, asyncio.Task[Any]] = {}

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler of a function's or a graph's workflow id; None when this process does not know it.

        Nothing is asked of the database, as this is called on event loops: an id that is no function's is looked up
        when its run begins.
        """
        function = self._registry.by_workflow(workflow_id)
        if function is None:
            return self._graph_handler(workflow_id) if self._is_graph(workflow_id) else None
        known = self._handlers.get(workflow_id.int)
        if known is not None and known[0] is function:
            return known[1]
        handler = self._handler_of(function)
        self._handlers[workflow_id.int] = (function, handler)
        return handler

    def _handler_of(self, function: Function) -> Handler:
        return Handler(
            name=function.key,
            call=functools.partial(self._call, function),
            is_coroutine=True,
            timeout=function.timeout,
            max_retries=function.max_retries,
            at_most_once=function.at_most_once,
            process=process_of(function) if function.isolation is Isolation.PROCESS else None,
        )

    def _is_graph(self, workflow_id: UUID) -> bool:
        return self._has_graphs and workflow_id.version != FUNCTION_ID_VERSION

    def _graph_handler(self, workflow_id: UUID) -> Handler:
        return Handler(
            name=str(workflow_id),
            call=functools.partial(self._handle_graph, workflow_id),
            is_coroutine=True,
            timeout=LONGEST_WAIT,  # the graph keeps its own time, over all attempts
            max_retries=0,  # its steps are retried; it is not
        )

    @functools.cached_property
    def graphs(self) -> Graphs:
        """What executes the workflows of the database; Django must be set up."""
        from clockwright.schedules.conf import engine_settings
        from clockwright.schedules.stores import current_clock
        from clockwright.workflows.graphs import Graphs
        from clockwright.workflows.store import ExecutionStore

        return Graphs(
            self._functions,
            self._registry,
            lambda: ExecutionStore(current_clock()),
            lambda: engine_settings().timeout,
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

        A function is called, in this process whatever its isolation, with `args` and the context data of
        `trigger_data` as keyword arguments. Raises UnknownWorkflowException, NodeExecutionException with what the
        function or a step raised, InvalidPayload, InvalidResult, WorkflowLoopException and, where there is no run
        whose executor keeps the time, WorkflowTimeoutException. One that `cancel_execution` stopped is CANCELLED.
        """
        function = self._registry.by_workflow(workflow_id)
        run = context or _run_of(trigger_data)
        if function is None and self._is_graph(workflow_id):
            return await self._execute_graph(workflow_id, run, has_run=context is not None)
        if function is None:
            raise UnknownWorkflowException(workflow_id)
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

    async def cancel_execution(self, execution_id: UUID) -> bool:
        """Ask an execution to stop; False when it has ended, or there is none. For trusted code."""
        call = self._calls.get(execution_id)
        if call is not None and not call.done():
            call.get_loop().call_soon_threadsafe(call.cancel)
            return True
        from clockwright.workflows import services

        return await offload(services.stop, execution_id)

    async def get_execution_status(self, execution_id: UUID) -> ExecutionView:
        """How an execution stands, with its steps; raises UnknownExecutionException. For trusted code."""
        from clockwright.workflows import selectors

        found = await offload(selectors.find_execution, execution_id)
        if found is None:
            raise UnknownExecutionException(execution_id)
        return found

    async def get_execution_metrics(self, execution_id: UUID) -> ExecutionMetrics:
        """How long it took, and where the time went; raises UnknownExecutionException. For trusted code."""
        return (await self.get_execution_status(execution_id)).metrics

    def shutdown(self) -> None:
        """Let go of the threads; those that run on are not waited for. Calls that no run stands behind are cancelled."""
        for call in self._calls.values():
            call.get_loop().call_soon_threadsafe(call.cancel)
        self._functions.shutdown()
        self._threads.shutdown()

    async def _handle_graph(self, workflow_id: UUID, run: RunContext, _args: Sequence[Any]) -> Any:
        """As the executor wants it: the output, or what went wrong."""
        return (await self.graphs.execute(workflow_id, run, run.attempt)).output

    async def _execute_graph(
        self, workflow_id: UUID, run: RunContext, *, has_run: bool
    ) -> ExecutionResult:
        if has_run:
            return _result_of(await self.graphs.execute(workflow_id, run, run.attempt))
        call = asyncio.ensure_future(self.graphs.execute(workflow_id, run, None))
        self._calls[run.run_id] = call
        try:
            return _result_of(await call)
        except RunTimedOut as error:
            raise WorkflowTimeoutException(str(error)) from error
        except asyncio.CancelledError:
            if not call.cancelled() or _is_cancelling():
                raise
            stopped = await self.graphs.cancelled(run.run_id)
            return _never_begun(workflow_id, run) if stopped is None else _result_of(stopped)
        finally:
            call.cancel()
            del self._calls[run.run_id]

    def _call(self, function: Function, run: RunContext, args: Sequence[Any]) -> Awaitable[Any]:
        """As the executor wants it: the result, or the function's own error for the ledger."""
        return call_function(function, run, args, self._threads)

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


def _id_of(value: object) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(str(value))
    except ValueError:
        return None


def _result_of(execution: Execution) -> ExecutionResult:
    return ExecutionResult(
        execution_id=execution.run_id,
        workflow_id=execution.workflow_id,
        status=execution.status,
        output=execution.output,
        started_at=execution.started_at,
        finished_at=utc_now(),
    )


def _never_begun(workflow_id: UUID, run: RunContext) -> ExecutionResult:
    return ExecutionResult(
        execution_id=run.run_id,
        workflow_id=workflow_id,
        status=ExecutionStatus.CANCELLED,
        output=None,
        started_at=run.triggered_at,
        finished_at=utc_now(),
    )


def _is_cancelling() -> bool:
    """Whether the task itself is being cancelled, and not what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _run_of(trigger_data: Mapping[str, Any]) -> RunContext:
    """The context of a call that no run stands behind; it keeps the `execution_id` that it was given (C-17)."""
    given = trigger_data.get("context")
    own = {name: value for name, value in trigger_data.items() if name not in SYSTEM_KEYS}
    now = utc_now()
    return RunContext(
        run_id=_id_of(trigger_data.get("execution_id")) or uuid4(),
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
    """The engine of this process, over the functions that `@job` registered and the workflows of the database."""
    return WorkflowEngine(has_graphs=True)


# a forked child has none of its parent's threads
os.register_at_fork(after_in_child=default_engine.cache_clear)
