"""Adding schedules and settling their fire times: each is accounted for exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from clockwright.engine.model import (
    ROWS_PER_SETTLEMENT,
    CatchUp,
    Overlap,
    Policy,
    Reason,
    RunState,
    ScheduleStatus,
    Trigger,
)
from clockwright.engine.ports import DuplicateKey, NothingToRun, Store, UnknownSchedule
from clockwright.recurrence import Cron, Once
from clockwright.testing.contract.base import (
    HOUR,
    MINUTE,
    MINUTELY,
    SECOND,
    SECONDLY,
    START,
    UNLIMITED,
    Contract,
    added,
    fired,
    settled,
    states,
    tally,
)
from clockwright.testing.virtual import VirtualClock


class SettlingContract(Contract):
    """`add_schedule`, `get_schedule`, `settle_due`."""

    def test_a_new_schedule_owes_nothing_of_the_past(self, store: Store) -> None:
        schedule = added(store)
        assert schedule.settled_until == START
        assert schedule.next_execution_at == START + 30 * SECOND
        assert not store.settle_due(10).settlements

    def test_a_schedule_reads_back_as_it_was_written(self, store: Store) -> None:
        policy = Policy(
            grace=timedelta(seconds=1.5),
            catch_up=CatchUp.ALL,
            catch_up_limit=7,
            overlap=Overlap.BUFFER_ONE,
            max_instances=2,
            max_executions=9,
            jitter=timedelta(seconds=2.5),
            max_retries=1,
            retry_backoff=timedelta(milliseconds=250),
            retry_backoff_max=timedelta(minutes=2),
            retry_jitter=0.25,
            no_retry_on=("ValueError", "shop.errors.Refused"),
            pause_after_failures=4,
            priority=-7,
            timeout=timedelta(seconds=90),
        )
        schedule = added(
            store,
            Cron("0 5 * * *", "Australia/Sydney"),
            policy,
            key="reports.daily",
            args=[1, "zwölf", None],
            context={"to": "ops", "deep": {"list": [1.5, True]}},
            start_at=START + HOUR,
            end_at=START + 1_000 * HOUR,
        )
        found = store.get_schedule(schedule.schedule_id)
        assert replace(found, args=list(found.args)) == replace(schedule, args=[1, "zwölf", None])
        assert found.next_execution_at == datetime(2026, 3, 1, 18, tzinfo=UTC)
        assert found.version == 1

    def test_an_unknown_schedule_is_refused_by_its_id(self, store: Store) -> None:
        nobody = uuid4()
        with pytest.raises(UnknownSchedule) as refusal:
            store.get_schedule(nobody)
        assert refusal.value.args[0] == nobody

    def test_a_key_is_taken_once_in_its_community(self, store: Store) -> None:
        added(store, key="nightly")
        with pytest.raises(DuplicateKey) as refusal:
            added(store, key="nightly")
        assert refusal.value.args[0] == "nightly"
        added(store, key="nightly", community="other")
        added(store)
        added(store)

    @pytest.mark.parametrize("rule", [Once(START), Cron("0 0 30 2 *")])
    def test_a_rule_without_a_fire_time_is_refused_and_leaves_nothing(
        self, store: Store, rule: Once | Cron
    ) -> None:
        with pytest.raises(NothingToRun):
            added(store, rule, key="never")
        added(store, key="never")

    def test_a_fire_time_is_due_at_its_very_instant_and_not_before(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        clock.set(START + 30 * SECOND - timedelta(microseconds=1))
        idle = store.settle_due(10)
        assert not idle.settlements
        assert idle.next_due_at == START + 30 * SECOND
        assert idle.now == clock.now()
        clock.advance(timedelta(microseconds=1))
        assert len(store.settle_due(10).settlements) == 1
        (run,) = store.runs_of(schedule.schedule_id)
        assert (run.state, run.trigger, run.scheduled_for) == (
            RunState.QUEUED,
            Trigger.SCHEDULE,
            START + 30 * SECOND,
        )
        assert (run.attempt, run.node_id, run.ready_at) == (0, None, clock.now())
        assert (run.workflow_id, run.community) == (schedule.workflow_id, "default")

    def test_settling_moves_the_schedule_on(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store)
        (run,) = fired(store, clock, schedule)
        moved = store.get_schedule(schedule.schedule_id)
        assert moved.settled_until == moved.last_execution_at == START + 30 * SECOND
        assert moved.next_execution_at == START + 90 * SECOND
        assert moved.execution_count == 1
        assert moved.last_execution_id == run.run_id

    def test_looking_twice_changes_nothing(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store)
        before = fired(store, clock, schedule)
        assert not store.settle_due(10).settlements
        assert list(store.runs_of(schedule.schedule_id)) == before

    def test_every_fire_time_gets_exactly_one_run(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store)
        fired(store, clock, schedule, 60)
        runs = store.runs_of(schedule.schedule_id)
        assert [run.scheduled_for for run in runs] == MINUTELY.upcoming(START, 60)

    def test_a_clock_that_steps_back_repeats_nothing(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        fired(store, clock, schedule, 10)
        clock.advance(-5 * MINUTE)
        assert not store.settle_due(10).settlements
        clock.advance(6 * MINUTE)
        settled(store)
        assert len(store.runs_of(schedule.schedule_id)) == 11

    def test_who_waits_longest_is_settled_first(self, store: Store, clock: VirtualClock) -> None:
        later, first, second = (
            added(store, Once(START + wait * SECOND)).schedule_id for wait in (40, 10, 20)
        )
        clock.advance(MINUTE)
        order = [store.settle_due(1).settlements[0].schedule.schedule_id for _ in range(3)]
        assert order == [first, second, later]

    def test_a_backlog_exactly_as_long_as_a_batch_is_done_in_one(
        self, store: Store, clock: VirtualClock
    ) -> None:
        for _ in range(3):
            added(store)
        clock.advance(MINUTE)
        answer = store.settle_due(3)
        assert (len(answer.settlements), answer.is_backlogged) == (3, False)
        assert answer.next_due_at == START + 90 * SECOND

    def test_a_backlog_longer_than_a_batch_is_done_in_several(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedules = [added(store) for _ in range(7)]
        clock.advance(MINUTE)
        answers = [store.settle_due(3) for _ in range(3)]
        assert [(len(a.settlements), a.is_backlogged) for a in answers] == [
            (3, True),
            (3, True),
            (1, False),
        ]
        assert all(states(store, schedule) == [RunState.QUEUED] for schedule in schedules)

    def test_the_next_due_instant_is_the_earliest_of_all(self, store: Store) -> None:
        added(store, Once(START + HOUR))
        added(store, Once(START + MINUTE))
        assert store.settle_due(10).next_due_at == START + MINUTE

    def test_after_an_outage_only_the_latest_runs_under_latest(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        clock.advance(10 * MINUTE)
        settled(store)
        assert tally(store, schedule) == {
            (RunState.SKIPPED, Reason.COALESCED): 9,
            (RunState.QUEUED, None): 1,
        }
        assert states(store, schedule)[-1] is RunState.QUEUED

    def test_after_an_outage_all_run_under_all(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, policy=replace(UNLIMITED, catch_up=CatchUp.ALL))
        clock.advance(10 * MINUTE)
        settled(store)
        assert tally(store, schedule) == {(RunState.QUEUED, None): 10}
        assert store.get_schedule(schedule.schedule_id).execution_count == 10

    def test_what_is_later_than_its_grace_is_missed_and_the_schedule_goes_on(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """C-02: a missed fire time does not kill the schedule."""
        policy = replace(UNLIMITED, catch_up=CatchUp.ALL, grace=timedelta(seconds=150))
        schedule = added(store, policy=policy)
        clock.advance(10 * MINUTE)
        settled(store)
        assert tally(store, schedule) == {
            (RunState.MISSED, Reason.GRACE_EXCEEDED): 7,
            (RunState.QUEUED, None): 3,
        }
        (run,) = fired(store, clock, schedule)
        assert run.state is RunState.QUEUED

    def test_a_long_outage_costs_rows_by_the_thousand_and_accounts_for_all(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, SECONDLY)
        clock.advance(2 * HOUR)
        settled(store)
        rows = store.runs_of(schedule.schedule_id)
        (stretch,) = [run for run in rows if run.covers_until is not None]
        assert len(rows) == ROWS_PER_SETTLEMENT + 2
        assert stretch.scheduled_for == START + (ROWS_PER_SETTLEMENT + 1) * SECOND
        assert stretch.covers_until == clock.now() - SECOND
        assert tally(store, schedule) == {
            (RunState.SKIPPED, Reason.COALESCED): 7_199,
            (RunState.QUEUED, None): 1,
        }

    def test_the_limit_of_executions_completes_a_schedule(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=replace(UNLIMITED, max_executions=3))
        fired(store, clock, schedule, 5)
        ended = store.get_schedule(schedule.schedule_id)
        assert (ended.status, ended.status_reason) == (ScheduleStatus.COMPLETED, "limit_reached")
        assert (ended.execution_count, ended.next_execution_at) == (3, None)
        assert states(store, schedule) == [RunState.QUEUED] * 3

    def test_a_one_time_schedule_runs_once_and_is_complete(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """C-01, S4-36."""
        schedule = added(store, Once(START + SECOND))
        clock.advance(SECOND)
        settled(store)
        for _ in range(3):
            clock.advance(MINUTE)
            assert not settled(store)
        ended = store.get_schedule(schedule.schedule_id)
        (run,) = store.runs_of(schedule.schedule_id)
        assert (ended.status, ended.execution_count) == (ScheduleStatus.COMPLETED, 1)
        assert (ended.last_execution_id, ended.next_execution_at) == (run.run_id, None)

    def test_a_one_time_schedule_that_was_missed_has_failed(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """R14."""
        schedule = added(store, Once(START + SECOND), replace(UNLIMITED, grace=MINUTE))
        clock.advance(HOUR)
        settled(store)
        failed = store.get_schedule(schedule.schedule_id)
        assert (failed.status, failed.status_reason) == (ScheduleStatus.FAILED, "grace_exceeded")
        assert tally(store, schedule) == {(RunState.MISSED, Reason.GRACE_EXCEEDED): 1}
