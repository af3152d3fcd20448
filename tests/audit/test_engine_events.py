"""What the engine does, as log lines (S4-46…50); the ledger and not the trail is the record of runs."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from clockwright.audit.engine_events import log_engine_event
from clockwright.engine import events
from clockwright.engine.model import Claim, Outcome, Reason, RunState, Trigger
from clockwright.engine.ports import Pause
from clockwright.engine.settle import settle
from tests.engine.situations import HOURLY, MINUTELY, T0, situation

HOUR = timedelta(hours=1)


@pytest.fixture
def told(caplog):
    """Say an event; get the records."""
    caplog.set_level(logging.DEBUG, "clockwright.audit")

    def tell(event):
        caplog.clear()
        log_engine_event(event)
        return caplog.records

    return tell


def claim(**settings):
    known = {
        "run_id": uuid4(),
        "attempt": 1,
        "retries": 0,
        "takeovers": 0,
        "node_id": "n1",
        "schedule_id": uuid4(),
        "workflow_id": uuid4(),
        "scheduled_for": T0,
        "claimed_at": T0,
        "trigger": Trigger.SCHEDULE,
        "policy": situation().schedule.policy,
        "args": (),
        "context": {"secret": "hunter2"},
        "community": "default",
    }
    return Claim(**known | settings)


def test_a_schedule_that_paused_itself_is_told_whoever_paused_it(told):
    who = {"schedule_id": uuid4(), "workflow_id": uuid4(), "community": "default"}
    event = events.SchedulePaused(node_id="n1", pause=Pause(**who, failures=3))
    (recorded,) = [record.getMessage() for record in told(event)]
    due = replace(situation(MINUTELY, pause_after_failures=3), failures=3)
    settlement = settle(due, T0 + HOUR)
    settled = events.SchedulesSettled(node_id="n1", at=T0, settlements=[settlement])
    (found,) = [record.getMessage() for record in told(settled)]
    for line in (recorded, found):
        assert "3 runs in a row failed" in line


def ended(state, **settings):
    made = claim()
    outcome = Outcome(
        run_id=made.run_id, attempt=1, node_id="n1", state=state, finished_at=T0, **settings
    )
    return events.RunEnded(
        node_id="n1",
        claim=made,
        outcome=outcome,
        lateness=timedelta(milliseconds=20),
        duration=timedelta(seconds=1.5),
    )


def settled(base, now):
    return events.SchedulesSettled(node_id="n1", at=now, settlements=[settle(base, now)])


def test_start_and_stop_are_the_systems(told):
    (start,) = told(events.NodeStarted(node_id="n1"))
    (stop,) = told(events.NodeStopped(node_id="n1", handed_back=2))
    assert (start.event_type, start.action) == ("SYSTEM", "scheduler_start")
    assert (stop.event_type, stop.action) == ("SYSTEM", "scheduler_stop")
    assert "handed_back=2" in stop.getMessage()


def test_a_claimed_run_is_triggered_with_its_ids(told):
    made = claim()
    (record,) = told(events.RunsClaimed(node_id="n1", claims=[made]))
    assert (record.event_type, record.action) == ("AUDIT", "schedule_triggered")
    assert (record.execution_id, record.schedule_id) == (str(made.run_id), str(made.schedule_id))
    assert "hunter2" not in record.getMessage()


def test_an_executed_run_says_how_long_it_took_and_how_late_it_was(told):
    (record,) = told(ended(RunState.SUCCEEDED))
    assert (record.event_type, record.action, record.result) == (
        "AUDIT",
        "schedule_executed",
        "SUCCESS",
    )
    assert " time=1500ms " in record.getMessage()
    assert "late_ms=20" in record.getMessage()


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.TIMED_OUT, RunState.RETRYING])
def test_a_run_that_ended_badly_is_an_error_with_its_reason(told, state):
    (record,) = told(ended(state, reason=Reason.ERROR, error="ValueError: a\nb"))
    assert (record.event_type, record.action) == ("ERROR", "schedule_execution_error")
    assert record.levelno == logging.ERROR
    assert record.getMessage().isprintable()
    assert 'error="ValueError: a\\nb"' in record.getMessage()


def test_missed_fire_times_are_one_line_with_their_number(told):
    """A night's backlog is a line and not a thousand."""
    base = situation(MINUTELY, grace=timedelta(0))
    records = told(settled(base, T0 + HOUR + timedelta(seconds=30)))
    missed = [record for record in records if record.action == "schedule_missed"]
    assert len(missed) == 1
    assert "next_execution=" in missed[0].getMessage()
    assert "grace_threshold=" in missed[0].getMessage()
    skipped = [record for record in records if record.action == "schedule_skipped"]
    assert len(skipped) == 1
    assert "count=59" in skipped[0].getMessage()


def test_a_limit_is_told_once_when_it_is_reached(told):
    base = situation(HOURLY, max_executions=1)
    records = told(settled(base, T0 + HOUR))
    (record,) = [record for record in records if record.action == "schedule_limit_reached"]
    assert "execution_count=1 max_executions=1" in record.getMessage()


def test_nothing_due_is_nothing_to_tell(told):
    assert not told(settled(situation(HOURLY), T0 + timedelta(minutes=1)))


def test_a_takeover_names_the_dead_node_and_every_lost_run(told):
    lost, requeued = uuid4(), uuid4()
    runs = [(lost, RunState.LOST), (requeued, RunState.QUEUED)]
    records = told(events.NodeTakenOver(node_id="n1", dead_node_id="n0", runs=runs))
    assert [record.action for record in records] == ["node_takeover", "run_lost"]
    assert "requeued=1 lost=1" in records[0].getMessage()
    assert records[1].execution_id == str(lost)


def test_a_loop_that_failed_is_an_error_that_names_it(told):
    error = RuntimeError("no\nway")
    (record,) = told(
        events.LoopFailed(node_id="n1", loop="planner", error=error, retry_in=timedelta(seconds=1))
    )
    assert (record.event_type, record.action) == ("ERROR", "check_due_schedules_loop")
    (other,) = told(
        events.LoopFailed(node_id="n1", loop="keeper", error=error, retry_in=timedelta(seconds=1))
    )
    assert other.action == "engine_loop"


def test_a_refused_outcome_and_a_lost_lease_are_told(told):
    outcome = ended(RunState.SUCCEEDED).outcome
    (refused,) = told(events.OutcomeRefused(node_id="n1", outcome=outcome))
    assert (refused.action, refused.result) == ("outcome_refused", "DENIED")
    (dead,) = told(events.NodeDeclaredDead(node_id="n1", new_node_id="n2"))
    assert dead.action == "node_declared_dead"


def test_no_event_of_the_engine_is_forgotten():
    from clockwright.audit.engine_events import _HANDLERS

    kinds = {
        kind
        for kind in vars(events).values()
        if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
    }
    assert kinds == set(_HANDLERS)
