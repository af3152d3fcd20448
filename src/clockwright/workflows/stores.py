"""Writing workflows, their versions, and runs that no schedule stands behind, each in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from clockwright.engine.ids import RunIds
from clockwright.engine.model import RunState, Trigger
from clockwright.schedules import stores as schedule_stores
from clockwright.schedules.models import Run
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.dialect import Cursor
from clockwright.workflows.models import Workflow, WorkflowExecution, WorkflowVersion
from clockwright.workflows.store import insert_execution

_ids: Final = RunIds()


def insert_workflow(**fields: Any) -> Workflow:
    """A new draft."""
    now = schedule_stores.sql_store().now()
    made: Workflow = Workflow.objects.create(created_at=now, updated_at=now, **fields)
    return made


def change_workflow(row: Workflow, **fields: Any) -> None:
    """Write these columns."""
    for name, value in fields.items():
        setattr(row, name, value)
    row.updated_at = schedule_stores.sql_store().now()
    row.save(update_fields=[*fields, "updated_at"])


def insert_version(row: Workflow, by: str) -> None:
    """What is worked on, as the next version; the row knows its number, and is not saved."""
    row.version += 1
    WorkflowVersion.objects.create(
        workflow=row,
        number=row.version,
        definition=row.draft,
        published_at=schedule_stores.sql_store().now(),
        published_by=by,
    )


def enqueue(
    workflow: Workflow,
    version: WorkflowVersion,
    context: Mapping[str, Any],
    request_id: str | None,
) -> WorkflowExecution:
    """A run of the ledger with the trigger `call`, ready, and its execution, in the caller's transaction; the engines are told when it is committed."""
    database = Database(clock=schedule_stores.current_clock())

    def work(cursor: Cursor) -> WorkflowExecution:
        now = database.now(cursor)
        (run_id,) = _ids.take(now, 1)
        Run.objects.create(
            run_id=run_id,
            workflow_id=workflow.workflow_id,
            community_id=workflow.community_id,
            trigger=Trigger.CALL.value,
            status=RunState.QUEUED.value,
            scheduled_for=now,
            created_at=now,
            ready_at=now,
            context_data=dict(context),
        )
        database.wake(cursor)
        return insert_execution(
            workflow, version, run_id, now, context=context, request_id=request_id
        )

    return database.write(work)
