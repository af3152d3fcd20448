"""What is kept of a step, and of an execution as its walk begins. Plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clockwright.workflows.states import ExecutionStatus, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of a step so far. `error` beside `wake_at`: it is tried again then; else it is a delay."""

    path: str
    kind: str
    status: StepStatus
    started_at: datetime
    tries: int = 0
    output: Any = None
    next: str | None = None
    error: str | None = None
    wake_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it is not to be performed again."""
        return self.status is StepStatus.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """An execution as it stands: the version it keeps, what started it, and the steps it has records of."""

    run_id: UUID
    workflow_id: UUID
    community: str
    version: int
    definition: Mapping[str, Any]
    status: ExecutionStatus
    started_at: datetime
    trigger_data: Mapping[str, Any]
    output: Any = None
    error: str | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
