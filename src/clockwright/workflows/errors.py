"""What can go wrong in a workflow.

WorkflowEngineException
├── UnknownWorkflowException   nothing is registered under the id
├── WorkflowTimeoutException   it ran longer than it may
└── NodeExecutionException     a step failed; `.original` is what it raised
"""

from __future__ import annotations

from uuid import UUID


class WorkflowEngineException(Exception):
    """A workflow could not be executed; `.message` is for people."""

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class UnknownWorkflowException(WorkflowEngineException):
    """Nothing is registered under the id in this process."""

    def __init__(self, workflow_id: UUID) -> None:
        self.workflow_id = workflow_id
        super().__init__(f"no workflow is registered under {workflow_id} in this process")


class WorkflowTimeoutException(WorkflowEngineException):
    """It ran longer than it may."""


class NodeExecutionException(WorkflowEngineException):
    """The step `node` failed; `.original` is what it raised."""

    def __init__(self, node: str, original: BaseException) -> None:
        self.node = node
        self.original = original
        super().__init__(f"{node}: {type(original).__name__}: {original}")
