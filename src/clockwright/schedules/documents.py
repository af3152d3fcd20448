"""Rows as plain dictionaries: what the service returns. Instants are ISO 8601 in UTC with `+00:00`. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from clockwright.engine.backfill import Action
from clockwright.engine.model import Policy
from clockwright.engine.registry import default_registry
from clockwright.recurrence import RecurrenceError, from_json
from clockwright.schedules.specs import utc_text
from clockwright.schedules.store.projection import policy_to_json

if TYPE_CHECKING:
    from clockwright.schedules.backfill_models import Backfill
    from clockwright.schedules.models import Run, Schedule
    from clockwright.schedules.store.backfills import Foreseen

FORESEEN: Final = 1_000
"""Of so many fire times a preview says what would become of each; the counts are of all."""

_WAITING: Final = ("queued", "buffered", "retrying")
_FAILED: Final = ("failed", "timed_out", "lost")

_POLICY = policy_to_json(Policy())
"""For what a policy does not say that was stored before there was such a key."""


def schedule_document(row: Schedule) -> dict[str, Any]:
    """A schedule: the documented keys (B3.1) first, then the rest of what is known of it."""
    function = default_registry.by_workflow(row.workflow_id)
    return {
        "schedule_id": str(row.schedule_id),
        "workflow_id": str(row.workflow_id),
        "schedule_type": row.schedule_type,
        "next_execution_at": utc_text(row.next_execution_at),
        "is_active": row.is_active,
        "execution_count": row.execution_count,
        "max_executions": row.max_executions,
        "workflow": function.key if function else None,
        "key": row.key,
        "name": row.name or None,
        "status": row.status,
        "status_reason": row.status_reason,
        "timezone": row.timezone,
        "cron_expression": row.cron_expression,
        "interval_seconds": row.interval_seconds,
        "scheduled_time": utc_text(row.scheduled_time),
        "recurrence": row.recurrence,
        "description": describe_rule(row.recurrence),
        "start_at": utc_text(row.start_at),
        "end_at": utc_text(row.end_at),
        **_POLICY | row.policy,
        "context_data": row.context_data,
        "args": row.args,
        "last_execution_at": utc_text(row.last_execution_at),
        "last_execution_id": str(row.last_execution_id) if row.last_execution_id else None,
        "created_by": row.created_by or None,
        "created_at": utc_text(row.created_at),
        "updated_at": utc_text(row.updated_at),
        "version": row.version,
    }


def run_document(run: Run) -> dict[str, Any]:
    """One row of the ledger. `execution_id` is the documented name of `run_id`."""
    return {
        "run_id": str(run.run_id),
        "execution_id": str(run.run_id),
        "schedule_id": str(run.schedule_id) if run.schedule_id else None,
        "workflow_id": str(run.workflow_id),
        "scheduled_for": utc_text(run.scheduled_for),
        "covers_until": utc_text(run.covers_until),
        "covers_count": run.covers_count,
        "priority": run.priority,
        "trigger": run.trigger,
        "status": run.status,
        "reason": run.reason,
        "attempt": run.attempt,
        "takeovers": run.takeovers,
        "node": run.node,
        "created_at": utc_text(run.created_at),
        "started_at": utc_text(run.started_at),
        "finished_at": utc_text(run.finished_at),
        "result": run.result,
        "error": run.error,
        "request_id": run.request_id,
        "backfill_id": str(run.backfill_id) if run.backfill_id else None,
        "supersedes": str(run.supersedes) if run.supersedes else None,
    }


def backfill_document(row: Backfill, counts: Mapping[str, int]) -> dict[str, Any]:
    """A backfill and how far it is; `counts` is how many of its runs are in which state."""
    decided = row.created + row.existing
    return {
        "backfill_id": str(row.backfill_id),
        "schedule_id": str(row.schedule_id),
        "status": row.status,
        "reason": row.reason,
        "error": row.error,
        "from": utc_text(row.range_from),
        "to": utc_text(row.range_to),
        "overlap": row.overlap,
        "max_instances": row.max_instances,
        "priority": row.priority,
        "total": row.total,
        "created": row.created,
        "existing": row.existing,
        "undecided": max(0, row.total - decided),
        "waiting": sum(counts.get(state, 0) for state in _WAITING),
        "running": counts.get("running", 0),
        "succeeded": counts.get("succeeded", 0),
        "failed": sum(counts.get(state, 0) for state in _FAILED),
        "cancelled": counts.get("cancelled", 0),
        "skipped": counts.get("skipped", 0),
        "asked_by": row.asked_by or None,
        "request_id": row.request_id,
        "node": row.node,
        "created_at": utc_text(row.created_at),
        "finished_at": utc_text(row.finished_at),
    }


def foreseen_document(foreseen: Foreseen) -> dict[str, Any]:
    """What a backfill would do, without a word of it saved."""
    actions = Counter(one.action for one in foreseen.judged)
    return {
        "dry_run": True,
        "from": utc_text(foreseen.within.start),
        "to": utc_text(foreseen.within.end),
        "total": len(foreseen.judged),
        "created": actions[Action.CREATE] + actions[Action.SUPERSEDE],
        "superseding": actions[Action.SUPERSEDE],
        "existing": actions[Action.KEEP],
        "pruned_until": utc_text(foreseen.pruned_until),
        "fire_times": [
            {
                "scheduled_for": utc_text(one.scheduled_for),
                "action": one.action.value,
                "run_id": str(one.row.run_id) if one.row and one.row.run_id else None,
                "status": one.row.state.value if one.row else None,
                "reason": one.row.reason.value if one.row and one.row.reason else None,
            }
            for one in foreseen.judged[:FORESEEN]
        ],
    }


def describe_rule(data: dict[str, Any]) -> str:
    """A stored rule as a sentence; says so where this program cannot read it."""
    try:
        return from_json(data).describe()
    except RecurrenceError as error:
        return f"A rule that this version cannot read: {error.reason}"
