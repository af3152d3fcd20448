"""Loop 1: settle what is due, then sleep until the earliest fire time to come."""

from __future__ import annotations

from collections.abc import Callable

from clockwright.engine.events import Events, SchedulesSettled
from clockwright.engine.model import RunState
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Settled, Store


class Planner:
    """Settles due schedules in batches. `on_queued` is called when there is something to run."""

    def __init__(
        self,
        store: Store,
        *,
        options: EngineOptions,
        events: Events,
        node_id: Callable[[], str],
        on_queued: Callable[[], None],
    ) -> None:
        self._store = store
        self._batch = options.batch
        self._sweep = options.sweep.total_seconds()
        self._events = events
        self._node_id = node_id
        self._on_queued = on_queued

    async def step(self) -> float:
        """Settle one batch; seconds until the next is due, at most the safety sweep."""
        settled = await offload(self._store.settle_due, self._batch)
        states = {
            verdict.state for settlement in settled.settlements for verdict in settlement.verdicts
        }
        if RunState.BUFFERED in states:
            # the run it waits for may have ended while this was written
            await offload(self._store.promote_buffered)
        if states & {RunState.QUEUED, RunState.BUFFERED}:
            self._on_queued()
        if settled.settlements:
            event = SchedulesSettled(
                node_id=self._node_id(), at=settled.now, settlements=settled.settlements
            )
            self._events.emit(event)
        return self._pause(settled)

    def _pause(self, settled: Settled) -> float:
        if settled.is_backlogged:
            return 0.0
        if settled.next_due_at is None:
            return self._sweep
        # both instants are the store's, so a skewed clock of this machine does not matter
        return min(self._sweep, max(0.0, (settled.next_due_at - settled.now).total_seconds()))
