"""What executions write: how they begin, each step's record, how they end. Each method is one transaction.

Those of a run in the ledger are fenced by it: they hold the run's row, which must still be running at their attempt,
so that a node that was declared dead writes nothing any more. They raise LetGo then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef

from clockwright.engine.model import FINAL_STATES, RunState
from clockwright.engine.ports import Clock, LetGo, RunContext
from clockwright.schedules.models import Run
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.dialect import Cursor, clean_text, to_json
from clockwright.workflows.errors import UnknownWorkflowException, WorkflowConflictException
from clockwright.workflows.models import Workflow, WorkflowExecution, WorkflowStep, WorkflowVersion
from clockwright.workflows.records import Execution, Record
from clockwright.workflows.states import OF_RUN, ExecutionStatus, StepStatus, WorkflowStatus

T = TypeVar("T")

_UNFINISHED = [ExecutionStatus.PENDING.value, ExecutionStatus.RUNNING.value]
_ENDED = [state.value for state in FINAL_STATES]
_STEP_COLUMNS = [
    "kind",
    "status",
    "tries",
    "output",
    "next",
    "error",
    "wake_at",
    "started_at",
    "finished_at",
]


class NotRunnable(WorkflowConflictException):
    """The workflow is not published, so that nothing of it starts."""


class ExecutionStore:
    """The executions on the default database. `attempt` None: a call that no run stands behind, and no fence."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._db = Database(clock=clock)

    def now(self) -> datetime:
        """The database's clock."""
        return self._db.read(self._db.now)

    def begin(self, workflow_id: UUID, run: RunContext, attempt: int | None) -> Execution:
        """Begin, or go on: the execution with all its records. Raises UnknownWorkflowException, NotRunnable, LetGo.

        One that begins keeps the version that is published now, unless it was asked for by another. `run.community`
        empty: whatever community the workflow is in, for trusted code.
        """
        return self._fenced(run.run_id, attempt, partial(self._begin, workflow_id, run))

    def keep(self, run_id: UUID, attempt: int | None, record: Record) -> None:
        """Write a step's record over the one it had; raises LetGo."""
        self._fenced(run_id, attempt, lambda _cursor: _write(run_id, record))

    def finish(
        self,
        run_id: UUID,
        attempt: int | None,
        status: ExecutionStatus,
        *,
        output: Any = None,
        error: str | None = None,
    ) -> None:
        """Write how it ended; raises LetGo."""

        def work(cursor: Cursor) -> None:
            WorkflowExecution.objects.filter(run_id=run_id).update(
                status=status.value,
                output=_clean(output),
                error=clean_text(error),
                finished_at=self._db.now(cursor),
            )

        self._fenced(run_id, attempt, work)

    def get(self, run_id: UUID) -> Execution | None:
        """The execution as it stands; None where none began."""
        row = WorkflowExecution.objects.select_related("version").filter(run_id=run_id).first()
        return None if row is None else _execution(row)

    def put_down(self, run_id: UUID, attempt: int, until: datetime) -> bool:
        """Queue a running run again, for `until`: its node has nothing to do for it before. Raises LetGo.

        False where it was asked to stop, so that it is not put down.
        """

        def work(cursor: Cursor) -> bool:
            unasked = Run.objects.filter(run_id=run_id, cancel_requested_at=None)
            count = unasked.update(
                status=RunState.QUEUED.value, node=None, started_at=None, ready_at=until
            )
            self._db.wake(cursor)
            return count > 0

        return self._fenced(run_id, attempt, work)

    def end_with_their_runs(self, limit: int) -> int:
        """Write down the end of up to `limit` executions whose run ended without them: cancelled, or lost with its node."""
        return self._db.write(partial(self._end, limit))

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` executions that ended before an instant, with their steps; returns how many."""
        return self._db.write(partial(self._prune, before, limit))

    def _end(self, limit: int, cursor: Cursor) -> int:
        unfinished = WorkflowExecution.objects.filter(status__in=_UNFINISHED)
        ended = Run.objects.filter(run_id=OuterRef("run_id"), status__in=_ENDED)
        rows = unfinished.filter(Exists(ended)).select_for_update(skip_locked=True)
        found = list(rows.order_by("run_id")[:limit])
        runs = Run.objects.in_bulk([row.run_id for row in found])
        for row in found:
            run = runs[row.run_id]
            row.status = OF_RUN[RunState(run.status)].value
            row.finished_at, row.error = run.finished_at, row.error or run.error or run.reason
        WorkflowExecution.objects.bulk_update(found, ["status", "finished_at", "error"])
        return len(found)

    def _prune(self, before: datetime, limit: int, cursor: Cursor) -> int:
        old = WorkflowExecution.objects.filter(finished_at__lt=before)
        ids = old.select_for_update(skip_locked=True).values_list("run_id", flat=True)
        found = list(ids.order_by("finished_at")[:limit])
        WorkflowExecution.objects.filter(run_id__in=found).delete()
        return len(found)

    def _fenced(self, run_id: UUID, attempt: int | None, work: Callable[[Cursor], T]) -> T:
        def behind_the_fence(cursor: Cursor) -> T:
            if attempt is not None:
                held = Run.objects.select_for_update(no_key=True).filter(
                    run_id=run_id, attempt=attempt, status=RunState.RUNNING.value
                )
                if not held.values_list("run_id", flat=True):
                    raise LetGo(run_id)
            return work(cursor)

        return self._db.write(behind_the_fence)

    def _begin(self, workflow_id: UUID, run: RunContext, cursor: Cursor) -> Execution:
        now = self._db.now(cursor)
        rows = WorkflowExecution.objects.select_related("version").filter(run_id=run.run_id)
        row = rows.first() or self._made(workflow_id, run, now)
        if row.workflow_id != workflow_id:  # a call that names the execution of something else
            raise UnknownWorkflowException(workflow_id)
        if row.status == ExecutionStatus.PENDING:
            _require_published(row.workflow)
            row.status, row.started_at = ExecutionStatus.RUNNING.value, now
            row.trigger_data = _clean(_trigger_data(run))
            row.save(update_fields=["status", "started_at", "trigger_data"])
        return _execution(row)

    def _made(self, workflow_id: UUID, run: RunContext, now: datetime) -> WorkflowExecution:
        rows = Workflow.objects.filter(workflow_id=workflow_id)
        workflow = (rows.filter(community_id=run.community) if run.community else rows).first()
        if workflow is None:
            raise UnknownWorkflowException(workflow_id)
        _require_published(workflow)
        version = WorkflowVersion.objects.get(workflow=workflow, number=workflow.version)
        return insert_execution(workflow, version, run.run_id, now)


def insert_execution(
    workflow: Workflow,
    version: WorkflowVersion,
    run_id: UUID,
    now: datetime,
    *,
    context: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> WorkflowExecution:
    """An execution that is to begin, in the current transaction."""
    made: WorkflowExecution = WorkflowExecution.objects.create(
        run_id=run_id,
        workflow=workflow,
        version=version,
        community_id=workflow.community_id,
        status=ExecutionStatus.PENDING.value,
        trigger_data={"context": _clean(dict(context or {}))},
        request_id=request_id,
        created_at=now,
    )
    return made


def _require_published(workflow: Workflow) -> None:
    if workflow.status != WorkflowStatus.PUBLISHED:
        raise NotRunnable(f"the workflow {workflow.name!r} is {workflow.status}: publish it first")


def _trigger_data(run: RunContext) -> Mapping[str, Any]:
    """The system keys alone: the context stands under its own name, where it hides nothing (C-16)."""
    data = run.trigger_data
    system = ("schedule_id", "execution_id", "triggered_at", "scheduled_for", "attempt", "context")
    return {name: data[name] for name in system}


def _write(run_id: UUID, record: Record) -> None:
    facts = asdict(record) | {"output": _clean(record.output), "error": _clean(record.error)}
    WorkflowStep.objects.bulk_create(
        [WorkflowStep(execution_id=run_id, **facts)],
        update_conflicts=True,
        unique_fields=["execution", "path"],
        update_fields=_STEP_COLUMNS,
    )


def _clean(value: Any) -> Any:
    """As both databases take it."""
    return None if value is None else json.loads(to_json(value))


def _execution(row: WorkflowExecution) -> Execution:
    steps = row.steps.all() if row.started_at else ()
    return Execution(
        run_id=row.run_id,
        workflow_id=row.workflow_id,
        community=row.community_id,
        version=row.version.number,
        definition=row.version.definition,
        status=ExecutionStatus(row.status),
        started_at=row.started_at or row.created_at,
        trigger_data=row.trigger_data,
        output=row.output,
        error=row.error,
        records={step.path: record_of(step) for step in steps},
    )


def record_of(row: WorkflowStep) -> Record:
    """A row as the walk knows it."""
    return Record(
        path=row.path,
        kind=row.kind,
        status=StepStatus(row.status),
        tries=row.tries,
        output=row.output,
        next=row.next,
        error=row.error,
        wake_at=row.wake_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
