"""Questions about workflows and their executions. Each is a query or a few, never one a row, and none of them writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from clockwright.engine.model import FINAL_STATES, RunState
from clockwright.schedules.models import Run, Schedule
from clockwright.workflows.models import Workflow, WorkflowExecution, WorkflowStep, WorkflowVersion
from clockwright.workflows.records import Record
from clockwright.workflows.states import OF_RUN, ExecutionStatus, StepStatus, WorkflowStatus
from clockwright.workflows.store import record_of

_NEVER_EXECUTED = (RunState.MISSED.value, RunState.SKIPPED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionMetrics:
    """Where the time of an execution went; durations as `timedelta`, None while nothing has ended."""

    duration: timedelta | None
    steps: int
    succeeded: int
    failed: int
    retries: int
    slowest: str | None
    slowest_duration: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """An execution as people look at it. `steps` are the records, in the order in which they were begun.

    `version` is None for the run of a function, which has neither versions nor steps.
    """

    execution_id: UUID
    workflow_id: UUID
    community: str
    version: int | None
    status: ExecutionStatus
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    trigger_data: Mapping[str, Any]
    output: Any
    error: str | None
    steps: Sequence[Record]

    @property
    def metrics(self) -> ExecutionMetrics:
        """Counts and durations of what is there so far."""
        ended = [step for step in self.steps if step.finished_at is not None]
        slowest = max(ended, key=_took, default=None)
        is_over = self.started_at is not None and self.finished_at is not None
        return ExecutionMetrics(
            duration=self.finished_at - self.started_at if is_over else None,  # type: ignore[operator]
            steps=len(self.steps),
            succeeded=sum(step.status is StepStatus.SUCCEEDED for step in self.steps),
            failed=sum(step.status is StepStatus.FAILED for step in self.steps),
            retries=sum(_retries(step) for step in self.steps),
            slowest=slowest.path if slowest else None,
            slowest_duration=_took(slowest) if slowest else None,
        )


def _took(record: Record) -> timedelta:
    return (record.finished_at or record.started_at) - record.started_at


def _retries(record: Record) -> int:
    """Tries that failed and were followed by another."""
    return record.tries - 1 if record.status is StepStatus.FAILED else record.tries


def find_workflow(community: str | None, workflow_id: UUID) -> Workflow | None:
    """A workflow; `community` None looks in all of them, for trusted code."""
    rows = Workflow.objects.filter(workflow_id=workflow_id)
    return (rows if community is None else rows.filter(community_id=community)).first()


def lock_workflow(community: str, workflow_id: UUID) -> Workflow | None:
    """The same, held until the transaction ends."""
    rows = Workflow.objects.filter(workflow_id=workflow_id, community_id=community)
    return rows.select_for_update().first()


def find_by_name(community: str, name: str) -> Workflow | None:
    """The workflow of a name."""
    return Workflow.objects.filter(community_id=community, name=name).first()


def lock_by_name(community: str, name: str) -> Workflow | None:
    """The same, held until the transaction ends."""
    rows = Workflow.objects.filter(community_id=community, name=name)
    return rows.select_for_update().first()


def names_of(ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """The names of those that are workflows of several steps, by id."""
    return dict(
        Workflow.objects.filter(workflow_id__in=set(ids)).values_list("workflow_id", "name")
    )


def find_version(workflow: Workflow, number: int) -> WorkflowVersion | None:
    """A published version."""
    return WorkflowVersion.objects.filter(workflow=workflow, number=number).first()


def versions_page(
    workflow: Workflow, *, before: int | None = None, limit: int = 20
) -> Sequence[WorkflowVersion]:
    """Up to `limit` that were published before one, the latest first."""
    rows = WorkflowVersion.objects.filter(workflow=workflow)
    if before is not None:
        rows = rows.filter(number__lt=before)
    return list(rows.order_by("-number")[:limit])


def workflows_page(
    community: str,
    *,
    status: WorkflowStatus | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Workflow]:
    """Up to `limit` workflows made before a place in the order, newest first; without a status all but archived ones."""
    rows = Workflow.objects.filter(community_id=community)
    if status is None:
        rows = rows.exclude(status=WorkflowStatus.ARCHIVED)
    else:
        rows = rows.filter(status=status)
    if after is not None:
        rows = rows.filter(_before(*after))
    return list(rows.order_by("-created_at", "-workflow_id")[:limit])


def _before(at: datetime, workflow_id: UUID) -> Q:
    return Q(created_at__lt=at) | Q(created_at=at, workflow_id__lt=workflow_id)


def executions_page(
    workflow: Workflow, *, before: UUID | None = None, limit: int = 50
) -> Sequence[ExecutionView]:
    """Up to `limit` executions older than one, newest first, without their steps."""
    rows = WorkflowExecution.objects.select_related("version").filter(workflow=workflow)
    if before is not None:
        rows = rows.filter(run_id__lt=before)
    found = list(rows.order_by("-run_id")[:limit])
    runs = Run.objects.in_bulk([row.run_id for row in found])
    return [_view(row, runs.get(row.run_id), ()) for row in found]


def find_execution(execution_id: UUID, community: str | None = None) -> ExecutionView | None:
    """An execution with its steps, or a function's run, which has none; `community` None looks in all, for trusted code."""
    rows = WorkflowExecution.objects.select_related("version").filter(run_id=execution_id)
    row = (rows if community is None else rows.filter(community_id=community)).first()
    if row is None:
        return _run_view(execution_id, community)
    steps = WorkflowStep.objects.filter(execution=row).order_by("started_at", "id")
    run = Run.objects.filter(run_id=execution_id).first()
    return _view(row, run, [record_of(step) for step in steps])


def execution_of_request(workflow: Workflow, request_id: str) -> WorkflowExecution | None:
    """The execution that a request made before."""
    rows = WorkflowExecution.objects.filter(workflow=workflow, request_id=request_id)
    return rows.first()


def schedules_that_start(workflow_id: UUID, community: str, status: str) -> Sequence[Schedule]:
    """The schedules of a workflow in one state."""
    rows = Schedule.objects.in_community(community).of_workflow(workflow_id)
    return list(rows.filter(status=status).order_by("id"))


def _run_view(run_id: UUID, community: str | None) -> ExecutionView | None:
    """A run that no record of steps stands beside; one that was missed or skipped was never executed."""
    runs = Run.objects.filter(run_id=run_id).exclude(status__in=_NEVER_EXECUTED)
    run = (runs if community is None else runs.filter(community_id=community)).first()
    if run is None:
        return None
    return ExecutionView(
        execution_id=run.run_id,
        workflow_id=run.workflow_id,
        community=run.community_id,
        version=None,
        status=OF_RUN[RunState(run.status)],
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        trigger_data={},
        output=run.result,
        error=run.error or run.reason,
        steps=(),
    )


def _view(row: WorkflowExecution, run: Run | None, steps: Sequence[Record]) -> ExecutionView:
    """The ledger knows better where it stands, and alone how it ended that was cancelled or lost."""
    status = ExecutionStatus(row.status)
    finished_at, error = row.finished_at, row.error
    if run is not None:
        state = RunState(run.status)
        status = OF_RUN[state]
        if state in FINAL_STATES:
            finished_at, error = run.finished_at, error or run.error or run.reason
    return ExecutionView(
        execution_id=row.run_id,
        workflow_id=row.workflow_id,
        community=row.community_id,
        version=row.version.number,
        status=status,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=finished_at,
        trigger_data=row.trigger_data,
        output=row.output,
        error=error,
        steps=steps,
    )
