"""A node that stands still in the middle of a transaction, or whose machine is gone, holds no rows for long."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from clockwright.schedules.models import Schedule
from clockwright.schedules.store import SqlStore, postgresql
from clockwright.schedules.store.database import Database
from clockwright.testing.contract.base import added

pytestmark = [
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no row locks to skip"),
    pytest.mark.django_db(transaction=True),
]  # fmt: skip

HELD = "SELECT 1 FROM workflow_schedules WHERE schedule_id = %s FOR UPDATE"


@pytest.fixture
def store():
    return SqlStore()


def rename(schedule_id):
    """Waits for whoever holds the row."""
    Schedule.objects.filter(schedule_id=schedule_id).update(name="renamed")
    connection.close()


@pytest.mark.limit(30)
def test_a_node_that_stands_still_in_a_transaction_lets_go_of_its_rows(store, monkeypatch):
    """And so others can settle its schedules and take over its runs before it wakes, if it ever does."""
    schedule = added(store)
    monkeypatch.setattr(postgresql, "FROZEN_AFTER", timedelta(milliseconds=50))

    def stands_still(cursor):
        cursor.execute(HELD, [schedule.schedule_id])
        other = threading.Thread(target=rename, args=[schedule.schedule_id], daemon=True)
        other.start()
        other.join()
        cursor.execute(HELD, [schedule.schedule_id])

    with pytest.raises(DatabaseError, match="idle-in-transaction timeout"):
        Database().write(stands_still)
    assert Schedule.objects.get().name == "renamed"


def test_a_transaction_of_the_caller_may_be_quiet_for_as_long_as_it_likes(store):
    with transaction.atomic(), connection.cursor() as cursor:
        added(store)
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)
