"""Running workflows: `from clockwright.workflows import WorkflowEngine`.

A workflow is a registered function, or a graph of steps in the database. Nothing of Django's models is imported here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.workflows.engine import ExecutionResult, WorkflowEngine
    from clockwright.workflows.errors import (
        InvalidWorkflowException,
        NodeExecutionException,
        UnknownExecutionException,
        UnknownWorkflowException,
        WorkflowConflictException,
        WorkflowEngineException,
        WorkflowLoopException,
        WorkflowTimeoutException,
    )
    from clockwright.workflows.states import ExecutionStatus

__all__ = [
    "ExecutionResult",
    "ExecutionStatus",
    "InvalidWorkflowException",
    "NodeExecutionException",
    "UnknownExecutionException",
    "UnknownWorkflowException",
    "WorkflowConflictException",
    "WorkflowEngine",
    "WorkflowEngineException",
    "WorkflowLoopException",
    "WorkflowTimeoutException",
]

_HOMES = {"ExecutionResult": "engine", "ExecutionStatus": "states", "WorkflowEngine": "engine"}


def __getattr__(name: str) -> Any:
    """One of the names above, from where it lives."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "errors" if name.endswith("Exception") else _HOMES[name]
    return getattr(import_module(f"{__name__}.{home}"), name)
