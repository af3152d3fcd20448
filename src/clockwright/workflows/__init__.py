"""Running workflows: `from clockwright.workflows import WorkflowEngine`.

Until graphs come, a workflow is a registered function. Nothing of Django's models is imported here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.workflows.engine import ExecutionResult, ExecutionStatus, WorkflowEngine
    from clockwright.workflows.errors import (
        NodeExecutionException,
        UnknownWorkflowException,
        WorkflowEngineException,
        WorkflowTimeoutException,
    )

__all__ = [
    "ExecutionResult",
    "ExecutionStatus",
    "NodeExecutionException",
    "UnknownWorkflowException",
    "WorkflowEngine",
    "WorkflowEngineException",
    "WorkflowTimeoutException",
]


def __getattr__(name: str) -> Any:
    """One of the names above, from where it lives."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "errors" if name.endswith("Exception") else "engine"
    return getattr(import_module(f"{__name__}.{home}"), name)
