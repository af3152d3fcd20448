"""A backfill from the question to the last outcome, by a real engine."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from clockwright.access.callers import DEFAULT_COMMUNITY, Forbidden, Role, system_caller
from clockwright.access.models import Community
from clockwright.audit.models import AuditEntry
from clockwright.engine.engine import EngineThread
from clockwright.engine.registry import default_registry, function_of
from clockwright.schedules import backfills, commands, stores
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.engines import make_engine
from clockwright.schedules.errors import InvalidBackfillException, ScheduleConflictException
from clockwright.schedules.models import Backfill, Run
from clockwright.schedules.selectors import backfill_counts
from tests.support.broker import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

HOURS = {"schedule_type": "cron", "cron_expression": "0 * * * *", "timezone": "UTC"}
DAY = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T23:00:00Z"}
TENTH, BAD = 10, 13


@pytest.fixture
def seen():
    """The fire times that were run, in the order in which they began."""
    found = []

    def report(context):
        found.append(context.scheduled_for.hour)
        if context.scheduled_for.hour == BAD:
            raise ValueError("unlucky")

    from clockwright.engine.ports import RunContext

    report.__annotations__ = {"context": RunContext}
    function = function_of(report, key="tests.report", exposed=True)
    default_registry.register(function)
    yield found
    del default_registry._by_key[function.key]
    del default_registry._by_workflow[function.workflow_id.int]


@pytest.fixture
def schedule(transactional_db, seen):
    Community.objects.get_or_create(slug=DEFAULT_COMMUNITY)
    new = NewSchedule(workflow="tests.report", config={**HOURS, "max_retries": 0})
    return commands.add_schedule(system_caller(), new)


@pytest.fixture
def engine(schedule):
    thread = EngineThread(make_engine)
    thread.start()
    yield thread
    thread.stop()


def ended(made):
    wait_for(
        lambda: Backfill.objects.get(pk=made.pk).status != "running", "the end of the backfill"
    )
    return Backfill.objects.get(pk=made.pk)


def test_a_day_is_run_in_order_and_its_progress_is_what_the_ledger_says(
    engine, schedule, seen, caplog
):
    caplog.set_level(logging.INFO, "clockwright.audit")
    made = backfills.start_backfill(system_caller(), schedule.schedule_id, DAY)
    assert (made.status, made.total) == ("running", 24)
    row = ended(made)
    assert seen == list(range(24))
    assert (row.status, row.created, row.existing) == ("completed", 24, 0)
    assert backfill_counts([row.pk]) == {row.pk: {"succeeded": 23, "failed": 1}}
    schedule.refresh_from_db()
    assert (schedule.execution_count, schedule.last_execution_at) == (0, None)
    assert AuditEntry.objects.get(action="schedule_backfill").details["total"] == 24
    assert any("backfill completed" in record.getMessage() for record in caplog.records)


def test_several_at_a_time_are_so_many_and_what_ran_is_not_run_again(engine, schedule, seen):
    first = {**DAY, "to": "2026-03-01T09:00:00Z", "overlap": "allow"}
    ended(backfills.start_backfill(system_caller(), schedule.schedule_id, first))
    assert sorted(seen) == list(range(TENTH))
    terms = {**DAY, "max_instances": 4}
    row = ended(backfills.start_backfill(system_caller(), schedule.schedule_id, terms))
    assert (row.created, row.existing) == (14, TENTH)
    assert sorted(seen) == list(range(24))


def test_a_backfill_under_way_goes_on_with_another_engine(schedule, seen):
    """What the first engine did not get to is the second one's."""
    made = backfills.start_backfill(system_caller(), schedule.schedule_id, DAY)
    stores.backfills().advance(made.pk, "a node that is gone")
    Backfill.objects.update(held_until=stores.sql_store().now() - timedelta(seconds=1))
    thread = EngineThread(make_engine)
    thread.start()
    try:
        assert ended(made).status == "completed"
    finally:
        thread.stop()
    assert seen == list(range(24))
    assert Run.objects.filter(backfill_id=made.pk).count() == 24


def test_it_takes_the_right_to_execute(schedule):
    from dataclasses import replace

    viewer = replace(system_caller(), actor="vera", role=Role.VIEWER)
    for ask in (backfills.start_backfill, backfills.foresee_backfill):
        with pytest.raises(Forbidden):
            ask(viewer, schedule.schedule_id, DAY)


def test_every_problem_is_told_at_once_and_one_at_a_time_is_all_there_is(schedule):
    caller, who = system_caller(), schedule.schedule_id
    with pytest.raises(InvalidBackfillException) as refused:
        backfills.start_backfill(caller, who, {"to": "x", "overlap": "cancel_running", "max": 3})
    assert [problem.pointer for problem in refused.value.errors] == [
        "/max",
        "/to",
        "/from",
        "/overlap",
    ]
    assert str(refused.value).startswith("Invalid backfill: ")
    made = backfills.start_backfill(caller, who, DAY, "r1")
    assert backfills.start_backfill(caller, who, DAY, "r1") == made
    with pytest.raises(ScheduleConflictException, match=str(made.pk)):
        backfills.start_backfill(caller, who, DAY)
