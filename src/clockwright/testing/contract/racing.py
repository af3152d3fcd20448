"""Several nodes at once: what no interleaving may break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from clockwright.engine.model import CatchUp, Overlap, RunState
from clockwright.engine.ports import ManualRun, Store
from clockwright.recurrence import Once
from clockwright.testing.contract.base import (
    LEASE,
    MINUTE,
    SECOND,
    START,
    UNLIMITED,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    registered,
    running,
    settled,
    states,
)
from clockwright.testing.virtual import VirtualClock

T = TypeVar("T")

NODES = 4


class RacingContract(Contract):
    """Threads that start together, each as a node of its own."""

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """The results of calls made at the same moment, each in a thread of its own."""
        gate = threading.Barrier(len(calls))

        def begin(call: Callable[[], T]) -> T:
            try:
                gate.wait()
                return call()
            finally:
                self.end_of_thread()

        with ThreadPoolExecutor(len(calls)) as pool:
            return [future.result() for future in [pool.submit(begin, call) for call in calls]]

    def test_racing_claims_share_no_run_and_leave_none(
        self, store: Store, clock: VirtualClock
    ) -> None:
        for _ in range(60):
            added(store, Once(START + SECOND))
        clock.advance(SECOND)
        settled(store)

        def claim_all(node_id: str) -> Callable[[], Sequence[object]]:
            def claim() -> list[object]:
                taken: list[object] = []
                while batch := claimed(store, node_id, 7):
                    taken += [entry.run_id for entry in batch]
                return taken

            return claim

        taken = self.together(*(claim_all(f"n{number}") for number in range(NODES)))
        runs = [run_id for batch in taken for run_id in batch]
        # a node that finds everything locked may leave early; what it left is there for the next look
        runs += [claim.run_id for claim in claimed(store)]
        assert len(runs) == len(set(runs)) == 60

    def test_racing_settlements_account_for_each_fire_time_once(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """C-04, C-40: N processes, one run a fire time."""
        policy = replace(UNLIMITED, catch_up=CatchUp.ALL)
        schedules = [added(store, policy=policy) for _ in range(20)]
        for _ in range(5):
            clock.advance(MINUTE)
            self.together(*[lambda: settled(store, 3)] * NODES)
            settled(store)
        for schedule in schedules:
            times = [run.scheduled_for for run in store.runs_of(schedule.schedule_id)]
            assert times == schedule.recurrence.upcoming(START, 5)

    def test_the_limit_of_executions_holds_in_a_race(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """C-04."""
        policy = replace(UNLIMITED, max_executions=3, catch_up=CatchUp.ALL)
        schedule = added(store, policy=policy)
        for _ in range(5):
            clock.advance(MINUTE)
            self.together(*[lambda: settled(store)] * NODES)
        assert states(store, schedule) == [RunState.QUEUED] * 3
        assert store.get_schedule(schedule.schedule_id).execution_count == 3

    def test_racing_requests_of_one_id_make_one_run(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        request = ManualRun(request_id="the same")
        made = self.together(*[lambda: store.trigger_run(schedule.schedule_id, request)] * NODES)
        assert len({run.run_id for run in made}) == 1
        assert len(store.runs_of(schedule.schedule_id)) == 1

    def test_racing_takeovers_rescue_each_run_once(self, store: Store, clock: VirtualClock) -> None:
        registered(store, "dead")
        for _ in range(20):
            added(store, Once(START + SECOND))
        clock.advance(SECOND)
        settled(store)
        assert len(claimed(store, "dead")) == 20
        clock.advance(2 * LEASE)
        takeovers = [t for batch in self.together(*[store.take_over] * NODES) for t in batch]
        rescued = [run_id for takeover in takeovers for run_id, _ in takeover.runs]
        assert len(rescued) == len(set(rescued)) == 20
        assert all(claim.takeovers == 1 for claim in claimed(store, "n1"))

    def test_racing_promotions_do_not_exceed_the_room(
        self, store: Store, clock: VirtualClock
    ) -> None:
        policy = replace(UNLIMITED, max_instances=2, overlap=Overlap.BUFFER_ALL)
        schedule = added(store, policy=policy)
        fired(store, clock, schedule, 8)
        for _ in range(3):
            store.record_outcomes([outcome(claim) for claim in claimed(store)])
            assert sum(self.together(*[store.promote_buffered] * NODES)) == 2
            assert states(store, schedule).count(RunState.QUEUED) == 2

    def test_an_outcome_and_a_takeover_race_for_a_run_and_one_wins(
        self, store: Store, clock: VirtualClock
    ) -> None:
        for generation in range(5):
            node_id = registered(store, f"g{generation}")
            claim = running(store, clock, node_id)
            clock.advance(2 * LEASE)
            recorded, takeovers = self.together(
                lambda claim=claim: set(store.record_outcomes([outcome(claim)])),  # type: ignore[misc]
                lambda: {run_id for takeover in store.take_over() for run_id, _ in takeover.runs},
            )
            won = {claim.run_id}
            assert (recorded, takeovers) in [(won, set()), (set(), won)]
            expected = RunState.SUCCEEDED if recorded else RunState.QUEUED
            assert store.get_run(claim.run_id).state is expected
            store.record_outcomes([outcome(left) for left in claimed(store, "cleaner")])
