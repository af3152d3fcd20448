"""Schedules that pause themselves when their runs keep failing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clockwright.engine.model import (
    Reason,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
)
from clockwright.engine.ports import Amendment, ManualRun, Store
from clockwright.testing.contract.base import (
    MINUTE,
    UNLIMITED,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    retrying,
    settled,
    states,
)
from clockwright.testing.virtual import VirtualClock

FAILED, TIMED_OUT, SUCCEEDED = RunState.FAILED, RunState.TIMED_OUT, RunState.SUCCEEDED
CAREFUL = replace(UNLIMITED, pause_after_failures=3)


def ended(store: Store, clock: VirtualClock, schedule: Schedule, *ends: RunState) -> Schedule:
    """The schedule after so many more fire times, each of which ended so."""
    for state in ends:
        fired(store, clock, schedule)
        why = Reason.REQUESTED if state is RunState.CANCELLED else None
        store.record_outcomes([outcome(claim, state, why) for claim in claimed(store)])
    return store.get_schedule(schedule.schedule_id)


class FailingContract(Contract):
    """`Policy.pause_after_failures`."""

    def test_a_schedule_pauses_itself_with_the_outcome_that_is_one_failure_too_many(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = ended(store, clock, added(store, policy=CAREFUL), FAILED, TIMED_OUT)
        assert (schedule.status, schedule.version) == (ScheduleStatus.ACTIVE, 1)
        fired(store, clock, schedule)
        (claim,) = claimed(store)
        recorded = store.record_outcomes([outcome(claim, FAILED, Reason.ERROR)])
        assert set(recorded) == {claim.run_id}
        (pause,) = recorded.paused
        assert (pause.schedule_id, pause.community) == (schedule.schedule_id, "default")
        assert (pause.workflow_id, pause.failures) == (schedule.workflow_id, 3)
        paused = store.get_schedule(schedule.schedule_id)
        assert (paused.status, paused.status_reason) == (
            ScheduleStatus.PAUSED,
            "repeated_failures",
        )
        # a change like any other: who edits what they read before is refused
        assert (paused.next_execution_at, paused.version) == (None, 2)
        clock.advance(10 * MINUTE)
        assert not settled(store)

    def test_a_success_begins_the_count_anew(self, store: Store, clock: VirtualClock) -> None:
        ends = [FAILED, FAILED, SUCCEEDED, FAILED, TIMED_OUT]
        schedule = ended(store, clock, added(store, policy=CAREFUL), *ends)
        assert schedule.status is ScheduleStatus.ACTIVE
        assert ended(store, clock, schedule, FAILED).status is ScheduleStatus.PAUSED

    def test_outcomes_recorded_together_count_in_their_order(
        self, store: Store, clock: VirtualClock
    ) -> None:
        good, bad = (added(store, policy=CAREFUL) for _ in range(2))
        for _ in range(5):
            clock.advance(MINUTE)
            settled(store)
        outcomes = []
        by_run = {claim.run_id: claim for claim in claimed(store)}
        for schedule, ends in (
            (good, [FAILED, FAILED, SUCCEEDED, FAILED, FAILED]),
            (bad, [SUCCEEDED, FAILED, FAILED, FAILED, FAILED]),
        ):
            runs: Sequence[Run] = store.runs_of(schedule.schedule_id)
            outcomes += [
                outcome(by_run[run.run_id], state) for run, state in zip(runs, ends, strict=True)
            ]
        assert [pause.schedule_id for pause in store.record_outcomes(outcomes).paused] == [
            bad.schedule_id
        ]
        assert store.get_schedule(good.schedule_id).status is ScheduleStatus.ACTIVE
        assert ended(store, clock, good, FAILED).status is ScheduleStatus.PAUSED

    def test_what_is_no_failure_of_a_fire_time_does_not_count(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Tries that are tried again, cancelled runs, and runs that somebody asked for."""
        policy = replace(UNLIMITED, pause_after_failures=1)
        schedule = ended(store, clock, added(store, policy=policy), RunState.CANCELLED)
        fired(store, clock, schedule)
        (claim,) = claimed(store)
        store.record_outcomes([retrying(claim)])
        store.trigger_run(schedule.schedule_id, ManualRun(request_id="now"))
        (claim,) = claimed(store)
        store.record_outcomes([outcome(claim, FAILED)])
        assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.ACTIVE
        clock.advance(MINUTE)
        (claim,) = claimed(store)
        store.record_outcomes([outcome(claim, FAILED)])
        assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.PAUSED

    def test_a_refused_outcome_does_not_count(self, store: Store, clock: VirtualClock) -> None:
        policy = replace(UNLIMITED, pause_after_failures=2)
        schedule = added(store, policy=policy)
        fired(store, clock, schedule)
        (claim,) = claimed(store)
        failed = outcome(claim, FAILED)
        store.record_outcomes([failed, failed])
        store.record_outcomes([failed])
        assert store.get_schedule(schedule.schedule_id).status is ScheduleStatus.ACTIVE

    def test_without_the_policy_nothing_pauses(self, store: Store, clock: VirtualClock) -> None:
        schedule = ended(store, clock, added(store), *[FAILED] * 5)
        assert schedule.status is ScheduleStatus.ACTIVE

    def test_whoever_resumes_begins_the_count_anew_and_the_pause_has_its_rows(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = ended(store, clock, added(store, policy=CAREFUL), *[FAILED] * 3)
        clock.advance(2 * MINUTE)
        resume = Amendment(fields={"status": ScheduleStatus.ACTIVE})
        resumed = store.amend_schedule(schedule.schedule_id, resume)
        assert (resumed.status, resumed.status_reason) == (ScheduleStatus.ACTIVE, None)
        passed = store.runs_of(schedule.schedule_id)[3:]
        assert [(run.state, run.reason) for run in passed] == [
            (RunState.SKIPPED, Reason.PAUSED)
        ] * 2
        again = ended(store, clock, schedule, FAILED, FAILED)
        assert again.status is ScheduleStatus.ACTIVE
        assert ended(store, clock, schedule, FAILED).status is ScheduleStatus.PAUSED

    def test_runs_that_are_under_way_when_it_pauses_go_on(
        self, store: Store, clock: VirtualClock
    ) -> None:
        policy = replace(UNLIMITED, pause_after_failures=1)
        schedule = added(store, policy=policy)
        fired(store, clock, schedule, 3)
        first, second = claimed(store, limit=2)
        store.record_outcomes([outcome(first, FAILED)])
        assert set(store.record_outcomes([outcome(second, FAILED)])) == {second.run_id}
        assert states(store, schedule) == [FAILED, FAILED, RunState.QUEUED]
        assert len(claimed(store)) == 1
