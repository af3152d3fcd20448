"""The examination finds what is wrong, and only that: each trouble is made by hand, behind the engine's back."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from clockwright.engine.model import Node
from clockwright.recurrence import Cron
from clockwright.recurrence.zones import find_zone
from clockwright.schedules import commands, stores
from clockwright.schedules.doctor.examination import Examination
from clockwright.schedules.doctor.findings import MENDS, WARNINGS, Finding, Summary
from clockwright.schedules.doctor.periodic import NAME, PeriodicExamination, last_summary
from clockwright.schedules.engines import make_engine
from clockwright.schedules.models import Node as NodeRow
from clockwright.schedules.models import Run, Schedule
from clockwright.schedules.models import ZoneRecord as Recorded
from clockwright.schedules.store.symptoms import Symptoms
from tests.support.scheduling import OPERATOR, START, again, ledger

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
NOTHING = {finding.value: 0 for finding in Finding}


@contextlib.contextmanager
def unchecked(table, constraint):
    """The database lets through what it otherwise refuses; a test of ours rolls the definition back with the rows."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else their checks are pending
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
            yield
            return
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        try:
            yield
        finally:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


def examined(life, limit=None, place=0):
    examination = Examination(stores.symptoms(), life.workflows, place=place, limit=limit)
    for _ in examination.steps():
        pass
    return examination


def findings(life):
    """What was found: code -> (count, ids)."""
    return {found.finding: (found.count, found.ids) for found in examined(life).report.findings}


def only(life):
    """The one finding there is: its code, count and ids."""
    ((finding, (count, ids)),) = findings(life).items()
    return finding, count, set(ids)


def tamper(row, **columns):
    Schedule.objects.filter(pk=row.pk).update(**columns)


def test_a_busy_day_leaves_nothing_to_find(life):
    """Runs, misses, skips, ranges, pauses, edits, limits, removals, manual runs and retries: all as it should be."""

    async def fails(**_):
        raise RuntimeError("no luck")

    life.register("fails", fails, max_retries=1)
    every = life.every(60)
    life.every(10, grace_period_seconds=None, catch_up="latest", overlap="skip")
    life.cron("*/2 * * * *", workflow="fails", max_retries=1)
    life.cron("*/2 * * * *", max_executions=3)
    life.cron("*/2 * * * *", start_at="2026-03-02T09:03:00Z", end_at="2026-03-02T11:00:00Z")
    paused, edited, removed = life.every(100), life.every(130), life.every(150)
    life.advance(minutes=5)
    commands.pause_schedule(OPERATOR, paused.schedule_id)
    life.update(edited, interval_seconds=77)
    commands.remove_schedule(OPERATOR, removed.schedule_id)
    life.advance(minutes=4)
    life.sleep(hours=3)  # everything down: a range row, misses, coalesced ones
    commands.trigger_schedule(OPERATOR, every.schedule_id, "r1", catalog=life.catalog)
    life.advance(minutes=4)
    commands.resume_schedule(OPERATOR, paused.schedule_id)
    life.update(edited, cron_expression="*/3 * * * *", schedule_type="cron")
    life.advance(minutes=4)
    assert Run.objects.filter(covers_count__gt=1).exists()
    report = examined(life).report
    assert report.findings == ()
    assert report.is_well
    assert report.examined == report.schedules == 5


def test_a_schedule_that_came_back_to_life_owes_nothing_for_the_time_it_was_over(life):
    row = life.every(60, max_executions=2)
    life.advance(minutes=10)
    assert again(row).status == "completed"
    life.update(row, max_executions=5)
    life.advance(minutes=2)
    assert findings(life) == {}


def test_schedules_that_nobody_looks_at_are_overdue(life):
    row = life.every(60)
    life.sleep(minutes=2, seconds=1)
    assert only(life) == (Finding.OVERDUE, 1, {row.schedule_id})


def test_a_minute_is_not_overdue(life):
    life.every(60)
    life.sleep(minutes=1, seconds=59)
    assert findings(life) == {}


def test_an_active_schedule_without_a_next_fire_time(life):
    row = life.every(60)
    with unchecked("workflow_schedules", "schedule_active_means_next_execution"):
        tamper(row, next_execution_at=None)
        assert only(life) == (Finding.NO_NEXT_FIRE_TIME, 1, {row.schedule_id})
        # the row must hold again when the constraint does
        tamper(row, next_execution_at=row.next_execution_at)


def test_a_next_fire_time_that_does_not_follow_from_the_rule(life):
    row = life.cron("0 12 * * *")
    tamper(row, next_execution_at=row.next_execution_at + HOUR)
    assert only(life) == (Finding.WRONG_NEXT_FIRE_TIME, 1, {row.schedule_id})


def test_pausing_and_resuming_mends_a_next_fire_time(life):
    """What the mend says."""
    row = life.cron("0 12 * * *")
    tamper(row, next_execution_at=row.next_execution_at + HOUR)
    commands.pause_schedule(OPERATOR, row.schedule_id)
    commands.resume_schedule(OPERATOR, row.schedule_id)
    assert findings(life) == {}


def test_a_rule_that_cannot_be_read(life):
    row = life.cron("0 12 * * *")
    tamper(row, recurrence={"type": "moon"})
    assert only(life) == (Finding.UNREADABLE, 1, {row.schedule_id})
    assert "moon" in examined(life).report.findings[0].words


def test_policies_that_cannot_be_read(life):
    row = life.cron("0 12 * * *")
    tamper(row, policy={"catch_up": "whatever"})
    assert only(life) == (Finding.UNREADABLE, 1, {row.schedule_id})


def test_what_cannot_be_read_is_not_overdue_as_well(life):
    """Nobody here looks at it, and that is on purpose."""
    row = life.every(60)
    tamper(row, recurrence={"type": "moon"})
    life.sleep(minutes=5)
    assert only(life) == (Finding.UNREADABLE, 1, {row.schedule_id})


def test_a_zone_that_is_not_there(life):
    row = life.cron("0 12 * * *")
    rule = Cron("0 12 * * *").to_json() | {"tz": "Mars/Olympus"}
    tamper(row, recurrence=rule, timezone="Mars/Olympus")
    found = findings(life)
    assert found.pop(Finding.UNREADABLE) == (1, (row.schedule_id,))
    assert found == {Finding.UNKNOWN_ZONE: (1, (row.schedule_id,))}
    assert "Mars/Olympus" in examined(life).report.findings[1].words


def test_a_zone_whose_clock_is_not_what_it_was_is_a_warning(life):
    zone = "Atlantic/Reykjavik"
    row = life.cron("0 12 * * *", timezone=zone)
    (kept,) = Recorded.objects.filter(zone=zone)
    kept.transitions |= {"offset": 3_600}
    kept.save()
    assert only(life) == (Finding.ZONE_CHANGED, 1, {row.schedule_id})
    assert examined(life).report.is_well


def test_a_workflow_that_is_not_known_here_is_a_warning(life):
    row = life.every(3_600)
    life.every(3_600)
    tamper(row, workflow_id=UUID(int=7))
    assert only(life) == (Finding.UNKNOWN_FUNCTION, 1, {row.schedule_id})
    assert examined(life).report.is_well


def running_run(life, node="gone"):
    row = life.every(60)
    life.sleep(minutes=1)
    stores.sql_store().settle_due(10)
    store = stores.sql_store()
    store.register_node(Node(node_id=node, host="h", pid=1, capacity=5), timedelta(seconds=15))
    (claim,) = store.claim_runs(node, 5).claims
    return row, claim.run_id


def test_a_run_whose_node_is_long_dead(life):
    _, run_id = running_run(life)
    assert findings(life) == {}
    NodeRow.objects.filter(node_id="gone").update(lease_until=life.clock.now() - HOUR)
    assert only(life) == (Finding.STUCK_RUN, 1, {run_id})


def test_a_run_whose_node_nobody_knows(life):
    _, run_id = running_run(life)
    NodeRow.objects.filter(node_id="gone").delete()
    assert only(life) == (Finding.STUCK_RUN, 1, {run_id})


def test_a_run_that_is_about_to_be_taken_over_is_not_stuck(life):
    running_run(life)
    NodeRow.objects.filter(node_id="gone").update(
        lease_until=life.clock.now() - timedelta(seconds=20), is_alive=False
    )
    assert findings(life) == {}


def test_runs_that_nobody_claims_though_there_is_room(life):
    row = life.every(3_600)
    life.sleep(hours=1)
    stores.sql_store().settle_due(10)
    life.sleep(minutes=2)
    (run,) = row.runs.all()
    assert only(life) == (Finding.UNCLAIMED_RUN, 1, {run.run_id})
    NodeRow.objects.update(is_alive=False)
    assert findings(life) == {}  # there is no room


def test_runs_that_wait_for_busy_nodes_are_not_unclaimed(life):
    running_run(life)
    for _ in range(3):
        life.every(3_600)
    life.sleep(hours=1)
    stores.sql_store().settle_due(10)
    life.sleep(minutes=2)
    now = life.clock.now()
    NodeRow.objects.update(is_alive=False)
    NodeRow.objects.filter(node_id="gone").update(
        capacity=1, is_alive=True, lease_until=now + timedelta(seconds=15)
    )
    assert Finding.UNCLAIMED_RUN not in findings(life)
    NodeRow.objects.filter(node_id="gone").update(capacity=5)
    assert findings(life)[Finding.UNCLAIMED_RUN][0] >= 3


def test_rows_that_are_gone_are_gaps(life):
    row = life.every(60)
    life.advance(minutes=30)
    some = [at for at, _ in ledger(row)][3:6]
    Run.objects.filter(schedule_id=row.schedule_id, scheduled_for__in=some).delete()
    found = findings(life)
    assert found[Finding.LEDGER_GAP] == (3, (row.schedule_id,))
    assert found[Finding.WRONG_COUNT] == (1, (row.schedule_id,))


def test_a_watermark_that_leapt_ahead_is_a_gap(life):
    row = life.every(60)
    life.advance(minutes=5)
    ahead = life.clock.now() + timedelta(minutes=10)
    tamper(row, settled_until=ahead, next_execution_at=ahead + timedelta(minutes=1))
    assert only(life)[:2] == (Finding.LEDGER_GAP, 10)


def test_a_range_row_that_is_gone_is_all_of_its_fire_times(life):
    row = life.every(1, catch_up="none", grace_period_seconds=60)
    life.sleep(seconds=1_500)
    life.advance(seconds=2)
    (long,) = Run.objects.filter(covers_count__gt=1)
    assert findings(life) == {}
    count = long.covers_count
    long.delete()
    assert only(life) == (Finding.LEDGER_GAP, count, {row.schedule_id})


def test_a_range_row_that_reaches_into_what_is_counted(life):
    """A day is counted: the row of three days without an engine begins long before it."""
    life.every(60, catch_up="latest")
    life.sleep(days=3)
    life.advance(minutes=3)
    assert Run.objects.filter(covers_count__gt=2_000).exists()
    assert findings(life) == {}


def test_rows_that_should_not_be_are_a_surplus(life):
    row = life.every(60)
    life.advance(minutes=5)
    run = row.runs.first()
    run.pk, run.scheduled_for = uuid4(), run.scheduled_for - timedelta(seconds=30)
    run.save(force_insert=True)
    found = findings(life)
    assert found[Finding.LEDGER_SURPLUS] == (1, (row.schedule_id,))


def test_a_counter_that_was_changed(life):
    row = life.every(60)
    life.advance(minutes=5)
    tamper(row, execution_count=3)
    assert only(life) == (Finding.WRONG_COUNT, 1, {row.schedule_id})


def test_what_was_pruned_is_no_gap(life):
    row = life.every(60)
    life.advance(minutes=30)
    assert stores.sql_store().prune(life.clock.now() - timedelta(minutes=10), 1_000) > 15
    assert findings(life) == {}
    row.runs.order_by("scheduled_for")[5].delete()
    assert only(life)[:2] == (Finding.LEDGER_GAP, 1)


def test_ledgers_of_another_engine_version_are_not_judged(life):
    row = life.every(60)
    life.advance(minutes=5)
    row.runs.all().delete()
    tamper(row, engine_version=0, execution_count=0)
    assert findings(life) == {}


def test_a_ledger_of_many_fire_times_is_counted_in_part(life):
    row = life.every(1)
    life.sleep(hours=20)
    life.advance(seconds=1)
    assert findings(life) == {}
    Run.objects.filter(schedule_id=row.schedule_id).order_by("-scheduled_for")[0].delete()
    assert Finding.LEDGER_GAP in findings(life)


def test_a_sample_goes_on_where_the_last_one_ended(life):
    rows = [life.every(3_600) for _ in range(5)]
    for row in rows:
        tamper(row, execution_count=1)
    first = examined(life, limit=2)
    second = examined(life, limit=2, place=first.place)
    third = examined(life, limit=2, place=second.place)
    ids = [set(e.report.findings[0].ids) for e in (first, second, third)]
    assert ids == [{r.schedule_id for r in rows[i : i + 2]} for i in (0, 2, 4)]
    assert third.place == 0
    assert (first.report.examined, first.report.schedules) == (2, 5)


def test_a_page_costs_the_same_statements_however_many_schedules(
    life, django_assert_max_num_queries
):
    for _ in range(60):
        life.every(3_600)
    with django_assert_max_num_queries(24):
        examined(life)


class Disturbed(Symptoms):
    """Something happens after schedules were read and before their ledgers are."""

    def __init__(self, life, disturb):
        super().__init__(clock=life.clock)
        self._disturb = disturb

    def tallies(self, windows):
        self._disturb()
        return super().tallies(windows)


def disturbed(life, disturb):
    examination = Examination(Disturbed(life, disturb), life.workflows)
    for _ in examination.steps():
        pass
    return examination.report.findings


def test_what_is_settled_meanwhile_does_not_disturb_it(life):
    life.every(60)
    life.advance(minutes=5)
    assert disturbed(life, lambda: life.advance(minutes=5)) == ()


def test_what_is_pruned_meanwhile_does_not_disturb_it(life):
    life.every(60)
    life.advance(minutes=30)
    before = life.clock.now() - timedelta(minutes=10)
    assert disturbed(life, lambda: stores.sql_store().prune(before, 1_000)) == ()
    assert findings(life) == {}


class Periodically:
    """A node's periodic examination, stepped to its end."""

    def __init__(self, life, node="n1", every=HOUR):
        self._chore = PeriodicExamination(stores.symptoms(), life.workflows, every)
        self._node = node

    def step(self):
        return self._chore.step(self._node)

    def done(self):
        pause = self.step()
        steps = 0
        while pause == 0:
            pause, steps = self.step(), steps + 1
        return pause, steps


def test_one_node_examines_once_an_interval(life):
    first, second = Periodically(life, "n1"), Periodically(life, "n2")
    assert first.done() == (60.0, 0)  # a minute after the first start
    life.sleep(minutes=1)
    assert first.step() == 0
    pause, steps = second.done()
    assert steps == 0
    assert pause > 500  # held by the first
    assert first.done()[1] > 5
    assert second.done() == (600.0, 0)
    assert last_summary(stores.symptoms()).finished_at == life.clock.now()
    life.sleep(hours=1)
    assert second.done()[1] > 5
    assert last_summary(stores.symptoms()).finished_at == life.clock.now()


def test_what_it_found_is_kept_and_the_next_goes_on_behind(life, monkeypatch):
    monkeypatch.setattr("clockwright.schedules.doctor.periodic.SAMPLE", 1)
    rows = [life.every(86_400) for _ in range(2)]
    tamper(rows[1], execution_count=4)
    chore = Periodically(life)
    chore.done()
    life.sleep(minutes=1)
    chore.done()
    assert last_summary(stores.symptoms()).counts == NOTHING
    life.sleep(hours=1)
    chore.done()
    summary = last_summary(stores.symptoms())
    assert summary.counts == NOTHING | {"wrong_execution_counts": 1}
    assert not summary.is_well
    assert (summary.examined, summary.schedules) == (1, 2)


def test_an_examination_whose_node_died_is_begun_anew(life):
    first, second = Periodically(life, "n1"), Periodically(life, "n2")
    first.done()
    life.sleep(minutes=1)
    first.step()
    life.sleep(minutes=11)
    assert second.done()[1] > 5
    # and the first, should it wake, overwrites nothing
    before = last_summary(stores.symptoms())
    first.done()
    assert last_summary(stores.symptoms()) == before


def test_an_examination_that_fails_is_tried_again_after_the_hold(life, monkeypatch):
    chore = Periodically(life)
    chore.done()
    life.sleep(minutes=1)
    chore.step()
    with monkeypatch.context() as broken:
        broken.setattr("clockwright.schedules.store.symptoms._STUCK", "nonsense")
        with pytest.raises(DatabaseError), transaction.atomic():
            chore.done()
    assert chore.step() > 500
    life.sleep(minutes=11)
    assert chore.done()[1] > 5


def test_a_report_of_another_version_is_read_as_far_as_it_goes():
    report = {"findings": {"overdue_schedules": {"count": 2}, "bad_moon": {"count": 1}}}
    summary = Summary.of(START, report)
    assert summary.counts == NOTHING | {"overdue_schedules": 2}
    assert not summary.is_well


def test_every_finding_has_a_mend_and_a_row_in_the_reference():
    page = (ROOT / "docs" / "reference" / "findings.md").read_text()
    assert set(MENDS) == set(Finding)
    assert set(Finding) > WARNINGS
    for finding in Finding:
        assert f"| `{finding.value}` |" in page
    assert find_zone("UTC").key
    assert NAME == "doctor"


OF_EVERY_ENGINE = ["recomputation", "backfilling", "workflow executions"]


def chores(engine):
    return [loop.name for loop in engine._chores]


def test_every_engine_of_a_project_examines_and_sets_right(monkeypatch):
    everything = chores(make_engine())
    assert {"recomputation", "backfilling", "examination"} <= set(everything)
    monkeypatch.setenv("CLOCKWRIGHT_DOCTOR_SECONDS", "0")
    assert chores(make_engine()) == [name for name in everything if name != "examination"]
