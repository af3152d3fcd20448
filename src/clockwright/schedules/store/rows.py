"""Rows of the tables as values of the engine, and the columns they are read from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from clockwright.engine.model import Node, Reason, Run, RunState, Schedule, ScheduleStatus, Trigger
from clockwright.schedules.store.dialect import Dialect, Kind
from clockwright.schedules.store.projection import policy_from_text, rule_from_text

SCHEDULE_COLUMNS: Final = {
    "schedule_id": Kind.UUID,
    "workflow_id": Kind.UUID,
    "recurrence": Kind.JSON,
    "settled_until": Kind.INSTANT,
    "policy": Kind.JSON,
    "max_executions": Kind.INTEGER,
    "status": Kind.TEXT,
    "status_reason": Kind.TEXT,
    "next_execution_at": Kind.INSTANT,
    "start_at": Kind.INSTANT,
    "end_at": Kind.INSTANT,
    "execution_count": Kind.INTEGER,
    "last_execution_at": Kind.INSTANT,
    "last_execution_id": Kind.UUID,
    "args": Kind.JSON,
    "context_data": Kind.JSON,
    "key": Kind.TEXT,
    "community_id": Kind.TEXT,
    "version": Kind.INTEGER,
}

RUN_COLUMNS: Final = {
    "run_id": Kind.UUID,
    "schedule_id": Kind.UUID,
    "workflow_id": Kind.UUID,
    "scheduled_for": Kind.INSTANT,
    "status": Kind.TEXT,
    "reason": Kind.TEXT,
    "trigger": Kind.TEXT,
    "covers_until": Kind.INSTANT,
    "covers_count": Kind.INTEGER,
    "attempt": Kind.INTEGER,
    "retries": Kind.INTEGER,
    "takeovers": Kind.INTEGER,
    "node": Kind.TEXT,
    "created_at": Kind.INSTANT,
    "ready_at": Kind.INSTANT,
    "started_at": Kind.INSTANT,
    "finished_at": Kind.INSTANT,
    "cancel_requested_at": Kind.INSTANT,
    "at_most_once": Kind.BOOLEAN,
    "result": Kind.JSON,
    "error": Kind.TEXT,
    "traceback": Kind.TEXT,
    "request_id": Kind.TEXT,
    "args": Kind.JSON,
    "context_data": Kind.JSON,
    "community_id": Kind.TEXT,
    "priority": Kind.INTEGER,
}

NODE_COLUMNS: Final = {
    "node_id": Kind.TEXT,
    "host": Kind.TEXT,
    "pid": Kind.INTEGER,
    "capacity": Kind.INTEGER,
    "started_at": Kind.INSTANT,
    "heartbeat_at": Kind.INSTANT,
    "lease_until": Kind.INSTANT,
    "is_alive": Kind.BOOLEAN,
}

_STATUSES = {status.value: status for status in ScheduleStatus}
STATES = {state.value: state for state in RunState}
TRIGGERS = {trigger.value: trigger for trigger in Trigger}
_REASONS = {reason.value: reason for reason in Reason} | {None: None}


def read_args(text: str | None) -> Sequence[Any]:
    """Stored positional arguments."""
    return () if text is None or text == "[]" else tuple(json.loads(text))


def read_context(text: str | None) -> Mapping[str, Any]:
    """A stored context."""
    if text is None or text == "{}":
        return {}
    context: Mapping[str, Any] = _read_json(text)[0]
    return context


_read_json = json.JSONDecoder().raw_decode


def read_schedule(dialect: Dialect, row: Sequence[Any]) -> Schedule:
    """A row of `SCHEDULE_COLUMNS`; raises RecurrenceError for a rule that this program cannot read."""
    instant = dialect.read_instant_or_none
    settled_until: datetime = dialect.read_instant(row[3])
    return Schedule(
        schedule_id=dialect.read_uuid(row[0]),
        workflow_id=dialect.read_uuid(row[1]),
        recurrence=rule_from_text(row[2]),
        settled_until=settled_until,
        policy=policy_from_text(row[4], row[5]),
        status=_STATUSES[row[6]],
        status_reason=row[7],
        next_execution_at=instant(row[8]),
        start_at=instant(row[9]),
        end_at=instant(row[10]),
        execution_count=row[11],
        last_execution_at=instant(row[12]),
        last_execution_id=None if row[13] is None else dialect.read_uuid(row[13]),
        args=read_args(row[14]),
        context=read_context(row[15]),
        key=row[16],
        community=row[17],
        version=row[18],
    )


def read_run(dialect: Dialect, row: Sequence[Any]) -> Run:
    """A row of `RUN_COLUMNS`."""
    at = dialect.read_instant_or_none
    return Run(
        run_id=dialect.read_uuid(row[0]),
        schedule_id=None if row[1] is None else dialect.read_uuid(row[1]),
        workflow_id=dialect.read_uuid(row[2]),
        scheduled_for=dialect.read_instant(row[3]),
        state=STATES[row[4]],
        reason=_REASONS[row[5]],
        trigger=TRIGGERS[row[6]],
        covers_until=at(row[7]),
        covers_count=row[8],
        attempt=row[9],
        retries=row[10],
        takeovers=row[11],
        node_id=row[12],
        created_at=at(row[13]),
        ready_at=at(row[14]),
        started_at=at(row[15]),
        finished_at=at(row[16]),
        cancel_requested=row[17] is not None,
        at_most_once=bool(row[18]),
        result=None if row[19] is None else json.loads(row[19]),
        error=row[20],
        traceback=row[21],
        request_id=row[22],
        args=read_args(row[23]),
        context=read_context(row[24]),
        community=row[25],
        priority=row[26],
    )


def read_node(dialect: Dialect, row: Sequence[Any]) -> Node:
    """A row of `NODE_COLUMNS`."""
    return Node(
        node_id=row[0],
        host=row[1],
        pid=row[2],
        capacity=row[3],
        started_at=dialect.read_instant(row[4]),
        heartbeat_at=dialect.read_instant(row[5]),
        lease_until=dialect.read_instant(row[6]),
        is_alive=bool(row[7]),
    )
