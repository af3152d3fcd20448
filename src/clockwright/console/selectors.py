"""The console's questions to the database: each is one query, and none of them writes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from clockwright.engine.model import RunState
from clockwright.schedules.models import Node, Run, Schedule

OVERDUE_AFTER = timedelta(seconds=60)
"""A due schedule is looked at within seconds; one that waits longer has no engine to look at it."""

_BAD_ENDS = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.MISSED)


def next_due(community: str, limit: int) -> list[Schedule]:
    """The active schedules that fire next."""
    return list(Schedule.objects.in_community(community).active().next_first()[:limit])


def count_active(community: str) -> int:
    """How many schedules have a fire time to come."""
    return Schedule.objects.in_community(community).active().count()


def count_overdue(community: str, now: datetime) -> int:
    """How many schedules should have been looked at a minute ago or more."""
    return Schedule.objects.in_community(community).overdue(now, OVERDUE_AFTER).count()


def latest_runs(community: str, limit: int) -> list[Run]:
    """The newest rows of the ledger with their schedules; the schedule is None when it is gone."""
    runs = Run.objects.in_community(community).select_related("schedule").latest_made()
    return list(runs.defer("traceback", "result", "args", "context_data")[:limit])


def count_bad_ends(community: str, since: datetime) -> int:
    """How many runs ended badly since an instant."""
    runs = Run.objects.in_community(community).filter(status__in=_BAD_ENDS, finished_at__gte=since)
    return runs.count()


def nodes_alive(now: datetime) -> list[Node]:
    """The engine processes whose lease holds, newest first. They serve every community."""
    return list(Node.objects.engines().alive(now).newest_first())


def database_name() -> str:
    """Which kind of database answers."""
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(
        connection.vendor, connection.vendor
    )
