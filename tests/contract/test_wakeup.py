"""Engines are woken by what others commit, and not by what they take back."""

import asyncio
import logging
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction

from clockwright.access.models import Community
from clockwright.engine.model import Policy
from clockwright.engine.ports import Amendment, ManualRun
from clockwright.recurrence import Interval
from clockwright.schedules.store import SqlStore
from clockwright.schedules.wakeup import PostgresWakeup, SqliteWakeup, announce, wakeup_for
from clockwright.testing.contract.base import LEASE, added, claimed, registered, settled
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db(transaction=True)

SOON, LONG = 0.5, 20.0
"""Seconds in which nothing is expected to come, and in which something is."""


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(transactional_db, clock):
    Community.objects.get_or_create(slug="default")
    return SqlStore(clock=clock)


@contextmanager
def listening():
    wakeup = wakeup_for("default")
    wakeup.start()
    try:
        # the first word comes when the listener is connected
        assert heard(wakeup)
        drain(wakeup)
        yield wakeup
    finally:
        wakeup.close()


def heard(wakeup, seconds=LONG):
    """Whether a word came before the time was over."""

    async def wait():
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await wakeup.wait(seconds)
        return loop.time() - begin < seconds

    return asyncio.run(wait())


def drain(wakeup):
    """Hear all that was said before."""
    while heard(wakeup, SOON):
        pass


def test_each_database_has_its_kind_of_wakeup():
    kind = PostgresWakeup if connection.vendor == "postgresql" else SqliteWakeup
    assert isinstance(wakeup_for("default"), kind)


@pytest.fixture
def happenings(store, clock):
    schedule = added(store, Interval(minutes=1), Policy(max_instances=10, grace=None))

    def settle():
        clock.advance(timedelta(minutes=1))
        settled(store)

    def hand_back():
        store.hand_back("n1", [claim.run_id for claim in claimed(store)])

    def lose():
        registered(store, "n1")
        claimed(store)
        clock.advance(2 * LEASE)
        store.take_over()

    return {
        "a schedule was added": lambda: added(store),
        "a schedule was changed": lambda: store.amend_schedule(
            schedule.schedule_id, Amendment(fields={"context": {}})
        ),
        "a run was asked for": lambda: store.trigger_run(
            schedule.schedule_id, ManualRun(request_id="r")
        ),
        "runs were queued": settle,
        "runs were handed back": hand_back,
        "runs were taken over": lose,
    }


def test_whatever_makes_work_wakes_the_engines(happenings):
    with listening() as wakeup:
        for name, happen in happenings.items():
            happen()
            assert heard(wakeup), name
            drain(wakeup)


def test_a_transaction_that_is_undone_wakes_nobody(store):
    with listening() as wakeup:
        with transaction.atomic():
            added(store)
            transaction.set_rollback(True)
        assert not heard(wakeup, SOON)


def test_nobody_is_woken_before_the_commit(store):
    with listening() as wakeup:
        with transaction.atomic():
            added(store)
            assert not heard(wakeup, SOON)
        assert heard(wakeup)


def test_another_process_wakes_this_one(store, database_url):
    """Two workers on one database: what one adds, the other hears."""
    program = """
import django
django.setup()
from datetime import UTC, datetime
from uuid import uuid4
from clockwright.engine.model import Schedule
from clockwright.recurrence import Interval
from clockwright.schedules.store import SqlStore
rule = Interval(hours=1)
now = datetime.now(UTC)
SqlStore().add_schedule(
    Schedule(schedule_id=uuid4(), workflow_id=uuid4(), recurrence=rule, settled_until=now)
)
"""
    environment = {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
        "SECRET_KEY": "test",
    }
    with listening() as wakeup:
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
        assert heard(wakeup)


def test_any_thread_may_notify_and_several_wakeups_hear(store):
    with listening() as first, listening() as second:
        drain(first)
        thread = threading.Thread(target=first.notify)
        thread.start()
        assert heard(first)
        assert heard(second)
        thread.join()


def test_a_word_said_while_nobody_waited_is_not_lost(store):
    with listening() as wakeup:
        announce("default")
        announce("another")
        assert heard(wakeup)
        assert not heard(wakeup, SOON)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no server to lose")
def test_a_listener_that_loses_its_connection_connects_again(store, caplog):
    with caplog.at_level(logging.ERROR), listening() as wakeup:
        break_listeners()
        # connected again, it says so, because something may have been missed
        assert heard(wakeup)
        drain(wakeup)
        added(store)
        assert heard(wakeup)
    assert "lost its connection" in caplog.text


def break_listeners():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %%' AND datname = current_database()"
        )


def test_a_closed_wakeup_listens_no_more(store):
    with listening() as wakeup:
        thread = wakeup._thread
    assert not thread.is_alive()
    announce("default")
    assert not heard(wakeup, SOON)
