"""A workflow engine of the host's own, as the engine's resolver: each run calls its `execute_workflow` (S4-38…40)."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from clockwright.engine.ports import Handler, RunContext, WorkflowResolver

_BAD_ENDS = frozenset({"failed", "cancelled", "timeout", "timed_out", "error"})


class ExecutesWorkflows(Protocol):
    """What a host's workflow engine has: `execute_workflow(workflow_id, trigger_data)`, and perhaps `context`."""

    async def execute_workflow(self, workflow_id: UUID, trigger_data: Mapping[str, Any]) -> Any:
        """Execute it; the result, or its `output`, is the run's result where it is JSON."""


class WorkflowFailed(Exception):
    """The host's engine said so in what it returned."""


def resolver_of(engine: ExecutesWorkflows) -> WorkflowResolver:
    """The engine itself where it can resolve, else a resolver that lets it execute every id."""
    if callable(getattr(engine, "resolve", None)):
        itself: Any = engine
        resolver: WorkflowResolver = itself
        return resolver
    return HostedWorkflows(engine)


class HostedWorkflows:
    """Every id is the host's: what it does not know fails in its run."""

    def __init__(self, engine: ExecutesWorkflows) -> None:
        self._engine = engine
        self._takes_context = "context" in inspect.signature(engine.execute_workflow).parameters

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """A handler that asks the host's engine."""
        call = functools.partial(self._execute, workflow_id)
        return Handler(name=str(workflow_id), call=call, is_coroutine=True)

    async def _execute(self, workflow_id: UUID, run: RunContext, _args: Sequence[Any]) -> Any:
        more: dict[str, Any] = {"context": run} if self._takes_context else {}
        result = await self._engine.execute_workflow(
            workflow_id=workflow_id, trigger_data=dict(run.trigger_data), **more
        )
        status = str(getattr(result, "status", "")).rpartition(".")[2].lower()
        if status in _BAD_ENDS:
            why = getattr(result, "error", None) or getattr(result, "error_message", None)
            raise WorkflowFailed(f"the workflow engine says {status}: {why}")
        return _as_json(getattr(result, "output", result))


def _as_json(result: Any) -> Any:
    """The result where it is JSON: an engine's own object is not the ledger's to keep."""
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return result
