"""Claims, and the fence of run, node and attempt around what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from clockwright.engine.model import CatchUp, Policy, Reason, RunState, Start, Trigger
from clockwright.engine.ports import ManualRun, Store, UnknownRun, UnknownSchedule
from clockwright.recurrence import Once
from clockwright.testing.contract.base import (
    MINUTE,
    SECOND,
    START,
    UNLIMITED,
    WORKFLOW,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    retrying,
    running,
    settled,
    states,
)
from clockwright.testing.virtual import VirtualClock


class ClaimingContract(Contract):
    """`claim_runs`, `record_starts`, `record_outcomes`, `trigger_run`."""

    def test_a_claim_carries_what_the_handler_needs(
        self, store: Store, clock: VirtualClock
    ) -> None:
        policy = replace(UNLIMITED, max_retries=5, timeout=timedelta(seconds=9))
        claim = running(
            store, clock, policy=policy, args=[1, "two"], context={"to": "ops"}, community="other"
        )
        assert (claim.workflow_id, claim.community, claim.trigger) == (
            WORKFLOW,
            "other",
            Trigger.SCHEDULE,
        )
        assert (claim.attempt, claim.retries, claim.takeovers, claim.node_id) == (1, 0, 0, "n1")
        assert (claim.policy, list(claim.args), claim.context) == (
            policy,
            [1, "two"],
            {"to": "ops"},
        )
        assert (claim.scheduled_for, claim.claimed_at) == (START + SECOND, clock.now())
        run = store.get_run(claim.run_id)
        assert (run.state, run.attempt, run.node_id) == (RunState.RUNNING, 1, "n1")
        assert (run.started_at, run.finished_at) == (None, None)

    def test_no_run_is_claimed_twice(self, store: Store, clock: VirtualClock) -> None:
        for _ in range(5):
            added(store, Once(START + SECOND))
        clock.advance(SECOND)
        settled(store)
        first, second, third = (
            claimed(store, "n1", 3),
            claimed(store, "n2", 3),
            claimed(store, "n1"),
        )
        assert (len(first), len(second), len(third)) == (3, 2, 0)
        assert len({claim.run_id for claim in (*first, *second)}) == 5

    def test_who_is_ready_longest_is_claimed_first(self, store: Store, clock: VirtualClock) -> None:
        third, first, second = (
            added(store, Once(START + wait * SECOND)).schedule_id for wait in (40, 10, 20)
        )
        for _ in range(4):
            clock.advance(10 * SECOND)
            settled(store)
        order = [claimed(store, limit=1)[0].schedule_id for _ in range(3)]
        assert order == [first, second, third]

    def test_runs_of_one_settlement_are_claimed_in_the_order_of_their_fire_times(
        self, store: Store, clock: VirtualClock
    ) -> None:
        added(store, policy=replace(UNLIMITED, catch_up=CatchUp.ALL))
        clock.advance(20 * MINUTE)
        settled(store)
        times = [claim.scheduled_for for claim in claimed(store)]
        assert times == sorted(times)
        assert len(times) == 20

    def test_a_start_is_noted_behind_the_fence(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        start = Start(
            run_id=claim.run_id, attempt=1, node_id="n1", started_at=clock.now(), at_most_once=True
        )
        for stale in (replace(start, attempt=2), replace(start, node_id="n2")):
            assert not store.record_starts([stale])
        assert store.get_run(claim.run_id).started_at is None
        assert set(store.record_starts([start])) == {claim.run_id}
        run = store.get_run(claim.run_id)
        assert (run.started_at, run.at_most_once) == (clock.now(), True)

    def test_an_outcome_is_recorded_whole(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        result = {
            "rows": [1, 2.5, None, True],
            "text": 'a "quoted" \\ line\nand 😀 ünï',
            "deep": {"": {}},
        }
        ended = outcome(claim, result=result)
        assert set(store.record_outcomes([ended])) == {claim.run_id}
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason, run.result) == (RunState.SUCCEEDED, None, result)
        assert (run.started_at, run.finished_at) == (ended.started_at, ended.finished_at)
        assert (run.node_id, run.attempt, run.error) == ("n1", 1, None)

    def test_a_failure_keeps_its_error_and_traceback(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        trace = 'Traceback:\n  File "x.py", line 1, in {f}\nE: {1,2} \\N "q" NULL'
        failed = outcome(claim, RunState.FAILED, Reason.ERROR, error="E: {x}", traceback=trace)
        store.record_outcomes([failed])
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason) == (RunState.FAILED, Reason.ERROR)
        assert (run.error, run.traceback) == ("E: {x}", trace)

    def test_outcomes_are_recorded_in_groups(self, store: Store, clock: VirtualClock) -> None:
        for _ in range(30):
            added(store, Once(START + SECOND))
        clock.advance(SECOND)
        settled(store)
        claims = claimed(store)
        outcomes = [
            outcome(claim, result=place, error=None if place % 2 else "odd")
            for place, claim in enumerate(claims)
        ]
        assert set(store.record_outcomes(outcomes)) == {claim.run_id for claim in claims}
        assert [store.get_run(claim.run_id).result for claim in claims] == list(range(30))

    def test_what_does_not_match_the_fence_is_refused_and_changes_nothing(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        right = outcome(claim)
        wrong = (
            replace(right, attempt=2),
            replace(right, node_id="n2"),
            replace(right, run_id=uuid4()),
        )
        for stale in wrong:
            assert not store.record_outcomes([stale])
        assert store.get_run(claim.run_id).state is RunState.RUNNING
        assert set(store.record_outcomes([*wrong, right])) == {claim.run_id}

    def test_a_second_report_of_an_attempt_is_refused(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        first, second = outcome(claim, result=1), outcome(claim, RunState.FAILED, Reason.ERROR)
        assert set(store.record_outcomes([first, second])) == {claim.run_id}
        assert not store.record_outcomes([second])
        assert store.get_run(claim.run_id).result == 1

    def test_nothing_reported_is_nothing_recorded(self, store: Store) -> None:
        assert not store.record_outcomes([])
        assert not store.record_starts([])

    def test_a_retry_is_not_claimed_before_it_is_ready(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        ready_at = claim.claimed_at + MINUTE
        assert set(store.record_outcomes([retrying(claim)])) == {claim.run_id}
        run = store.get_run(claim.run_id)
        assert (run.state, run.retries, run.node_id) == (RunState.RETRYING, 1, None)
        assert (run.ready_at, run.finished_at, run.error) == (ready_at, None, "no luck")
        clock.set(ready_at - SECOND)
        waiting = store.claim_runs("n2", 10)
        assert not waiting.claims
        assert (waiting.next_ready_at, waiting.now) == (ready_at, clock.now())
        clock.set(ready_at)
        (again,) = claimed(store, "n2")
        assert (again.run_id, again.attempt, again.retries) == (claim.run_id, 2, 1)
        assert not store.record_outcomes([outcome(claim)])
        assert set(store.record_outcomes([outcome(again)])) == {claim.run_id}

    def test_a_claim_says_when_the_next_run_is_ready(
        self, store: Store, clock: VirtualClock
    ) -> None:
        first = running(store, clock)
        store.record_outcomes([retrying(first, after=30 * MINUTE)])
        second = running(store, clock)
        store.record_outcomes([retrying(second, after=10 * MINUTE)])
        fired(store, clock, added(store, Once(clock.now() + SECOND)))
        answer = store.claim_runs("n1", 10)
        assert len(answer.claims) >= 1
        assert answer.next_ready_at == second.claimed_at + 10 * MINUTE

    def test_a_manual_run_is_unique_by_its_request(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, context={"who": "schedule"})
        run = store.trigger_run(schedule.schedule_id, ManualRun(request_id="r1"))
        assert (run.state, run.trigger, run.scheduled_for) == (
            RunState.QUEUED,
            Trigger.MANUAL,
            clock.now(),
        )
        clock.advance(SECOND)
        again = store.trigger_run(schedule.schedule_id, ManualRun(request_id="r1"))
        other = store.trigger_run(schedule.schedule_id, ManualRun(request_id="r2"))
        elsewhere = store.trigger_run(added(store).schedule_id, ManualRun(request_id="r1"))
        assert again == run
        assert len({run.run_id, other.run_id, elsewhere.run_id}) == 3

    def test_of_ready_runs_the_urgent_are_claimed_first_and_then_the_longest_ready(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Also when a claim takes runs of several priorities, or only some of one."""
        for seconds, priority in ((1, 0), (2, -5), (3, 100), (4, 0), (5, 100)):
            added(store, Once(START + seconds * SECOND), replace(UNLIMITED, priority=priority))
            clock.set(START + seconds * SECOND)
            settled(store)
        places = [
            int((claim.scheduled_for - START).total_seconds())
            for size in (1, 3, 1)
            for claim in store.claim_runs("n1", size).claims
        ]
        assert places == [3, 5, 1, 4, 2]

    def test_an_urgent_run_that_is_not_ready_keeps_nobody_waiting(
        self, store: Store, clock: VirtualClock
    ) -> None:
        urgent = replace(UNLIMITED, priority=9)
        fired(store, clock, added(store, Once(clock.now() + SECOND), urgent))
        (claim,) = claimed(store)
        store.record_outcomes([retrying(claim, after=10 * MINUTE)])
        other = fired(store, clock, added(store, Once(clock.now() + SECOND)))
        answer = store.claim_runs("n1", 10)
        assert [claim.run_id for claim in answer.claims] == [run.run_id for run in other]
        assert answer.next_ready_at == claim.claimed_at + 10 * MINUTE

    def test_a_retry_keeps_its_priority_whatever_its_schedule_has_become(
        self, store: Store, clock: VirtualClock
    ) -> None:
        policy = replace(UNLIMITED, priority=3)
        schedule = added(store, Once(clock.now() + SECOND), policy)
        fired(store, clock, schedule)
        (claim,) = claimed(store)
        store.record_outcomes([retrying(claim)])
        assert store.get_run(claim.run_id).priority == 3

    def test_a_manual_run_takes_its_own_priority_or_the_schedules(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=replace(UNLIMITED, priority=4))
        for request, priority in (("r1", None), ("r2", 5), ("r3", 0)):
            store.trigger_run(
                schedule.schedule_id, ManualRun(request_id=request, priority=priority)
            )
        found = {run.request_id: run.priority for run in store.runs_of(schedule.schedule_id)}
        assert found == {"r1": 4, "r2": 5, "r3": 0}
        assert [store.get_run(claim.run_id).request_id for claim in claimed(store)] == [
            "r2",
            "r1",
            "r3",
        ]

    def test_a_manual_run_takes_its_own_context_or_the_schedules(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, args=[1], context={"who": "schedule"})
        store.trigger_run(schedule.schedule_id, ManualRun(request_id="r1"))
        clock.advance(SECOND)
        own = ManualRun(request_id="r2", context={"who": "me"})
        store.trigger_run(schedule.schedule_id, own)
        first, second = claimed(store)
        assert (first.context, list(first.args)) == ({"who": "schedule"}, [1])
        assert (second.context, second.trigger) == ({"who": "me"}, Trigger.MANUAL)

    def test_a_manual_run_is_beside_the_schedules_fire_times(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=Policy(max_executions=1))
        clock.set(START + 30 * SECOND)
        store.trigger_run(schedule.schedule_id, ManualRun(request_id="now"))
        assert store.get_schedule(schedule.schedule_id).execution_count == 0
        settled(store)
        assert states(store, schedule) == [RunState.QUEUED, RunState.QUEUED]
        assert store.get_schedule(schedule.schedule_id).execution_count == 1

    def test_what_is_unknown_is_refused_by_its_id(self, store: Store) -> None:
        nobody = uuid4()
        with pytest.raises(UnknownRun) as no_run:
            store.get_run(nobody)
        with pytest.raises(UnknownSchedule) as no_schedule:
            store.trigger_run(nobody, ManualRun(request_id="r"))
        assert (no_run.value.args[0], no_schedule.value.args[0]) == (nobody, nobody)
        assert list(store.runs_of(nobody)) == []
