"""Rows and values as plain dictionaries: what every entrance answers. Instants are ISO 8601 in UTC. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clockwright.schedules.specs import utc_text
from clockwright.workflows.records import Record
from clockwright.workflows.rehearsal import Rehearsal
from clockwright.workflows.selectors import ExecutionMetrics, ExecutionView

if TYPE_CHECKING:
    from clockwright.workflows.models import Workflow, WorkflowExecution, WorkflowVersion


def workflow_document(row: Workflow) -> dict[str, Any]:
    """A workflow as lists show it; `version` is null while nothing is published."""
    return {
        "workflow_id": str(row.workflow_id),
        "name": row.name,
        "description": row.description,
        "status": row.status,
        "revision": row.revision,
        "version": row.version or None,
        "created_at": utc_text(row.created_at),
        "updated_at": utc_text(row.updated_at),
        "created_by": row.created_by or None,
    }


def workflow_in_full(row: Workflow) -> dict[str, Any]:
    """The same with what is worked on."""
    return {**workflow_document(row), "definition": row.draft}


def version_document(row: WorkflowVersion) -> dict[str, Any]:
    """A published version."""
    return {
        "workflow_id": str(row.workflow_id),
        "version": row.number,
        "published_at": utc_text(row.published_at),
        "published_by": row.published_by or None,
        "definition": row.definition,
    }


def accepted_document(row: WorkflowExecution) -> dict[str, Any]:
    """An execution that was asked for."""
    return {
        "execution_id": str(row.run_id),
        "run_id": str(row.run_id),
        "workflow_id": str(row.workflow_id),
        "version": row.version.number,
        "status": row.status,
        "created_at": utc_text(row.created_at),
    }


def execution_document(view: ExecutionView) -> dict[str, Any]:
    """An execution without its steps."""
    return {
        "execution_id": str(view.execution_id),
        "run_id": str(view.execution_id),
        "workflow_id": str(view.workflow_id),
        "version": view.version,
        "status": view.status.value,
        "created_at": utc_text(view.created_at),
        "started_at": utc_text(view.started_at),
        "finished_at": utc_text(view.finished_at),
        "output": view.output,
        "error": view.error,
    }


def execution_in_full(view: ExecutionView) -> dict[str, Any]:
    """The same with what started it, its steps and its metrics."""
    return {
        **execution_document(view),
        "trigger_data": dict(view.trigger_data),
        "steps": [step_document(step) for step in view.steps],
        "metrics": metrics_document(view.metrics),
    }


def step_document(record: Record) -> dict[str, Any]:
    """What became of a step."""
    return {
        "path": record.path,
        "kind": record.kind,
        "status": record.status.value,
        "tries": record.tries,
        "output": record.output,
        "next": record.next,
        "error": record.error,
        "wake_at": utc_text(record.wake_at),
        "started_at": utc_text(record.started_at),
        "finished_at": utc_text(record.finished_at),
    }


def metrics_document(metrics: ExecutionMetrics) -> dict[str, Any]:
    """Counts, and durations in seconds."""
    return {
        "duration_seconds": _seconds(metrics.duration),
        "steps": metrics.steps,
        "succeeded": metrics.succeeded,
        "failed": metrics.failed,
        "retries": metrics.retries,
        "slowest_step": metrics.slowest,
        "slowest_seconds": _seconds(metrics.slowest_duration),
    }


def rehearsal_document(found: Rehearsal) -> dict[str, Any]:
    """A dry run's trace and summary."""
    return {
        "status": found.status.value,
        "output": found.output,
        "error": found.error,
        "steps": [
            {
                "path": step.path,
                "kind": step.kind,
                "status": step.status.value,
                "output": step.output,
                "next": step.next,
                "error": step.error,
            }
            for step in found.steps
        ],
        "calls": [
            {"path": call.path, "function": call.function, "arguments": dict(call.arguments)}
            for call in found.calls
        ],
        "waits_seconds": found.waited.total_seconds(),
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
