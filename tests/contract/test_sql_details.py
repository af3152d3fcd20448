"""What only a store in a database can get wrong: transactions, connections, locks, odd values."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from clockwright.access.models import Community
from clockwright.engine.model import (
    CatchUp,
    Overlap,
    Policy,
    Reason,
    RunState,
    Schedule,
    ScheduleStatus,
)
from clockwright.engine.ports import Amendment, DuplicateKey, ManualRun
from clockwright.recurrence import CalendarInterval, Cron, CronFields, Interval, Once, from_json
from clockwright.schedules import models
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store import schedules as store_schedules
from clockwright.schedules.store.database import Database
from clockwright.testing.contract.base import (
    LEASE,
    MINUTE,
    SECOND,
    UNLIMITED,
    added,
    claimed,
    fired,
    outcome,
    registered,
    retrying,
    running,
    settled,
    tally,
)
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db(transaction=True)


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


# transactions


def test_a_change_lives_and_dies_with_the_callers_transaction(store, clock):
    kept = added(store, context={"v": 1})
    with transaction.atomic():
        gone = added(store)
        store.amend_schedule(kept.schedule_id, Amendment(fields={"context": {"v": 2}}))
        run = store.trigger_run(kept.schedule_id, ManualRun(request_id="r"))
        assert store.get_run(run.run_id).request_id == "r"
        transaction.set_rollback(True)
    assert store.get_schedule(kept.schedule_id).context == {"v": 1}
    assert not models.Run.objects.exists()
    assert not models.Schedule.objects.filter(schedule_id=gone.schedule_id).exists()


def test_a_refusal_does_not_spoil_the_callers_transaction(store):
    added(store, key="taken")
    with transaction.atomic():
        with pytest.raises(DuplicateKey):
            added(store, key="taken")
        after = added(store, key="free")
    assert store.get_schedule(after.schedule_id).key == "free"


def test_nobody_sees_a_change_before_it_is_committed(store, clock):
    with transaction.atomic():
        schedule = added(store)
        seen = in_a_thread(models.Schedule.objects.count)
    assert seen == 0
    assert in_a_thread(lambda: store.get_schedule(schedule.schedule_id)).key is None


def test_an_idle_look_does_not_wait_for_a_writer(store):
    """A second engine on SQLite must be able to look while somebody writes for long."""
    added(store)
    with transaction.atomic():
        added(store)
        calls = (
            lambda: store.settle_due(10),
            lambda: store.claim_runs("n1", 10),
            store.take_over,
            store.promote_buffered,
            lambda: store.cancelled_runs("n1"),
        )
        for call in calls:
            in_a_thread(call)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no row locks to skip")
def test_a_schedule_that_another_node_settles_is_skipped_and_looked_at_again_soon(store, clock):
    held = added(store)
    clock.advance(MINUTE)
    with transaction.atomic():
        models.Schedule.objects.select_for_update().get(schedule_id=held.schedule_id)
        answer = in_a_thread(lambda: store.settle_due(10))
    assert (len(answer.settlements), answer.is_backlogged) == (0, False)
    assert answer.next_due_at == clock.now() + store_schedules.RECHECK
    assert len(settled(store)) == 1


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no row locks to skip")
def test_a_run_whose_row_is_held_is_looked_at_again_soon(store, clock):
    registered(store)
    (run,) = fired(store, clock, added(store))
    with transaction.atomic():
        models.Run.objects.select_for_update().get(run_id=run.run_id)
        answer = in_a_thread(lambda: store.claim_runs("n1", 10))
    assert answer.claims == []
    assert answer.next_ready_at == clock.now() + store_schedules.RECHECK
    assert len(claimed(store)) == 1


def test_a_run_of_another_priority_that_becomes_ready_during_a_claim_is_looked_at_at_once(
    store, clock
):
    first, late = added(store), added(store, policy=replace(UNLIMITED, priority=5))
    for schedule in (first, late):
        store.trigger_run(schedule.schedule_id, ManualRun(request_id="once"))
    models.Run.objects.filter(priority=5).update(ready_at=clock.now() + SECOND)
    instants = [clock.now(), clock.now() + SECOND]  # of the look, and of the claim
    answer = SqlStore(clock=SimpleNamespace(now=lambda: instants.pop(0))).claim_runs("n1", 10)
    assert [claim.schedule_id for claim in answer.claims] == [first.schedule_id]
    assert answer.next_ready_at == answer.now


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no row locks to skip")
def test_promoting_does_not_wait_for_a_schedule_that_somebody_holds(store, clock):
    registered(store)
    policy = Policy(overlap=Overlap.BUFFER_ALL, max_instances=1, grace=None)
    held, free = added(store, policy=policy), added(store, policy=policy)
    for schedule in (held, free):
        clock.set(max(clock.now(), schedule.settled_until))
    fired(store, clock, free, count=2)
    store.record_outcomes([outcome(claim) for claim in claimed(store)])
    with transaction.atomic():
        models.Schedule.objects.select_for_update().get(schedule_id=held.schedule_id)
        assert in_a_thread(store.promote_buffered) == 1
    assert store.promote_buffered() == 1


def test_a_run_that_would_retry_ends_with_its_removed_schedule(store, clock):
    registered(store)
    claim = running(store, clock)
    assert claim.schedule_id is not None
    store.amend_schedule(claim.schedule_id, Amendment(fields={"status": ScheduleStatus.REMOVED}))
    recorded = store.record_outcomes([retrying(claim)])
    run = store.get_run(claim.run_id)
    assert (run.state, run.reason) == (RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
    assert recorded.otherwise == {claim.run_id: (run.state, run.reason)}
    assert not claimed(store)


def test_a_policy_that_cannot_be_read_keeps_no_other_run_from_being_claimed(store, clock, caplog):
    registered(store)
    odd, sound = added(store), added(store)
    fired(store, clock, sound)
    models.Schedule.objects.filter(schedule_id=odd.schedule_id).update(policy={"overlap": "newer"})
    claims = {claim.schedule_id: claim.policy for claim in claimed(store)}
    assert set(claims) == {odd.schedule_id, sound.schedule_id}
    assert claims[odd.schedule_id] == Policy()
    assert "cannot be read" in caplog.text


def test_a_transaction_that_lost_to_others_is_tried_again(store, transient_error):
    tries = []

    def work(cursor):
        tries.append(1)
        if len(tries) < 3:
            raise transient_error
        return "done"

    assert Database().write(work) == "done"
    assert len(tries) == 3


def test_it_is_not_tried_again_inside_the_callers_transaction(store, transient_error):
    tries = []

    def work(cursor):
        tries.append(1)
        raise transient_error

    with pytest.raises(DatabaseError), transaction.atomic():
        Database().write(work)
    assert len(tries) == 1


def test_trying_again_comes_to_an_end(store, transient_error):
    def work(cursor):
        raise transient_error

    with pytest.raises(DatabaseError):
        Database().write(work)


@pytest.fixture
def transient_error():
    """What Django raises for a deadlock, or for a database that is locked."""
    from django.db.utils import OperationalError

    error = OperationalError("try again")
    if connection.vendor == "postgresql":
        import psycopg

        error.__cause__ = psycopg.errors.DeadlockDetected()
    else:
        import sqlite3

        error.__cause__ = sqlite3.OperationalError("database is locked")
        error.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_a_broken_connection_fails_one_call_and_the_next_one_reconnects(store):
    schedule = added(store)

    def look_again():
        store.get_schedule(schedule.schedule_id)
        break_connection()
        with pytest.raises(DatabaseError):
            store.get_schedule(schedule.schedule_id)
        return store.get_schedule(schedule.schedule_id)

    assert in_a_thread(look_again) == store.get_schedule(schedule.schedule_id)


def break_connection():
    """What a restart of the server does to this thread's connection; a file has no server and is closed."""
    if connection.vendor == "sqlite":
        connection.connection.close()
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]

    def kill():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])

    in_a_thread(kill)


def test_a_connection_lent_by_a_pool_goes_back_after_the_call(store):
    """The idle threads of an engine must not keep a web server's requests waiting for connections."""
    schedule = added(store)

    def held_after_calls():
        store.get_schedule(schedule.schedule_id)
        store.settle_due(10)
        return connection.connection is not None

    assert in_a_thread(held_after_calls) is ("pool" not in connection.settings_dict["OPTIONS"])


def test_the_callers_connection_stays_open(store):
    connection.ensure_connection()
    mine = connection.connection
    added(store)
    assert connection.connection is mine


def test_the_databases_clock_decides_unless_another_is_given(store):
    live = SqlStore()
    before = datetime.now(UTC) - timedelta(minutes=5)
    assert before < live.now() < before + timedelta(minutes=10)
    schedule = added(live, Interval(seconds=1))
    assert live.now() >= schedule.settled_until > before


# set-based


@pytest.mark.parametrize("overlap", list(Overlap))
def test_the_number_of_statements_does_not_grow_with_the_work(store, clock, overlap):
    policy = replace(UNLIMITED, overlap=overlap, max_instances=1)

    def statements(count):
        for _ in range(count):
            added(store, policy=policy)
        clock.advance(2 * MINUTE)
        with CaptureQueriesContext(connection) as queries:
            settled(store, 1_000)
            claims = claimed(store, limit=1_000)
            store.record_outcomes([retrying(claim, after=SECOND) for claim in claims])
            store.promote_buffered()
        return len(queries)

    statements(2)
    assert statements(3) == statements(40)


def test_a_settling_transaction_is_bounded_by_rows_and_the_rest_is_backlog(
    store, clock, monkeypatch
):
    monkeypatch.setattr(store_schedules, "ROWS_PER_TRANSACTION", 25)
    policy = replace(UNLIMITED, catch_up=CatchUp.ALL)
    schedules = [added(store, policy=policy) for _ in range(5)]
    clock.advance(10 * MINUTE)
    answers = [store.settle_due(100), store.settle_due(100)]
    assert [(len(a.settlements), a.is_backlogged) for a in answers] == [(3, True), (2, False)]
    assert all(tally(store, s) == {(RunState.QUEUED, None): 10} for s in schedules)


# one bad schedule


def test_a_rule_that_cannot_be_read_stops_no_other_schedule(store, clock, caplog):
    """C-69: one that fails must not stop the rest; it is left as it is for a program that can read it."""
    bad, good = added(store), added(store)
    unreadable = {"type": "lunar", "phase": "full"}
    models.Schedule.objects.filter(schedule_id=bad.schedule_id).update(recurrence=unreadable)
    clock.advance(MINUTE)
    with caplog.at_level(logging.ERROR):
        answer = store.settle_due(10)
        assert [s.schedule.schedule_id for s in answer.settlements] == [good.schedule_id]
        assert answer.is_backlogged is False
        assert answer.next_due_at > clock.now()
        assert not store.settle_due(10).settlements
    assert len([r for r in caplog.records if str(bad.schedule_id) in r.getMessage()]) == 1
    row = models.Schedule.objects.get(schedule_id=bad.schedule_id)
    assert (row.status, row.settled_until) == ("active", bad.settled_until)


def test_a_schedule_left_alone_is_settled_once_it_is_mended(store, clock):
    bad = added(store)
    rows = models.Schedule.objects.filter(schedule_id=bad.schedule_id)
    (good_rule,) = rows.values_list("recurrence", flat=True)
    rows.update(recurrence={"type": "lunar"})
    clock.advance(MINUTE)
    assert not settled(store)
    rows.update(recurrence=good_rule, version=2)
    assert len(settled(store)) == 1


# odd values


@pytest.mark.parametrize(
    "result",
    [float("nan"), float("inf"), {1, 2}, object(), {("a", "b"): 1}],
    ids=["nan", "infinity", "set", "object", "tuple-key"],
)
def test_a_result_that_no_database_takes_fails_its_run_alone(store, clock, result):
    for _ in range(2):
        added(store, Once(clock.now() + SECOND))
    clock.advance(SECOND)
    settled(store)
    bad, good = claimed(store)
    recorded = store.record_outcomes([outcome(bad, result=result), outcome(good, result="ok")])
    assert set(recorded) == {bad.run_id, good.run_id}
    assert store.get_run(good.run_id).result == "ok"
    run = store.get_run(bad.run_id)
    assert (run.state, run.reason) == (RunState.FAILED, Reason.INVALID_RESULT)
    assert "JSON" in run.error


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a\0b", "a\ufffdb"),
        ("half \ud83d pair", "half \ufffd pair"),
        ("whole 😀 pair", "whole 😀 pair"),
        (r"a \u0000 that is text", r"a \u0000 that is text"),
        ("", ""),
        ("NULL", "NULL"),
        ('{"a", b\\}', '{"a", b\\}'),
        ("%s %(x)s {0}", "%s %(x)s {0}"),
    ],
)
def test_any_text_a_handler_may_produce_can_be_recorded(store, clock, written, read):
    claim = running(store, clock)
    ended = outcome(
        claim,
        RunState.FAILED,
        Reason.ERROR,
        error=written,
        traceback=written,
        result=[{written: written}],
    )
    assert store.record_outcomes([ended])
    run = store.get_run(claim.run_id)
    shown = read.replace("\ufffd", "")
    for text in (run.error, run.traceback, run.result[0].popitem()[1]):
        assert text.replace("\ufffd", "") == shown


def test_microseconds_and_zones_survive(store, clock):
    clock.set(datetime(2026, 3, 1, 0, 0, 0, 123456, tzinfo=UTC))
    schedule = added(store, Cron("30 2 * * *", "America/New_York"))
    found = store.get_schedule(schedule.schedule_id)
    assert found.settled_until == clock.now()
    assert found.next_execution_at.utcoffset() == timedelta(0)
    row = models.Schedule.objects.get()
    assert (row.settled_until, row.created_at) == (clock.now(), clock.now())


# what is written beside what the engine reads


def test_the_documented_columns_project_the_rule(store, clock):
    """S4-24."""
    at = clock.now() + timedelta(days=1)
    rules = {
        "cron": Cron("0 5 * * *", "Australia/Sydney"),
        "interval": Interval(minutes=1, seconds=30),
        "one_time": Once(at),
        "seconds": Cron("*/10 * * * * *", dialect="seconds"),
        "fields": CronFields("UTC", hour=5),
        "calendar": CalendarInterval(months=1, anchor=datetime(2026, 1, 31)),  # noqa: DTZ001 - a wall time
        "century": Interval(days=36_500),
    }
    for key, rule in rules.items():
        added(store, rule, key=key)
    rows = {row.key: row for row in models.Schedule.objects.all()}
    assert {key: row.schedule_type for key, row in rows.items()} == {
        "cron": "cron",
        "interval": "interval",
        "one_time": "one_time",
        "seconds": "rule",
        "fields": "rule",
        "calendar": "rule",
        "century": "rule",
    }
    assert (rows["cron"].cron_expression, rows["cron"].timezone) == (
        "0 5 * * *",
        "Australia/Sydney",
    )
    assert rows["interval"].interval_seconds == 90
    assert rows["one_time"].scheduled_time == at
    assert all(from_json(row.recurrence) == rules[key] for key, row in rows.items())


def test_what_was_computed_by_which_versions_is_kept(store):
    added(store, policy=Policy(max_executions=5), args=[1], context={"a": None})
    row = models.Schedule.objects.get()
    assert (row.engine_version, bool(row.tzdata_version)) == (1, True)
    assert (row.max_executions, row.args, row.context_data) == (5, [1], {"a": None})
    assert row.policy["grace_period_seconds"] == 900
    assert (row.name, row.created_by, row.version, row.is_active) == ("", "", 1, True)


def test_a_change_of_the_rule_changes_its_projection(store):
    schedule = added(store, Cron("0 5 * * *"))
    store.amend_schedule(
        schedule.schedule_id,
        Amendment(fields={"recurrence": Interval(hours=1), "status": ScheduleStatus.PAUSED}),
    )
    row = models.Schedule.objects.get()
    assert (row.schedule_type, row.cron_expression, row.interval_seconds) == (
        "interval",
        None,
        3_600,
    )
    assert (row.status, row.is_active, row.next_execution_at) == ("paused", False, None)


def test_earlier_attempts_are_kept(store, clock):
    """Promise 2: a retried attempt and one whose node died leave a row each."""
    registered(store)
    first = running(store, clock)
    store.record_outcomes([retrying(first, after=SECOND)])
    clock.advance(SECOND)
    claimed(store)
    clock.advance(2 * LEASE)
    store.take_over()
    (third,) = claimed(store, "n2")
    store.record_outcomes([outcome(third)])
    kept = models.RunAttempt.objects.order_by("attempt").values_list(
        "attempt", "node", "status", "reason", "error"
    )
    assert list(kept) == [
        (1, "n1", "retrying", "error", "no luck"),
        (2, "n1", "lost", "crashed_node", None),
    ]
    assert store.prune(clock.now() + MINUTE, 10) == 1
    assert not models.RunAttempt.objects.exists()


def test_why_a_run_was_stopped_is_why_it_ended(store, clock):
    policy = replace(UNLIMITED, max_instances=1, overlap=Overlap.CANCEL_RUNNING)
    schedule = added(store, policy=policy)
    fired(store, clock, schedule)
    (claim,) = claimed(store)
    fired(store, clock, schedule)
    recorded = store.record_outcomes([outcome(claim, RunState.CANCELLED, Reason.REQUESTED)])
    assert store.get_run(claim.run_id).reason is Reason.REPLACED
    assert recorded.otherwise == {claim.run_id: (RunState.CANCELLED, Reason.REPLACED)}


def test_a_run_claimed_by_a_node_that_was_just_declared_dead_is_rescued(store, clock):
    """A claim may commit after the takeover that should have seen it."""
    registered(store, "n1")
    fired(store, clock, added(store, Once(clock.now() + SECOND)))
    clock.advance(2 * LEASE)
    store.take_over()
    (claim,) = claimed(store, "n1")
    (takeover,) = store.take_over()
    assert (takeover.node_id, list(takeover.runs)) == ("n1", [(claim.run_id, RunState.QUEUED)])


def test_dead_nodes_are_forgotten_with_the_runs_of_their_time(store, clock):
    registered(store, "dead")
    clock.advance(2 * LEASE)
    store.take_over()
    registered(store, "alive")
    store.prune(clock.now(), 10)
    assert [node.node_id for node in store.nodes()] == ["alive"]


def test_buffered_runs_of_a_schedule_that_is_gone_do_not_wait_for_ever(store, clock):
    policy = replace(UNLIMITED, max_instances=1, overlap=Overlap.BUFFER_ALL)
    schedule = added(store, policy=policy)
    fired(store, clock, schedule, 3)
    models.Schedule.objects.all().delete()
    assert store.promote_buffered() == 2
    assert [claim.policy for claim in claimed(store)] == [Policy()] * 3


def test_a_fire_time_that_was_accounted_for_before_stays_as_it_was(store, clock, caplog):
    """A watermark that somebody moved back by hand makes no second run."""
    schedule = added(store)
    (run,) = fired(store, clock, schedule)
    models.Schedule.objects.update(
        settled_until=schedule.settled_until, next_execution_at=clock.now()
    )
    with caplog.at_level(logging.ERROR):
        settled(store)
    assert list(store.runs_of(schedule.schedule_id)) == [run]
    assert "accounted for before" in caplog.text


def test_ids_of_runs_follow_the_stores_clock(store, clock):
    added(store)
    clock.advance(MINUTE)
    settled(store)
    clock.advance(-timedelta(days=1))
    schedule = added(store)
    store.trigger_run(schedule.schedule_id, ManualRun(request_id="r"))
    ids = list(models.Run.objects.order_by("created_at", "run_id").values_list("run_id", flat=True))
    assert {run_id.version for run_id in ids} == {7}
    assert len(set(ids)) == 2


def test_json_is_stored_as_json(store):
    """C-25: no driver hands out text where a dict is meant."""
    added(store, context={"a": [1]}, key=str(uuid4()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT context_data, policy FROM workflow_schedules")
        context, policy = cursor.fetchone()
    assert json.loads(context) == {"a": [1]}
    assert json.loads(policy)["overlap"] == "skip"
    assert models.Schedule.objects.get().context_data == {"a": [1]}


def test_a_schedule_may_be_of_any_engine_schedule(store):
    """The engine's defaults are all the database needs."""
    bare = Schedule(
        schedule_id=uuid4(),
        workflow_id=uuid4(),
        recurrence=Interval(hours=1),
        settled_until=store.now(),
    )
    assert store.get_schedule(store.add_schedule(bare).schedule_id).policy == Policy()
