"""Loop 1: settle what is due, then sleep until the earliest fire time to come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from clockwright.engine.events import Events, SchedulesSettled
from clockwright.engine.flights import AHEAD
from clockwright.engine.model import RunState
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Settled, Store
from clockwright.engine.runner import Runner

LOOK = 0.05
"""Seconds at most to wait until the runner has seen whether something waits already."""


FEW = 4
"""So many times what the runner can take are settled at first, when nobody knows yet how many are due."""

SPARE = timedelta(seconds=10)
"""Schedules with less than so much of their grace period left are settled at once, whoever will run them."""


class Planner:
    """Settles due schedules in batches, and hands the runs that this node takes to its runner."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        *,
        options: EngineOptions,
        events: Events,
        node_id: Callable[[], str],
        on_queued: Callable[[], None],
    ) -> None:
        self._store = store
        self._runner = runner
        self._batch = options.batch
        self._sweep = options.sweep.total_seconds()
        self._events = events
        self._node_id = node_id
        self._on_queued = on_queued
        self._is_patient = False
        self._stalled_at: int | None = None
        self.on_backlog: Callable[[], None] = lambda: None
        """Called when more is due than one batch: a second may be settled beside it; and when the second is the last."""

    async def step(self) -> float:
        """Settle one batch; seconds until the next is due, at most the safety sweep."""
        limit = await self._limit()
        with self._runner.share(limit) as share:
            settled = await offload(self._store.settle_due, limit, share)
            if settled.settlements:
                event = SchedulesSettled(
                    node_id=self._node_id(), at=settled.now, settlements=settled.settlements
                )
                self._events.emit(event)
            self._runner.take(settled.claims)
        states = Counter(
            [v.state for settled_one in settled.settlements for v in settled_one.verdicts]
        )
        if states[RunState.BUFFERED]:
            # the run it waits for may have ended while this was written
            await offload(self._store.promote_buffered)
        if states[RunState.QUEUED] > len(settled.claims) or states[RunState.BUFFERED]:
            self._on_queued()
        self._is_patient = settled.is_backlogged and _has_spare(settled)
        if settled.is_backlogged:
            self.on_backlog()
        return self._pause(settled)

    async def assist(self) -> float:
        """The same beside `step` while there is a backlog: one batch is computed while the database writes another."""
        if not self._is_patient:
            return self._sweep
        pause = await self.step()
        if pause > 0:
            self.on_backlog()  # `step` may sleep by a due time that this has settled
        return pause

    async def _limit(self) -> int:
        """How many to settle. A node that runs them quickly settles as many as it takes: no other need claim them."""
        if not self._is_patient:
            if self._runner.is_about_to_look:
                await self._runner.room_for(1, LOOK)
            return min(self._batch, FEW * self._runner.reach)
        # one half runs while the other is settled
        half = max(1, min(self._batch, self._runner.reach // 2))
        if self._stalled_at is not None and self._runner.ended < self._stalled_at + half:
            return self._batch
        if await self._runner.room_for(half, AHEAD):
            self._stalled_at = None
            return max(half, min(self._batch // FEW, self._runner.room))
        self._stalled_at = self._runner.ended
        return self._batch

    def _pause(self, settled: Settled) -> float:
        if settled.is_backlogged:
            return 0.0
        if settled.next_due_at is None:
            return self._sweep
        # both instants are the store's, so a skewed clock of this machine does not matter
        return min(self._sweep, max(0.0, (settled.next_due_at - settled.now).total_seconds()))


def _has_spare(settled: Settled) -> bool:
    """Whether schedules like these could wait a little for their settlement."""
    return all(
        settlement.schedule.policy.grace is None
        or settled.now - verdict.scheduled_for + SPARE < settlement.schedule.policy.grace
        for settlement in settled.settlements
        for verdict in settlement.verdicts
        if verdict.state is RunState.QUEUED
    )
