"""Runs of tasks in the ledger: inserting them, and reading what became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.tasks import TaskResult, TaskResultStatus
from django.tasks.base import TaskError

from clockwright.contrib.django_tasks.types import AnyResult, AnyTask
from clockwright.engine.ids import RunIds
from clockwright.engine.model import FINAL_STATES, Reason, RunState, Trigger
from clockwright.schedules.models import Run, RunAttempt
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.dialect import Cursor


class TaskDidNotRun(Exception):
    """What stands for an error where there is none: the run was cancelled, or its node died too often."""


_ids: Final = RunIds()
_STATUS: Final = {
    RunState.RUNNING.value: TaskResultStatus.RUNNING,
    RunState.SUCCEEDED.value: TaskResultStatus.SUCCESSFUL,
    **{state.value: TaskResultStatus.FAILED for state in FINAL_STATES - {RunState.SUCCEEDED}},
}
_NO_ERROR: Final = f"{TaskDidNotRun.__module__}.{TaskDidNotRun.__qualname__}"
_OWN: Final = {
    Reason.TIMEOUT.value: "builtins.TimeoutError",
    Reason.INVALID_PAYLOAD.value: "builtins.TypeError",
    Reason.INVALID_RESULT.value: "builtins.TypeError",
    Reason.UNKNOWN_FUNCTION.value: "builtins.LookupError",
}
"""The errors that are the engine's, and have no traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """When a run's turn comes: not before `run_after`, and before those of a lower priority."""

    run_after: datetime | None
    priority: int


class TaskRuns:
    """The runs of tasks on one database alias; each method is one transaction, or part of the caller's."""

    def __init__(self, using: str) -> None:
        self._db = Database(using)

    def insert(
        self,
        workflow_id: UUID,
        *,
        community: str,
        args: Sequence[Any],
        context: Mapping[str, Any],
        when: Turn,
    ) -> Run:
        """A run without a schedule, ready now or at its turn; engines are told when it is committed."""
        row = Run(
            workflow_id=workflow_id,
            community_id=community,
            trigger=Trigger.CALL.value,
            status=RunState.QUEUED.value,
            args=args,
            context_data=context,
            priority=when.priority,
        )
        return self._db.write(partial(self._insert, row, when.run_after))

    def find(self, run_id: UUID) -> Run | None:
        """The run, or None."""
        found: Run | None = Run.objects.using(self._db.using).filter(run_id=run_id).first()
        return found

    def _insert(self, row: Run, run_after: datetime | None, cursor: Cursor) -> Run:
        now = self._db.now(cursor)
        (row.run_id,) = _ids.take(now, 1)
        row.created_at = now
        row.scheduled_for = row.ready_at = max(now, run_after or now)
        row.save(using=self._db.using, force_insert=True)
        self._db.wake(cursor)
        return row


def result_of(row: Run, task: AnyTask, backend: str) -> AnyResult:
    """A row of the ledger as Django's tasks tell it."""
    tries: list[RunAttempt] = (
        list(RunAttempt.objects.using(row._state.db).filter(run=row).order_by("attempt"))  # noqa: SLF001 - Django's way
        if row.attempt
        else []
    )
    tried: list[Run | RunAttempt] = [*tries, row]
    errors = [error for each in tried if (error := _error_of(each)) is not None]
    began = [each.started_at for each in tries if each.started_at is not None]
    result = TaskResult(
        task=task,
        id=str(row.run_id),
        status=_STATUS.get(row.status, TaskResultStatus.READY),
        enqueued_at=row.created_at,
        started_at=began[0] if began else row.started_at,
        last_attempted_at=row.started_at or (began[-1] if began else None),
        finished_at=row.finished_at,
        args=list(row.args or ()),
        kwargs=dict(row.context_data or {}),
        backend=backend,
        errors=errors,
        worker_ids=[each.node for each in tried if each.node],
    )
    object.__setattr__(result, "_return_value", row.result)
    return result


def _error_of(tried: Run | RunAttempt) -> TaskError | None:
    """What went wrong in an attempt, or with a run that came to nothing."""
    if tried.error is not None:
        text = tried.traceback or tried.error
        return TaskError(exception_class_path=_class_path(tried), traceback=text)
    is_over = isinstance(tried, RunAttempt) or (
        tried.status in FINAL_STATES and tried.status != RunState.SUCCEEDED
    )
    if not is_over:
        return None
    return TaskError(exception_class_path=_NO_ERROR, traceback=f"{tried.status}: {tried.reason}")


def _class_path(tried: Run | RunAttempt) -> str:
    """The path of the exception's class, which a traceback names in its last line."""
    own = _OWN.get(tried.reason or "")
    if own is not None:
        return own
    name = (tried.error or "").partition(":")[0].strip()
    line = re.compile(rf"^((?:[\w.<>]+\.)?{re.escape(name)})(?::|$)", re.MULTILINE)
    paths = line.findall(tried.traceback or "")
    path = paths[-1] if paths else name
    return path if "." in path else f"builtins.{path}"
