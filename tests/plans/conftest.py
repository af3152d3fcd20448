"""A database full enough that a plan that reads whole tables would show."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from clockwright.access.models import Community
from clockwright.engine.model import Node
from clockwright.recurrence import Interval
from clockwright.schedules.store import SqlStore
from clockwright.testing.contract.base import UNLIMITED, added, outcome
from clockwright.testing.virtual import VirtualClock

SCHEDULES = 2_000
ROUNDS = 6
"""2,000 schedules and 12,000 runs; a tenth of what is due at any time waits, runs or is buffered."""


@pytest.fixture(scope="module")
def full(django_db_setup, django_db_blocker):
    """A store with its clock; the rows stay for all tests of a module, and go with it.

    The tests need the mark `django_db` all the same: without one there would be no test database to fill.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        clock = VirtualClock()
        store = SqlStore(clock=clock)
        Community.objects.get_or_create(slug="default")
        _fill(store, clock)
        _analyse()
        yield store, clock
        transaction.set_rollback(True)


def _fill(store, clock):
    store.register_node(Node(node_id="n1", host="h", pid=1, capacity=100), timedelta(days=1_000))
    for place in range(SCHEDULES):
        # a hundred are due each minute of a twenty-minute round
        anchor = clock.now() + timedelta(minutes=place % 20)
        added(store, Interval(minutes=20, anchor=anchor), UNLIMITED)
    for _ in range(ROUNDS * 20):
        clock.advance(timedelta(minutes=1))
        while store.settle_due(500).is_backlogged:
            pass
        store.record_outcomes([outcome(claim) for claim in store.claim_runs("n1", 90).claims])
    store.claim_runs("n1", 50)


def _analyse():
    """PostgreSQL does it by itself after a while; SQLite's planner has to do without."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
