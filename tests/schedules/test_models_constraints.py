"""What no client of the database can write: every rule about states is a check constraint."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from clockwright.access.models import Community
from clockwright.engine.model import TRANSITIONS, RunState
from clockwright.schedules.models import Node, Run, RunAttempt, Schedule

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def community(db):
    return Community.objects.get_or_create(slug="default")[0]


def schedule(**changes):
    fields = {
        "schedule_id": uuid4(),
        "workflow_id": uuid4(),
        "community_id": "default",
        "schedule_type": "cron",
        "cron_expression": "0 5 * * *",
        "recurrence": {"type": "cron", "expression": "0 5 * * *", "tz": "UTC"},
        "policy": {},
        "settled_until": NOW,
        "next_execution_at": LATER,
        "created_at": NOW,
        "updated_at": NOW,
        "engine_version": 1,
        "tzdata_version": "2026a",
    }
    return Schedule(**fields | changes)


FACTS = {
    RunState.QUEUED: {"ready_at": NOW},
    RunState.BUFFERED: {},
    RunState.RUNNING: {"ready_at": NOW, "attempt": 1, "node": "n1"},
    RunState.RETRYING: {"ready_at": NOW, "attempt": 1, "retries": 1, "reason": "error"},
    RunState.SUCCEEDED: {"attempt": 1, "node": "n1", "finished_at": NOW},
    RunState.FAILED: {"attempt": 1, "node": "n1", "finished_at": NOW, "reason": "error"},
    RunState.TIMED_OUT: {"attempt": 1, "node": "n1", "finished_at": NOW, "reason": "timeout"},
    RunState.CANCELLED: {"finished_at": NOW, "reason": "requested"},
    RunState.LOST: {"attempt": 4, "node": "n1", "finished_at": NOW, "reason": "crashed_node"},
    RunState.MISSED: {"finished_at": NOW, "reason": "grace_exceeded"},
    RunState.SKIPPED: {"finished_at": NOW, "reason": "overlap"},
}


def run(state=RunState.QUEUED, **changes):
    fields = {
        "run_id": uuid4(),
        "schedule_id": uuid4(),
        "workflow_id": uuid4(),
        "community_id": "default",
        "scheduled_for": NOW,
        "status": state.value,
        "created_at": NOW,
        **FACTS[state],
    }
    return Run(**fields | changes)


def refused(row):
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            connection.check_constraints()
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"status": "paused", "is_active": False, "next_execution_at": None},
        {
            "status": "completed",
            "is_active": False,
            "next_execution_at": None,
            "execution_count": 1,
        },
        {"schedule_type": "interval", "cron_expression": None, "interval_seconds": 1},
        {"schedule_type": "one_time", "cron_expression": None, "scheduled_time": LATER},
        {"schedule_type": "rrule", "cron_expression": None},
        {"schedule_type": "rule", "cron_expression": None},
        {"max_executions": 1},
    ],
)
def test_a_sound_schedule_is_taken(changes):
    assert not refused(schedule(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "sleeping", "is_active": False, "next_execution_at": None},
        {"is_active": False},
        {"status": "paused", "next_execution_at": None},
        {"status": "paused", "is_active": False},
        {"next_execution_at": None},
        {"next_execution_at": NOW},
        {"schedule_type": "hourly"},
        {"cron_expression": None},
        {"interval_seconds": 5},
        {"schedule_type": "interval", "cron_expression": None, "interval_seconds": 0},
        {"schedule_type": "interval", "cron_expression": None},
        {"schedule_type": "interval", "interval_seconds": 5},
        {"schedule_type": "one_time", "cron_expression": None},
        {"schedule_type": "rule"},
        {"max_executions": 0},
        {"execution_count": -1},
        {"version": 0},
        {"key": ""},
        {"community_id": "nobody"},
    ],
)
def test_an_unsound_schedule_is_refused(changes):
    assert refused(schedule(**changes))


def test_a_key_is_unique_in_its_community():
    Community.objects.create(slug="other")
    schedule(key="nightly").save()
    assert not refused(schedule(key="nightly", community_id="other"))
    assert refused(schedule(key="nightly"))


@pytest.mark.parametrize("state", RunState)
def test_every_state_of_the_engine_can_be_written_with_its_facts(state):
    assert set(FACTS) == set(TRANSITIONS)
    assert not refused(run(state))


def lacking():
    for state, facts in FACTS.items():
        for fact in facts:
            if (state, fact) not in OPTIONAL:
                yield pytest.param(state, fact, id=f"{state}-without-{fact}")


OPTIONAL = {
    (RunState.RUNNING, "ready_at"),
    (RunState.RETRYING, "reason"),
    (RunState.FAILED, "reason"),
    (RunState.TIMED_OUT, "reason"),
    (RunState.LOST, "reason"),
}


@pytest.mark.parametrize(("state", "fact"), list(lacking()))
def test_a_state_without_one_of_its_facts_is_refused(state, fact):
    nothing = 0 if fact in {"attempt", "retries"} else None
    assert refused(run(state, **{fact: nothing}))


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        (RunState.QUEUED, {"status": "waiting"}),
        (RunState.QUEUED, {"reason": "because"}),
        (RunState.QUEUED, {"trigger": "magic"}),
        (RunState.QUEUED, {"node": "n1"}),
        (RunState.QUEUED, {"started_at": NOW}),
        (RunState.QUEUED, {"finished_at": NOW}),
        (RunState.QUEUED, {"cancel_requested_at": NOW}),
        (RunState.BUFFERED, {"ready_at": NOW}),
        (RunState.BUFFERED, {"attempt": 1}),
        (RunState.RETRYING, {"node": "n1"}),
        (RunState.RETRYING, {"finished_at": NOW}),
        (RunState.RUNNING, {"finished_at": NOW}),
        (RunState.MISSED, {"attempt": 1}),
        (RunState.SKIPPED, {"ready_at": NOW}),
        (RunState.SKIPPED, {"node": "n1"}),
        (RunState.SKIPPED, {"started_at": NOW}),
        (RunState.SUCCEEDED, {"takeovers": 1, "retries": 1}),
        (RunState.QUEUED, {"takeovers": -1}),
        (RunState.QUEUED, {"schedule_id": None}),
        (RunState.QUEUED, {"trigger": "manual"}),
        (RunState.QUEUED, {"request_id": "r"}),
    ],
)
def test_a_fact_that_contradicts_the_state_is_refused(state, changes):
    assert refused(run(state, **changes))


@pytest.mark.parametrize("state", RunState)
def test_only_what_did_not_run_covers_a_stretch(state):
    stretch = run(state, covers_until=LATER, covers_count=60)
    assert refused(stretch) is (state not in {RunState.MISSED, RunState.SKIPPED})


@pytest.mark.parametrize(
    "changes",
    [
        {"covers_count": 2},
        {"covers_until": NOW - timedelta(seconds=1), "covers_count": 2},
        {"covers_until": LATER, "covers_count": 0},
    ],
)
def test_a_stretch_is_whole(changes):
    assert refused(run(RunState.SKIPPED, **changes))


def test_a_fire_time_of_a_schedule_is_accounted_for_once():
    """C-04: a duplicate is impossible, not unlikely."""
    first = run()
    first.save()
    assert refused(run(RunState.SKIPPED, schedule_id=first.schedule_id))
    manual = {"trigger": "manual", "schedule_id": first.schedule_id}
    assert not refused(run(request_id="r1", **manual))
    assert not refused(run(request_id="r2", **manual))
    assert refused(run(request_id="r1", scheduled_for=LATER, **manual))


def test_the_ledger_outlives_its_schedule():
    gone = schedule()
    gone.save()
    run(schedule_id=gone.schedule_id).save()
    gone.delete()
    assert Run.objects.get().schedule_id == gone.schedule_id
    with pytest.raises(Schedule.DoesNotExist):
        _ = Run.objects.get().schedule


def test_a_community_with_schedules_cannot_be_deleted(community):
    schedule().save()
    with pytest.raises(IntegrityError):
        community.delete()


def test_attempts_and_nodes_have_their_rules():
    row = run(RunState.RETRYING)
    row.save()
    attempt = {"run": row, "node": "n1", "finished_at": NOW}
    assert not refused(RunAttempt(attempt=1, status="retrying", **attempt))
    assert refused(RunAttempt(attempt=1, status="retrying", **attempt))
    assert refused(RunAttempt(attempt=0, status="retrying", **attempt))
    assert refused(RunAttempt(attempt=2, status="succeeded", **attempt))
    times = {"started_at": NOW, "heartbeat_at": NOW, "lease_until": NOW}
    assert refused(Node(node_id="n", host="h", pid=1, capacity=0, **times))
