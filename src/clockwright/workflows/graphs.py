"""Executing workflows of several steps: beginning or going on, the time limit of the whole, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from clockwright.engine.ports import RunContext, RunTimedOut
from clockwright.engine.registry import Registry
from clockwright.workflows.definitions import Definition
from clockwright.workflows.errors import WorkflowEngineException
from clockwright.workflows.functions import Functions
from clockwright.workflows.journal import DatabaseJournal, persistently
from clockwright.workflows.reading import read_definition
from clockwright.workflows.records import Execution
from clockwright.workflows.states import FINAL, ExecutionStatus
from clockwright.workflows.store import ExecutionStore
from clockwright.workflows.walking import Walk

PUT_DOWN_AFTER: Final = timedelta(seconds=5)
"""A wait that is longer gives the node's place to others."""

_LONGEST_ERROR: Final = 10_000
_KEPT: Final = 256


class Graphs:
    """Executes published workflows. `default_timeout` tells how long a whole may take that does not say so itself."""

    def __init__(
        self,
        functions: Functions,
        registry: Registry,
        make_store: Callable[[], ExecutionStore],
        default_timeout: Callable[[], timedelta],
    ) -> None:
        self._functions = functions
        self._registry = registry
        self._make_store = make_store
        self._default_timeout = default_timeout
        self._read: dict[tuple[UUID, int], Definition] = {}

    async def execute(self, workflow_id: UUID, run: RunContext, attempt: int | None) -> Execution:
        """Execute it, or what is left of it; it has ended when this returns.

        Raises UnknownWorkflowException, WorkflowConflictException for one that is not published,
        NodeExecutionException, WorkflowLoopException, RunTimedOut, and LetGo when the run was put down or is another
        node's by now.
        """
        store = self._make_store()
        execution = await persistently(partial(store.begin, workflow_id, run, attempt))
        if execution.status in FINAL:  # its node died before the ledger heard
            return _ended_before(execution)
        journal = DatabaseJournal(store, execution, attempt)
        try:
            output = await self._timed(execution, run, journal)
        except RunTimedOut as error:
            await journal.finish(ExecutionStatus.TIMEOUT, error=str(error))
            raise
        except WorkflowEngineException as error:
            await journal.finish(ExecutionStatus.FAILED, error=error.message[:_LONGEST_ERROR])
            raise
        await journal.finish(ExecutionStatus.COMPLETED, output=output)
        return replace(execution, status=ExecutionStatus.COMPLETED, output=output)

    async def cancelled(self, execution_id: UUID) -> Execution | None:
        """Write that a call no run stands behind was stopped; None where it had not begun."""
        store = self._make_store()
        await persistently(partial(store.finish, execution_id, None, ExecutionStatus.CANCELLED))
        return await persistently(partial(store.get, execution_id))

    async def _timed(self, execution: Execution, run: RunContext, journal: DatabaseJournal) -> Any:
        definition = self._definition(execution)
        limit = definition.timeout or self._default_timeout()
        deadline = execution.started_at + limit
        left = (deadline - await journal.now()).total_seconds()
        world = NodeWorld(self._functions, run, journal, deadline)
        walk = Walk(definition, run.run_id, execution.trigger_data, journal, world)
        too_long = RunTimedOut(f"ran longer than {limit}")
        if left <= 0:
            raise too_long
        scope = asyncio.timeout(left)
        try:
            async with scope:
                return await walk.to_the_end()
        except (WorkflowEngineException, TimeoutError) as error:
            if scope.expired():
                raise too_long from error
            raise

    def _definition(self, execution: Execution) -> Definition:
        """Read once; versions do not change."""
        key = (execution.workflow_id, execution.version)
        if key not in self._read:
            if len(self._read) >= _KEPT:
                self._read.clear()
            self._read[key] = read_definition(execution.definition, functions=self._registry)
        return self._read[key]


def _ended_before(execution: Execution) -> Execution:
    match execution.status:
        case ExecutionStatus.COMPLETED:
            return execution
        case ExecutionStatus.TIMEOUT:
            raise RunTimedOut(execution.error or "ran too long")
        case _:
            raise WorkflowEngineException(execution.error or f"it is {execution.status}")


@dataclass(frozen=True, slots=True)
class NodeWorld:
    """What the steps of one run do on this node."""

    functions: Functions
    run: RunContext
    journal: DatabaseJournal
    deadline: datetime

    def is_once(self, function: str) -> bool:
        """Whether a function is rather lost than started twice."""
        return self.functions.find(function).at_most_once

    async def call(self, function: str, arguments: Mapping[str, Any], path: str) -> Any:
        """Call it as the step of a path of this run."""
        return await self.functions.call(function, replace(self.run, context=arguments, step=path))

    async def wait(self, until: datetime, *, alone: bool) -> None:
        """Wait here, or put the run down for as long; never past the whole's time limit."""
        left = until - await self.journal.now()
        if left > PUT_DOWN_AFTER and alone:
            await self.journal.put_down(min(until, self.deadline))
        await asyncio.sleep(max(0.0, left.total_seconds()))
