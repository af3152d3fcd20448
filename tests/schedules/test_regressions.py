"""What was wrong in the schedule service of document 3, and must not be here (REGRESSIONS, C1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clockwright.audit.models import AuditEntry
from clockwright.engine.ports import RunContext
from clockwright.schedules import commands
from clockwright.schedules.models import Run
from tests.support.scheduling import OPERATOR, again, at, ledger, living, statuses


def test_a_one_time_runs_once_and_is_inactive_afterwards(life):
    """C-01, S4-34, S4-36, S4-37"""
    row = life.once("2026-03-02T10:00:00Z")
    for _ in range(3):
        life.advance(minutes=60)
    run = Run.objects.get(schedule_id=row.schedule_id)
    row = again(row)
    assert run.status == "succeeded"
    assert (row.is_active, row.status, row.execution_count) == (False, "completed", 1)
    assert row.next_execution_at is None
    assert row.last_execution_id == run.run_id
    assert row.last_execution_at == at("2026-03-02T10:00:00+00:00")


def test_a_missed_fire_time_is_recorded_and_the_next_one_runs(life):
    """C-02, R14"""
    row = life.cron("0 10 * * *")
    life.clock.set(at("2026-03-02T10:20:00+00:00"))
    life.advance(minutes=1)
    assert ledger(row) == [(at("2026-03-02T10:00:00+00:00"), "missed")]
    assert Run.objects.get().reason == "grace_exceeded"
    life.advance(days=1)
    assert statuses(row) == ["missed", "succeeded"]


def test_a_missed_one_time_has_failed_with_a_reason(life):
    """R14"""
    row = life.once("2026-03-02T10:00:00Z")
    life.clock.set(at("2026-03-02T10:20:00+00:00"))
    life.advance(minutes=1)
    row = again(row)
    assert (row.status, row.is_active, row.status_reason) == ("failed", False, "grace_exceeded")


def test_noon_in_new_york_is_noon_in_new_york_all_year(life):
    """C-03, S4-30"""
    row = life.cron("0 12 * * *", timezone="America/New_York")
    life.advance(days=14)
    hours = [moment.hour for moment, _ in ledger(row)]
    assert hours == [17] * 6 + [16] * 8  # the clocks change on 8 March


def test_a_limit_holds_to_the_run(life):
    """C-04, S4-20, S4-32"""
    row = life.every(60, max_executions=3)
    life.advance(hours=1)
    row = again(row)
    assert statuses(row) == ["succeeded"] * 3
    assert (row.execution_count, row.status, row.status_reason) == (
        3,
        "completed",
        "limit_reached",
    )


def test_a_slow_workflow_is_not_started_again_by_looking(life):
    """C-05: the schedule moves on in the transaction that queues the run."""
    row = life.cron("0 10 1 1 *", workflow="note")
    life.clock.set(at("2027-01-01T10:00:00+00:00"))
    for _ in range(4):
        life.engine.settle()
        life.sleep(minutes=1)
    assert statuses(row) == ["queued"]
    assert again(row).next_execution_at == at("2028-01-01T10:00:00+00:00")


def test_a_failing_workflow_is_retried_recorded_and_the_schedule_goes_on(life):
    """C-06"""

    async def fail():
        raise RuntimeError("no luck")

    life.register("fail", fail)
    row = life.cron("0 10 * * *", workflow="fail")
    life.advance(days=2)
    runs = Run.objects.filter(schedule_id=row.schedule_id)
    assert [(run.status, run.attempt) for run in runs] == [("failed", 4), ("failed", 4)]
    assert "RuntimeError: no luck" in runs[0].error
    assert again(row).is_active


def test_the_context_is_delivered_also_with_a_limit(life):
    """C-10"""
    life.every(60, max_executions=1, context={"a": 1})
    life.advance(minutes=1)
    assert life.calls == [{"a": 1}]


def test_two_looks_at_one_instant_make_one_run(life):
    """C-11"""
    row = life.every(60)
    life.sleep(seconds=60)
    life.engine.settle()
    life.engine.settle()
    life.advance(seconds=0)
    assert statuses(row) == ["succeeded"]


def test_weekdays_of_a_cron_line_count_from_sunday(life):
    """C-15, R7"""
    row = life.cron("0 0 * * 0")
    assert row.next_execution_at == at("2026-03-08T00:00:00+00:00")


def test_a_context_cannot_hide_the_systems_keys(life):
    """C-16, C-17, S4-40: one execution id, end to end."""
    seen = {}

    async def look(run: RunContext, **_context):
        seen.update(run.trigger_data)

    life.register("look", look)
    row = life.every(60, workflow="look", context={"schedule_id": "mine", "execution_id": 5})
    life.advance(minutes=1)
    run = Run.objects.get()
    assert seen["schedule_id"] == str(row.schedule_id)
    assert seen["execution_id"] == str(run.run_id)
    assert seen["triggered_at"] == "2026-03-02T09:01:00+00:00"
    assert seen["context"] == {"schedule_id": "mine", "execution_id": 5}
    assert again(row).last_execution_id == run.run_id


def test_an_interval_never_drifts(life):
    """C-21: neither the length of runs nor late looks move it."""
    row = life.every(60, max_instances=100)
    for _ in range(10):
        life.sleep(seconds=61)
        life.advance(seconds=0)
    ran = [moment for moment, status in ledger(row) if status == "succeeded"]
    assert all(moment.second == 0 for moment in ran)
    assert len(ledger(row)) == 10


def test_seconds_are_honoured(life):
    """C-30, R13"""
    row = life.every(5)
    life.advance(seconds=20)
    assert [moment.second for moment, _ in ledger(row)] == [5, 10, 15, 20]


def test_a_context_comes_back_as_the_json_it_was(life):
    """C-25"""
    context = {"list": [1, 2.5, None], "object": {"ä": "ö"}, "yes": True}
    row = life.every(60, context=context)
    life.advance(minutes=1)
    assert again(row).context_data == context
    assert Run.objects.get().result == context


def test_an_unknown_function_fails_its_run_and_deletes_nothing(life):
    """C-42, S2-12: the code that had it was deployed without it."""
    life.register("old", lambda: None)
    row = life.every(60, workflow="old")
    with living(life.clock.now(), "deployed") as other:
        other.advance(minutes=1)
    run = Run.objects.get()
    assert (run.status, run.reason) == ("failed", "unknown_function")
    assert str(row.workflow_id) in run.error
    assert again(row).is_active


def test_a_run_due_while_nothing_ran_is_run_by_the_next_engine(life):
    """C-12: what is stored is loaded, whoever stored it."""
    row = life.every(600, grace_period_seconds=None)
    life.sleep(hours=5)
    with living(life.clock.now(), "second") as other:
        other.advance(seconds=0)
    assert statuses(row)[-1] == "succeeded"
    assert statuses(row).count("succeeded") == 1


@pytest.mark.parametrize("minutes", [15, 16])
def test_exactly_the_grace_still_runs(life, minutes):
    """S4-19, R14"""
    row = life.cron("0 10 * * *")
    life.clock.set(at("2026-03-02T10:00:00+00:00") + timedelta(minutes=minutes))
    life.advance(seconds=0)
    assert statuses(row) == ["succeeded" if minutes == 15 else "missed"]


def test_the_trail_and_the_ledger_stay_when_a_schedule_goes(life):
    """S4-65"""
    row = life.every(60)
    life.advance(minutes=2)
    commands.remove_schedule(OPERATOR, row.schedule_id)
    assert Run.objects.filter(schedule_id=row.schedule_id).count() == 2
    assert AuditEntry.objects.filter(schedule_id=row.schedule_id).count() == 2
