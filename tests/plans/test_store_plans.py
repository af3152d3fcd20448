"""The statements that run all the time touch only the rows they are about, whatever else the tables hold (S4-59…67)."""

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clockwright.engine.backfill import Range, Terms
from clockwright.engine.model import Overlap, ScheduleStatus
from clockwright.engine.ports import Amendment
from clockwright.recurrence import Interval
from clockwright.schedules.models import Backfill, Node, Run, Schedule
from clockwright.schedules.selectors import backfill_counts
from clockwright.schedules.store.backfills import Backfills, Request
from clockwright.schedules.store.symptoms import Symptoms, Window
from clockwright.testing.contract.base import UNLIMITED, added, outcome

PRIORITIES = (-5, 0, 7)

# one process for all of them, so that the database is filled once
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("plans")]


def plan_of(sql):
    """The plan as text, one step a line."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"EXPLAIN {sql.replace('%', '%%')}")
            return "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
        return "\n".join(row[3] for row in cursor.fetchall())


def statements_of(call, pattern):
    """The statements of a call that match; all that it did is undone."""
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        call()
        transaction.set_rollback(True)
    found = [query["sql"] for query in queries if re.search(pattern, query["sql"], re.DOTALL)]
    assert found, [query["sql"][:100] for query in queries]
    return found


def whole_tables(plan):
    """The tables of ours that a plan reads from one end to the other."""
    if connection.vendor == "postgresql":
        return set(re.findall(r"Seq Scan on (schedule_runs|workflow_schedules)", plan))
    scans = re.findall(r"SCAN (schedule_runs|workflow_schedules)(.*)", plan)
    return {table for table, how in scans if "USING" not in how}


def check(sql, index):
    plan = plan_of(sql)
    assert index in plan, plan
    assert not whole_tables(plan), plan


@contextmanager
def unless_no_other_way():
    """Whole tables are read only where there is no index: so few rows are read as quickly from one end to the other."""
    setting = "SET LOCAL enable_seqscan = {}" if connection.vendor == "postgresql" else "SELECT 1"
    with connection.cursor() as cursor:
        cursor.execute(setting.format("off"))
        try:
            yield
        finally:
            cursor.execute(setting.format("on"))


def test_the_database_is_full_enough(full):
    assert Schedule.objects.count() == 2_000
    assert Run.objects.count() >= 10_000
    assert Run.objects.unfinished().count() < 3_000


def test_the_idle_look_reads_one_end_of_the_due_index(full):
    store, _ = full
    for sql in statements_of(lambda: store.settle_due(500), r"min\(next_execution_at\)"):
        check(sql, "idx_workflow_schedules_next_execution")


def test_the_due_query_walks_the_due_index(full):
    """S4-27, S4-67."""
    store, clock = full
    clock.advance(timedelta(minutes=1))
    try:
        pattern = (
            r"SELECT.*FROM workflow_schedules WHERE status = 'active' AND next_execution_at <="
        )
        (sql, *_) = statements_of(lambda: store.settle_due(500), pattern)
    finally:
        clock.advance(-timedelta(minutes=1))
    check(sql, "idx_workflow_schedules_next_execution")


def test_counting_what_runs_reads_unfinished_runs_only(full):
    store, clock = full
    clock.advance(timedelta(minutes=1))
    try:
        (sql, *_) = statements_of(lambda: store.settle_due(500), r"SELECT schedule_id, sum\(")
    finally:
        clock.advance(-timedelta(minutes=1))
    check(sql, "runs_unfinished_by_schedule")


def test_the_look_for_runs_reads_one_end_of_the_claimable_index(full):
    store, _ = full
    for sql in statements_of(lambda: store.claim_runs("n1", 10), r"ORDER BY .*priority DESC"):
        check(sql, "runs_claimable")


def test_a_claim_walks_the_claimable_index(full):
    store, _ = full
    (sql,) = statements_of(lambda: store.claim_runs("n1", 10), r"WITH picked")
    check(sql, "runs_claimable")


def test_recording_outcomes_finds_each_run_by_its_id(full):
    store, _ = full
    claims = store.claim_runs("n1", 5).claims
    outcomes = [outcome(claim) for claim in claims]
    (sql,) = statements_of(lambda: store.record_outcomes(outcomes), r"UPDATE schedule_runs")
    assert not whole_tables(plan_of(sql)), plan_of(sql)


def test_a_take_over_reads_running_runs_only(full):
    store, clock = full
    clock.advance(timedelta(days=2_000))
    try:
        sqls = statements_of(store.take_over, r"NOT EXISTS \(\s*SELECT 1 FROM schedule_nodes")
    finally:
        clock.advance(-timedelta(days=2_000))
    for sql in sqls:
        check(sql, "runs_held_by_node")


def test_a_node_that_retires_finds_its_runs_by_its_name(full):
    store, _ = full
    (sql,) = statements_of(
        lambda: store.retire_node("n1"),
        r"SELECT run_id FROM schedule_runs WHERE status = 'running' AND node = \S+$",
    )
    check(sql, "runs_held_by_node")


def test_requests_to_stop_are_looked_for_among_the_nodes_own_runs(full):
    store, _ = full
    (sql,) = statements_of(lambda: store.cancelled_runs("n1"), r"cancel_requested_at IS NOT NULL")
    check(sql, "runs_held_by_node")


def test_looking_for_buffered_runs_reads_buffered_runs_only(full):
    store, _ = full
    (sql,) = statements_of(store.promote_buffered, r"SELECT DISTINCT schedule_id")
    check(sql, "runs_buffered")


def test_removing_a_schedule_reads_its_unfinished_runs_only(full):
    store, _ = full
    schedule_id = Schedule.objects.values_list("schedule_id", flat=True)[0]
    removal = Amendment(fields={"status": ScheduleStatus.REMOVED})
    call = partial(store.amend_schedule, schedule_id, removal)
    (sql,) = statements_of(call, r"UPDATE schedule_runs")
    check(sql, "runs_unfinished_by_schedule")


def test_promoting_reads_the_unfinished_runs_of_schedules_that_wait(full):
    store, _ = full
    waiting = Run.objects.unfinished().values_list("run_id", flat=True)[:1]

    def promote():
        Run.objects.filter(run_id__in=list(waiting)).update(
            status="buffered", ready_at=None, node=None, attempt=0
        )
        store.promote_buffered()

    (sql,) = statements_of(promote, r"UPDATE schedule_runs SET status = 'queued'")
    plan = plan_of(sql)
    assert "run_once_per_fire_time" not in plan, plan
    assert not whole_tables(plan), plan


def test_a_page_of_the_ledger_is_read_newest_first_from_its_index(full):
    schedule_id = Schedule.objects.values_list("schedule_id", flat=True)[0]
    page = Run.objects.of_schedule(schedule_id)[:50]
    (sql,) = statements_of(lambda: list(page), r"FROM \"schedule_runs\"")
    check(sql, "run_once_per_fire_time")


def test_the_latest_rows_of_the_ledger_are_read_from_the_end(full):
    latest = Run.objects.in_community("default").latest_made()[:20]
    (sql,) = statements_of(lambda: list(latest), r"FROM \"schedule_runs\"")
    plan = plan_of(sql)
    assert not whole_tables(plan) or "USING INDEX" in plan, plan
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan


def test_pruning_looks_at_the_oldest_rows_only(full):
    store, clock = full
    before = clock.now() - timedelta(minutes=100)
    (sql,) = statements_of(
        lambda: store.prune(before, 100), r"SELECT run_id FROM schedule_runs WHERE"
    )
    plan = plan_of(sql)
    assert not whole_tables(plan), plan


# an examination reads ledgers by their index, and whole tables only where it asks about all schedules


@pytest.fixture
def asked(full):
    _, clock = full
    return Symptoms(clock=clock), clock.now()


def test_what_is_overdue_is_read_from_the_due_index(asked):
    symptoms, now = asked
    call = partial(symptoms.overdue, now - timedelta(minutes=1), 10)
    for sql in statements_of(call, "next_execution_at <"):
        check(sql, "idx_workflow_schedules_next_execution")


def test_schedules_without_a_next_fire_time_are_at_one_end_of_the_due_index(asked):
    symptoms, _ = asked
    for sql in statements_of(partial(symptoms.without_next, 10), "IS NULL"):
        check(sql, "idx_workflow_schedules_next_execution")


def test_stuck_runs_are_looked_for_among_the_running(asked):
    symptoms, now = asked
    for sql in statements_of(partial(symptoms.stuck_runs, now, 10), "NOT EXISTS"):
        check(sql, "runs_held_by_node")


def test_unclaimed_runs_are_looked_for_among_the_ready(asked):
    symptoms, now = asked
    Node.objects.update(capacity=1_000)
    call = partial(symptoms.unclaimed_runs, now, now, 10)
    for sql in statements_of(call, r"count.*ready_at <"):
        with unless_no_other_way():
            check(sql, "runs_claimable")


def test_a_page_of_schedules_is_read_from_where_the_last_one_ended(asked):
    symptoms, _ = asked
    (sql,) = statements_of(partial(symptoms.sample, 1_900, 50), "ORDER BY")
    assert not whole_tables(plan_of(sql)), plan_of(sql)


def test_ledgers_are_counted_in_the_index_of_fire_times(asked):
    symptoms, now = asked
    page = symptoms.sample(0, 50)
    windows = [
        Window(schedule_id=saved.schedule_id, low=now - timedelta(hours=1), high=now)
        for saved in page
    ]
    (sql,) = statements_of(partial(symptoms.tallies, windows), "covers_count")
    check(sql, "run_once_per_fire_time")


# claims by priority, and backfills


@pytest.fixture
def mixed(full):
    """The full store, with three priorities that wait: some are ready, and far more will be later."""
    store, clock = full
    with transaction.atomic():
        at = clock.now()
        for place, priority in enumerate(PRIORITIES):
            jittery = replace(UNLIMITED, priority=priority, jitter=timedelta(days=place))
            for _ in range(200):
                added(store, Interval(days=5, anchor=at + timedelta(minutes=1)), jittery)
        clock.advance(timedelta(minutes=1))
        while store.settle_due(500).is_backlogged:
            pass
        yield store, clock
        clock.advance(-timedelta(minutes=1))
        transaction.set_rollback(True)


def is_sorted_by_hand(plan):
    return "Sort" in plan or "USE TEMP B-TREE FOR ORDER BY" in plan


def test_a_claim_takes_runs_of_each_priority_from_its_stretch_of_the_index(mixed):
    store, _ = mixed
    for sql in statements_of(lambda: store.claim_runs("n1", 50), r"WITH picked"):
        assert "priority = 0" in sql, "of priority 7 nothing is ready"
        picked = sql[sql.index("SELECT run_id AS picked_id") : sql.index(")\n    UPDATE")]
        check(picked, "runs_claimable")
        assert not is_sorted_by_hand(plan_of(picked)), plan_of(picked)


def test_the_look_steps_from_priority_to_priority_and_reads_one_end_of_each(mixed):
    store, _ = mixed
    looks = statements_of(lambda: store.claim_runs("n1", 10), r"priority DESC")
    assert len(looks) >= len(PRIORITIES) + 1
    for sql in looks:
        check(sql, "runs_claimable")
        assert not is_sorted_by_hand(plan_of(sql)), plan_of(sql)


@pytest.fixture
def past(full):
    """The full store, and a backfill of one schedule whose first batch waits."""
    store, clock = full
    backfills = Backfills(clock=clock)
    end = clock.now() - timedelta(days=1)
    request = Request(
        request_id="r",
        asked_by="ada",
        within=Range(start=end - timedelta(days=2), end=end),
        terms=Terms(overlap=Overlap.BUFFER_ALL),
    )
    with transaction.atomic():
        Run.objects.filter(status="buffered").delete()
        old = Interval(minutes=20, anchor=clock.now() - timedelta(days=10))
        backfill_id = backfills.ask(added(store, old, UNLIMITED).schedule_id, request)
        backfills.advance(backfill_id, "n1")
        yield backfills, backfill_id
        transaction.set_rollback(True)


def test_a_batch_looks_up_its_fire_times_one_by_one_and_its_unfinished_runs_by_the_schedule(past):
    backfills, backfill_id = past
    Backfill.objects.update(cursor=None)
    Run.objects.filter(backfill_id=backfill_id).delete()
    advance = partial(backfills.advance, backfill_id, "n1")
    for pattern, index in (
        (r"JOIN schedule_runs ON schedule_id", "run_once_per_fire_time"),
        (r"scheduled_for < v_at", "run_once_per_fire_time"),
        (r"SELECT count\(\*\), sum", ""),
    ):
        for sql in statements_of(advance, pattern):
            check(sql, index)


def test_waiting_runs_of_a_backfill_are_promoted_from_its_own(past):
    backfills, backfill_id = past
    (sql,) = statements_of(partial(backfills.advance, backfill_id, "n1"), r"PARTITION BY backfill")
    assert not whole_tables(plan_of(sql)), plan_of(sql)


def test_progress_is_counted_from_the_runs_of_the_backfill_alone(past):
    _, backfill_id = past
    (sql,) = statements_of(lambda: backfill_counts([backfill_id, uuid4()]), "GROUP BY")
    check(sql, "run_once_per_backfill")
