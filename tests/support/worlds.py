"""The SQL store for a simulated world."""

from __future__ import annotations

from django.db import connection

from clockwright.access.models import Community
from clockwright.engine.ports import Clock
from clockwright.schedules.store import SqlStore

_TABLES = ("schedule_run_attempts", "schedule_runs", "schedule_nodes", "workflow_schedules")


def empty_store(clock: Clock) -> SqlStore:
    """A store on this test's database, without what an earlier world left in it."""
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DELETE FROM {table}")
    Community.objects.get_or_create(slug="default")
    return SqlStore(clock=clock)
