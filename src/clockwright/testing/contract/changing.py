"""Changing schedules: the old rule is settled up to the change, the new one neither repeats nor invents the past."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from clockwright.engine.model import Overlap, Reason, RunState, Schedule, ScheduleStatus
from clockwright.engine.ports import (
    Amendment,
    NothingToRun,
    Store,
    UnknownSchedule,
    VersionConflict,
)
from clockwright.recurrence import Interval, Once
from clockwright.testing.contract.base import (
    HOUR,
    MINUTE,
    SECOND,
    SECONDLY,
    START,
    UNLIMITED,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    retrying,
    settled,
    states,
    tally,
)
from clockwright.testing.virtual import VirtualClock

OTHER_WORKFLOW = UUID("0c9a4c66-6a9e-4d3c-8a3c-1d2f6f1b2a55")


def amended(store: Store, schedule: Schedule, **fields: Any) -> Schedule:
    """The schedule after a change."""
    return store.amend_schedule(schedule.schedule_id, Amendment(fields=fields))


class ChangingContract(Contract):
    """`amend_schedule`."""

    def test_a_change_is_kept_and_counted(self, store: Store) -> None:
        schedule = added(store, context={"a": 1}, key="k")
        changes: dict[str, Any] = {
            "recurrence": Interval(minutes=5),
            "policy": replace(UNLIMITED, max_executions=4),
            "start_at": START + HOUR,
            "end_at": START + 2 * HOUR,
            "args": [7],
            "context": {"b": 2},
            "workflow_id": OTHER_WORKFLOW,
        }
        changed = amended(store, schedule, **changes)
        assert changed == store.get_schedule(schedule.schedule_id)
        expected = replace(
            schedule, **changes, version=2, next_execution_at=START + HOUR + 270 * SECOND
        )
        assert replace(changed, args=list(changed.args)) == expected

    def test_the_old_rule_is_settled_up_to_the_change(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        clock.advance(2 * MINUTE)
        changed = amended(store, schedule, recurrence=Interval(seconds=10))
        assert tally(store, schedule) == {
            (RunState.SKIPPED, Reason.COALESCED): 1,
            (RunState.QUEUED, None): 1,
        }
        assert changed.settled_until == clock.now()
        assert changed.next_execution_at == clock.now() + 10 * SECOND
        (run,) = (r for r in store.runs_of(schedule.schedule_id) if r.state is RunState.QUEUED)
        assert (changed.execution_count, changed.last_execution_id) == (1, run.run_id)

    def test_a_new_rule_neither_repeats_nor_invents_the_past(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        fired(store, clock, schedule, 3)
        amended(store, schedule, recurrence=Interval(seconds=30))
        assert not settled(store)
        clock.advance(30 * SECOND)
        settled(store)
        times = [run.scheduled_for for run in store.runs_of(schedule.schedule_id)]
        assert times == [START + wait * SECOND for wait in (30, 90, 150, 180)]

    def test_a_version_that_is_no_longer_true_changes_nothing(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        amended(store, schedule, context={"first": True})
        clock.advance(5 * MINUTE)
        before = store.get_schedule(schedule.schedule_id)
        late = Amendment(fields={"context": {"second": True}}, expected_version=1)
        with pytest.raises(VersionConflict):
            store.amend_schedule(schedule.schedule_id, late)
        assert store.get_schedule(schedule.schedule_id) == before
        assert states(store, schedule) == []
        store.amend_schedule(schedule.schedule_id, replace(late, expected_version=2))

    def test_a_rule_without_a_fire_time_changes_nothing(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        clock.advance(5 * MINUTE)
        before = store.get_schedule(schedule.schedule_id)
        with pytest.raises(NothingToRun):
            amended(store, schedule, recurrence=Once(START))
        assert store.get_schedule(schedule.schedule_id) == before
        assert states(store, schedule) == []

    def test_an_unknown_schedule_cannot_be_changed(self, store: Store) -> None:
        with pytest.raises(UnknownSchedule):
            store.amend_schedule(uuid4(), Amendment(fields={"context": {}}))

    def test_a_paused_schedule_is_not_due(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store)
        paused = amended(store, schedule, status=ScheduleStatus.PAUSED, status_reason="holiday")
        assert (paused.status, paused.status_reason) == (ScheduleStatus.PAUSED, "holiday")
        assert paused.next_execution_at is None
        clock.advance(HOUR)
        answer = store.settle_due(10)
        assert not answer.settlements
        assert answer.next_due_at is None

    def test_times_that_pass_in_a_pause_are_recorded_when_it_ends(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        amended(store, schedule, status=ScheduleStatus.PAUSED)
        clock.advance(5 * MINUTE)
        resumed = amended(store, schedule, status=ScheduleStatus.ACTIVE)
        assert tally(store, schedule) == {(RunState.SKIPPED, Reason.PAUSED): 5}
        assert resumed.next_execution_at == clock.now() + 30 * SECOND
        assert resumed.execution_count == 0
        (run,) = fired(store, clock, schedule)
        assert run.state is RunState.QUEUED

    def test_a_pause_of_a_year_costs_rows_by_the_thousand(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, SECONDLY)
        amended(store, schedule, status=ScheduleStatus.PAUSED)
        clock.advance(365 * 24 * HOUR)
        amended(store, schedule, status=ScheduleStatus.ACTIVE)
        assert len(store.runs_of(schedule.schedule_id)) == 1_001
        assert tally(store, schedule) == {(RunState.SKIPPED, Reason.PAUSED): 365 * 24 * 3_600}

    def test_resuming_after_the_last_fire_time_completes(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, Once(START + MINUTE))
        amended(store, schedule, status=ScheduleStatus.PAUSED)
        clock.advance(HOUR)
        resumed = amended(store, schedule, status=ScheduleStatus.ACTIVE)
        assert resumed.status is ScheduleStatus.COMPLETED
        assert tally(store, schedule) == {(RunState.SKIPPED, Reason.PAUSED): 1}

    def test_removing_cancels_what_has_not_started_and_lets_the_rest_end(
        self, store: Store, clock: VirtualClock
    ) -> None:
        policy = replace(UNLIMITED, max_instances=3, overlap=Overlap.BUFFER_ALL)
        schedule = added(store, policy=policy)
        fired(store, clock, schedule, 2)
        tried, run = claimed(store)
        store.record_outcomes([retrying(tried, after=HOUR)])
        fired(store, clock, schedule, 2)
        removed = amended(store, schedule, status=ScheduleStatus.REMOVED)
        assert (removed.status, removed.next_execution_at) == (ScheduleStatus.REMOVED, None)
        assert states(store, schedule) == [
            RunState.CANCELLED,
            RunState.RUNNING,
            RunState.CANCELLED,
            RunState.CANCELLED,
        ]
        assert tally(store, schedule)[RunState.CANCELLED, Reason.SCHEDULE_REMOVED] == 3
        assert not claimed(store)
        assert set(store.record_outcomes([outcome(run)])) == {run.run_id}
        clock.advance(2 * HOUR)
        assert not store.settle_due(10).settlements
        assert store.promote_buffered() == 0
