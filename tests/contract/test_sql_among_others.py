"""The SQL store beside what others do to it: hooks of a host's transactions, rows that other tools wrote."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, connections, transaction

from clockwright.access.models import Community
from clockwright.engine.model import CatchUp, Overlap, Policy
from clockwright.engine.ports import Share
from clockwright.recurrence import Once
from clockwright.schedules import models
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store import schedules as store_schedules
from clockwright.schedules.store.database import Database
from clockwright.testing.contract.base import MINUTE, SECOND, added, registered, settled
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db(transaction=True)

ONLY_POSTGRESQL = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no row locks to skip"
)
ONLY_SQLITE = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL takes nothing but text in a column of text"
)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(transactional_db, clock):
    Community.objects.get_or_create(slug="default")
    return SqlStore(clock=clock)


def in_a_thread(call):
    """Run it with a connection of its own; what it raised is raised here."""

    def run():
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=30)


def written_with(hook):
    """A write of the store in whose transaction somebody hangs a hook."""
    return Database().write(lambda _: transaction.on_commit(hook))


# what a host does after the commit


@pytest.mark.limit(30)
def test_a_hook_after_the_commit_may_write_through_the_store(store):
    written_with(lambda: added(store, key="from-the-hook"))
    assert models.Schedule.objects.filter(key="from-the-hook").exists()


@pytest.mark.limit(30)
def test_a_hook_after_the_commit_may_wait_for_another_thread_that_writes(store):
    written_with(lambda: in_a_thread(lambda: added(store, key="from-a-thread")))
    assert models.Schedule.objects.filter(key="from-a-thread").exists()


@pytest.mark.limit(30)
def test_a_write_that_failed_leaves_the_next_ones_their_turn(store):
    def work(_cursor):
        transaction.on_commit(lambda: pytest.fail("nothing was committed"))
        raise LookupError("on the way")

    with pytest.raises(LookupError, match="on the way"):
        Database().write(work)
    assert in_a_thread(lambda: added(store, key="next")).key == "next"


def test_work_that_is_committed_is_not_done_again_because_a_hook_was_locked_out(store):
    tries = []

    def work(_cursor):
        tries.append(1)
        transaction.on_commit(locked_out)

    def locked_out():
        cause = Exception("database is locked")
        cause.sqlite_errorcode, cause.sqlstate = 5, "40001"
        raise OperationalError("database is locked") from cause

    with pytest.raises(OperationalError, match="database is locked"):
        Database().write(work)
    assert len(tries) == 1


# schedules that cannot be settled here


def test_any_number_of_unreadable_schedules_stops_no_other(store, clock):
    """C-69: SQLite's expressions may be no more than 1,000 deep."""
    good = models.Schedule.objects.get(schedule_id=added(store).schedule_id)
    columns = {name: value for name, value in vars(good).items() if name not in ("_state", "id")}
    columns |= {"recurrence": {"type": "lunar"}}
    unreadable = [models.Schedule(**columns | {"schedule_id": uuid4()}) for _ in range(1_100)]
    models.Schedule.objects.bulk_create(unreadable)
    clock.advance(MINUTE)
    found = [len(store.settle_due(600).settlements) for _ in range(2)]
    assert sum(found) == 1
    clock.advance(MINUTE)
    assert len(settled(store)) == 1
    mended = unreadable[0].schedule_id
    rows = models.Schedule.objects.filter(schedule_id=mended)
    rows.update(recurrence=good.recurrence, version=2)
    assert [s.schedule.schedule_id for s in settled(store)] == [mended]


@ONLY_SQLITE
@pytest.mark.parametrize("column", ["status_reason", "context_data", "policy"])
def test_a_blob_in_a_column_of_text_leaves_only_its_own_schedule_alone(
    store, clock, caplog, column
):
    """C-69: SQLite takes it from any tool that writes into its file, and its JSON functions refuse it."""
    bad, good = added(store), added(store)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE workflow_schedules SET {column} = %s WHERE schedule_id = %s",
            [b"{}", bad.schedule_id.hex],
        )
    for _ in range(2):
        clock.advance(MINUTE)
        answer = store.settle_due(10)
        assert [s.schedule.schedule_id for s in answer.settlements] == [good.schedule_id]
        assert answer.next_due_at > clock.now()
    (told,) = [r for r in caplog.records if str(bad.schedule_id) in r.getMessage()]
    assert f"{column} holds the BLOB" in str(told.exc_info[1])


@ONLY_POSTGRESQL
def test_a_schedule_that_is_held_does_not_make_the_next_one_late(store, clock):
    held = added(store, recurrence=Once(at=clock.now() + MINUTE))
    soon = added(store, recurrence=Once(at=clock.now() + MINUTE + SECOND))
    clock.advance(MINUTE + 0.6 * SECOND)
    with transaction.atomic():
        models.Schedule.objects.select_for_update().get(schedule_id=held.schedule_id)
        answer = in_a_thread(lambda: store.settle_due(10))
    assert (len(answer.settlements), answer.is_backlogged) == (0, False)
    assert answer.next_due_at == soon.next_execution_at
    assert answer.next_due_at < clock.now() + store_schedules.RECHECK


# runs of one settlement


def test_runs_settled_together_share_nothing_that_a_handler_could_change(store, clock):
    registered(store)
    policy = Policy(catch_up=CatchUp.ALL, overlap=Overlap.ALLOW, max_instances=10)
    added(store, policy=policy, args=([1], {"deep": [1]}), context={"items": [1]})
    clock.advance(3 * MINUTE)
    claims = store.settle_due(10, Share(node_id="n1", room=10)).claims
    assert len(claims) == 3
    for claim in claims:
        claim.args[0].append("mine")
        claim.args[1]["deep"].append("mine")
        claim.context["items"].append("mine")
    for claim in claims:
        assert claim.args == ([1, "mine"], {"deep": [1, "mine"]})
        assert claim.context == {"items": [1, "mine"]}
