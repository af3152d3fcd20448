"""What can go wrong in a workflow.

WorkflowEngineException                500
├── UnknownWorkflowException           404  nothing is registered under the id
├── UnknownExecutionException          404  there is no such execution
├── InvalidWorkflowException           400  also a ValueError; `errors` says what is wrong, part by part
├── WorkflowConflictException          409  not in this state, or somebody else changed it first
├── WorkflowTimeoutException                it ran longer than it may
├── WorkflowLoopException                   it performed more steps, went through more items, or had more output, than it may
└── NodeExecutionException                  a step failed; `.original` is what it raised
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from clockwright.engine.ports import NotRegistered


class Flaw(NamedTuple):
    """What is wrong with one part of a definition: a JSON pointer (RFC 6901) into it, and the words."""

    pointer: str
    message: str


class WorkflowEngineException(Exception):
    """A workflow could not be executed or changed; `.message` is for people, `.status_code` for HTTP."""

    status_code = 500

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class UnknownWorkflowException(WorkflowEngineException, NotRegistered):
    """Nothing is registered under the id in this process, nor is it a workflow of the caller's community."""

    status_code = 404

    def __init__(self, workflow_id: UUID, message: str | None = None) -> None:
        self.workflow_id = workflow_id
        super().__init__(
            message or f"no workflow is registered under {workflow_id} in this process"
        )


class UnknownExecutionException(WorkflowEngineException):
    """There is no such execution, or it belongs to somebody else."""

    status_code = 404

    def __init__(self, execution_id: UUID) -> None:
        self.execution_id = execution_id
        super().__init__(f"Execution not found: {execution_id}")


class InvalidWorkflowException(WorkflowEngineException, ValueError):
    """A definition that cannot be meant; `.errors` holds every flaw that was found."""

    status_code = 400

    def __init__(self, *flaws: Flaw) -> None:
        self.errors: Sequence[Flaw] = flaws
        first = flaws[0]
        more = f" (and {len(flaws) - 1} more)" if len(flaws) > 1 else ""
        super().__init__(
            f"Invalid workflow: {first.pointer or 'definition'}: {first.message}{more}"
        )

    def within(self, place: str) -> InvalidWorkflowException:
        """The same, told of something that holds the definition under a pointer."""
        return InvalidWorkflowException(
            *(Flaw(place + one.pointer, one.message) for one in self.errors)
        )


class WorkflowConflictException(WorkflowEngineException):
    """It is not in a state in which this can be done, or somebody else changed it first, or has its name."""

    status_code = 409


class WorkflowTimeoutException(WorkflowEngineException):
    """It ran longer than it may."""


class WorkflowLoopException(WorkflowEngineException):
    """It performed more steps, went through more items, or had more output, than it may."""


class NodeExecutionException(WorkflowEngineException):
    """The step `node` failed; `.original` is what it raised."""

    def __init__(self, node: str, original: BaseException) -> None:
        self.node = node
        self.original = original
        super().__init__(f"{node}: {type(original).__name__}: {original}")
