"""Schedules that pause themselves, and whose row somebody holds meanwhile: what only a database with row locks has."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from clockwright.access.models import Community
from clockwright.engine.model import Reason, RunState, ScheduleStatus
from clockwright.engine.ports import Amendment
from clockwright.schedules import models
from clockwright.schedules.store import SqlStore
from clockwright.testing.contract.base import MINUTE, UNLIMITED, added, claimed, fired, outcome
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db(transaction=True)

ONCE = replace(UNLIMITED, pause_after_failures=1)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(transactional_db, clock):
    Community.objects.get_or_create(slug="default")
    return SqlStore(clock=clock)


def recorded_elsewhere(store, *ends):
    """What recording each of these came to, at once and with connections of their own."""

    def record(end):
        try:
            return store.record_outcomes([end])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        return [future.result(timeout=30) for future in [pool.submit(record, end) for end in ends]]


@pytest.mark.skipif(
    "connections['default'].vendor != 'postgresql'", reason="SQLite has no row locks to skip"
)
def test_no_outcome_waits_for_a_schedule_that_is_held_and_the_next_settling_pauses_it(store, clock):
    schedule = added(store, policy=ONCE)
    fired(store, clock, schedule)
    (claim,) = claimed(store)
    with transaction.atomic():
        models.Schedule.objects.select_for_update().get(schedule_id=schedule.schedule_id)
        failed = outcome(claim, RunState.FAILED, Reason.ERROR)
        (recorded,) = recorded_elsewhere(store, failed)
        assert (set(recorded), list(recorded.paused)) == ({claim.run_id}, [])
    assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.ACTIVE
    clock.advance(MINUTE)
    (settlement,) = store.settle_due(10).settlements
    assert (settlement.pauses, settlement.verdicts) == (True, ())
    paused = store.get_schedule(schedule.schedule_id)
    assert (paused.status, paused.status_reason) == (ScheduleStatus.PAUSED, "repeated_failures")
    assert (paused.version, len(store.runs_of(schedule.schedule_id))) == (2, 1)
    resume = Amendment(fields={"status": ScheduleStatus.ACTIVE})
    store.amend_schedule(schedule.schedule_id, resume)
    runs = store.runs_of(schedule.schedule_id)
    assert [(run.state, run.reason) for run in runs[1:]] == [(RunState.SKIPPED, Reason.PAUSED)]


@pytest.mark.skipif(
    "connections['default'].vendor != 'postgresql'", reason="SQLite has no row locks to skip"
)
def test_failures_of_one_schedule_that_are_recorded_at_once_are_all_counted(store, clock):
    schedule = added(store, policy=replace(UNLIMITED, pause_after_failures=8))
    fired(store, clock, schedule, 8)
    ends = [outcome(claim, RunState.FAILED, Reason.ERROR) for claim in claimed(store)]
    assert sum(len(recorded.paused) for recorded in recorded_elsewhere(store, *ends)) == 1
    assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.PAUSED


def test_runs_without_the_policy_cost_one_small_look(store, clock):
    schedule = added(store)
    fired(store, clock, schedule)
    (claim,) = claimed(store)
    with CaptureQueriesContext(connections["default"]) as seen:
        store.record_outcomes([outcome(claim)])
    looks = [one["sql"] for one in seen if "schedule_failures" in one["sql"]]
    assert len(looks) == 1
    assert not models.FailureStreak.objects.exists()
