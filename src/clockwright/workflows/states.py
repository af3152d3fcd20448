"""The words of workflows: where a workflow, an execution and a step stand. Plain values; no Django."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from clockwright.engine.model import RunState


class WorkflowStatus(StrEnum):
    """Where a workflow stands. Only a published one runs."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class ExecutionStatus(StrEnum):
    """Where an execution stands. The last four are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """Where a step stands. One that has no record has not been finished, and leaves none when its node dies."""

    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


FINAL: Final = frozenset(
    {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.FAILED,
        ExecutionStatus.TIMEOUT,
        ExecutionStatus.CANCELLED,
    }
)

OF_RUN: Final[Mapping[RunState, ExecutionStatus]] = {
    RunState.QUEUED: ExecutionStatus.PENDING,
    RunState.BUFFERED: ExecutionStatus.PENDING,
    RunState.RETRYING: ExecutionStatus.PENDING,
    RunState.RUNNING: ExecutionStatus.RUNNING,
    RunState.SUCCEEDED: ExecutionStatus.COMPLETED,
    RunState.FAILED: ExecutionStatus.FAILED,
    RunState.TIMED_OUT: ExecutionStatus.TIMEOUT,
    RunState.CANCELLED: ExecutionStatus.CANCELLED,
    RunState.LOST: ExecutionStatus.FAILED,
    RunState.MISSED: ExecutionStatus.CANCELLED,
    RunState.SKIPPED: ExecutionStatus.CANCELLED,
}
"""What the ledger's state of a run means for its execution."""
