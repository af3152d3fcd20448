"""The inspector itself: what is wrong with a call is told, and what is right is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from clockwright.engine.model import Outcome, Policy, Run, RunState, Schedule, ScheduleStatus
from clockwright.engine.ports import Amendment
from clockwright.recurrence import Interval
from clockwright.testing.simulation.invariants import Inspector
from clockwright.testing.simulation.server import Call
from clockwright.testing.virtual import DEFAULT_START

SECOND = timedelta(seconds=1)


def at(seconds: float):
    return DEFAULT_START + timedelta(seconds=seconds)


SCHEDULE = Schedule(
    schedule_id=UUID(int=1),
    workflow_id=UUID(int=2),
    recurrence=Interval(seconds=10, anchor=DEFAULT_START),
    settled_until=at(0),
    next_execution_at=at(10),
    policy=Policy(max_instances=1),
    key="ten",
)
SETTLED = replace(SCHEDULE, settled_until=at(12), next_execution_at=at(20), execution_count=1)
RUN = Run(
    run_id=UUID(int=3),
    schedule_id=SCHEDULE.schedule_id,
    workflow_id=SCHEDULE.workflow_id,
    scheduled_for=at(10),
    state=RunState.QUEUED,
)
RUNNING = replace(RUN, state=RunState.RUNNING, attempt=1, node_id="a")


def call(method, now, *, runs=(), schedules=(), args=(), result=None) -> Call:
    return Call(
        caller="a",
        method=method,
        args=args,
        now=at(now),
        runs=list(runs),
        schedules=list(schedules),
        result=result,
    )


ADDED = call("add_schedule", 0, schedules=[(None, SCHEDULE)])


def settled(*runs, schedule=SETTLED, now=12) -> Call:
    made = [(None, run) for run in runs]
    return call("settle_due", now, runs=made, schedules=[(SCHEDULE, schedule)])


def violations(*seen: Call) -> str:
    inspector = Inspector()
    for one in seen:
        inspector.look(one)
    return "\n".join(inspector.violations)


def test_what_is_right_is_passed_over():
    claimed = call("claim_runs", 12, runs=[(RUN, RUNNING)])
    ended = replace(RUNNING, state=RunState.SUCCEEDED)
    outcome = Outcome(
        run_id=RUN.run_id,
        attempt=1,
        node_id="a",
        state=RunState.SUCCEEDED,
        finished_at=at(13),
    )
    recorded = call(
        "record_outcomes", 13, runs=[(RUNNING, ended)], args=([outcome],), result={RUN.run_id}
    )
    assert not violations(ADDED, settled(RUN), claimed, recorded)


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (settled(schedule=replace(SETTLED, execution_count=0)), "1 fire times without a row"),
        (settled(RUN, RUN), "where the reference has nothing"),
        (settled(replace(RUN, scheduled_for=at(11))), "where the reference has"),
        (settled(replace(RUN, covers_count=2, covers_until=at(20))), "which are not"),
        (settled(RUN, schedule=replace(SETTLED, settled_until=at(13))), "has not come yet"),
        (settled(schedule=replace(SCHEDULE, settled_until=at(-5))), "went back"),
        (settled(RUN, schedule=replace(SETTLED, next_execution_at=at(30))), "next fire time"),
        (settled(RUN, schedule=replace(SETTLED, policy=Policy())), "an edit was lost"),
        (settled(RUN, schedule=replace(SETTLED, status=ScheduleStatus.PAUSED)), "not active"),
        (settled(replace(RUN, state=RunState.MISSED)), "is missed at"),
        (settled(replace(RUN, state=RunState.SUCCEEDED)), "is made as succeeded"),
        (call("claim_runs", 1, runs=[(None, RUN)]), "which did not move"),
    ],
)
def test_a_settling_that_is_wrong_is_told(seen, told):
    assert told in violations(ADDED, seen)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (RUN, replace(RUN, state=RunState.SUCCEEDED), "from queued to succeeded"),
        (RUN, replace(RUNNING, attempt=2), "from attempt 0 to 2"),
        (replace(RUNNING, state=RunState.FAILED), replace(RUNNING, state=RunState.LOST), "changed"),
        (RUNNING, replace(RUNNING, scheduled_for=at(20)), "became another run"),
        (replace(RUNNING, at_most_once=True), RUNNING, "forgot"),
        (RUN, None, "vanished"),
    ],
)
def test_a_run_that_moves_as_no_run_may_is_told(before, after, told):
    assert told in violations(ADDED, settled(RUN), call("take_over", 13, runs=[(before, after)]))


def test_the_word_of_a_superseded_attempt_is_told():
    second = replace(RUNNING, attempt=2, node_id="b")
    outcome = Outcome(
        run_id=RUN.run_id, attempt=1, node_id="a", state=RunState.SUCCEEDED, finished_at=at(13)
    )
    recorded = call(
        "record_outcomes",
        13,
        runs=[(second, replace(second, state=RunState.SUCCEEDED))],
        args=([outcome],),
        result={RUN.run_id},
    )
    assert "by the word of" in violations(ADDED, settled(RUN), recorded)


def test_an_edit_of_an_old_version_is_told():
    edited = replace(SCHEDULE, version=2, settled_until=at(1))
    amended = call(
        "amend_schedule",
        1,
        schedules=[(SCHEDULE, edited)],
        args=(SCHEDULE.schedule_id, Amendment(fields={"context": {}}, expected_version=7)),
    )
    assert "an edit of version 7 was let in at 1" in violations(ADDED, amended)


def test_more_active_runs_than_allowed_are_told():
    other = replace(RUN, run_id=UUID(int=4), scheduled_for=at(20))
    later = replace(SETTLED, settled_until=at(21), next_execution_at=at(30), execution_count=2)
    again = call("settle_due", 21, runs=[(None, other)], schedules=[(SETTLED, later)])
    assert "2 active of at most 1" in violations(ADDED, settled(RUN), again)


def test_what_is_left_over_in_the_end_is_told():
    inspector = Inspector()
    inspector.look(ADDED)
    inspector.look(settled(RUN))
    assert inspector.overdue(at(40), 5 * SECOND)
    inspector.at_the_end([RUN])
    assert "is queued for ever" in inspector.violations[-1]
    assert not Inspector().overdue(at(40), 5 * SECOND)


def test_a_row_that_was_deleted_is_missed_in_the_end():
    inspector = Inspector()
    inspector.look(ADDED)
    inspector.look(settled(RUN))
    inspector.at_the_end([])
    assert "1 fire times without a row" in inspector.violations[-1]


FAILING = replace(SCHEDULE, policy=replace(SCHEDULE.policy, pause_after_failures=1))
PAUSED = replace(
    FAILING,
    settled_until=at(12),
    execution_count=1,
    status=ScheduleStatus.PAUSED,
    next_execution_at=None,
    version=2,
)


@pytest.mark.parametrize(
    ("schedules", "told"),
    [
        ([(None, PAUSED)], ""),
        ([], "is not paused"),
        ([(None, replace(PAUSED, version=1))], "an edit was lost"),
        ([(None, replace(PAUSED, next_execution_at=at(20)))], "next fire time"),
    ],
)
def test_a_schedule_that_fails_once_too_often_must_pause_with_it(schedules, told):
    moved = replace(FAILING, settled_until=at(12), next_execution_at=at(20), execution_count=1)
    failed = replace(RUNNING, state=RunState.FAILED)
    outcome = Outcome(
        run_id=RUN.run_id, attempt=1, node_id="a", state=RunState.FAILED, finished_at=at(13)
    )
    recorded = call(
        "record_outcomes",
        13,
        runs=[(RUNNING, failed)],
        schedules=schedules,
        args=([outcome],),
        result={RUN.run_id},
    )
    added = call("add_schedule", 0, schedules=[(None, FAILING)])
    seen = violations(added, settled(RUN, schedule=moved), recorded)
    assert told in seen
    assert bool(told) == bool(seen)


def test_a_run_that_is_ready_outside_the_jitter_or_claimed_before_its_place_is_told():
    early = replace(RUN, ready_at=at(15))
    assert "is ready at" in violations(ADDED, settled(early))
    spread = replace(SCHEDULE, policy=replace(SCHEDULE.policy, jitter=timedelta(seconds=9)))
    moved = call(
        "settle_due",
        12,
        runs=[(None, early)],
        schedules=[(spread, replace(SETTLED, policy=spread.policy))],
    )
    added = call("add_schedule", 0, schedules=[(None, spread)])
    assert not violations(added, moved)
    begun = replace(early, state=RunState.RUNNING, attempt=1)
    claimed = call("claim_runs", 13, runs=[(early, begun)])
    assert "before it is ready" in violations(added, moved, claimed)
