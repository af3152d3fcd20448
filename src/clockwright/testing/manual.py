"""An engine that moves only when it is told to: deterministic, for tests that live through months."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.model import Claim, Node, Outcome, Settlement, Start
from clockwright.engine.ports import Handler, RunContext, Store, WorkflowResolver
from clockwright.testing.virtual import VirtualClock, VirtualLoop

_LEASE = timedelta(days=36_500)  # this node never dies of a test that leaps ahead


class ManualEngine:
    """Settles, claims, executes and records, one step at a time, on a virtual clock.

    `settlements` and `outcomes` keep what happened, in order. Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        store: Store,
        resolver: WorkflowResolver,
        clock: VirtualClock,
        *,
        batch: int = 500,
        node_id: str = "manual",
    ) -> None:
        self.settlements: list[Settlement] = []
        self.outcomes: list[Outcome] = []
        self._store = store
        self._clock = clock
        self._batch = batch
        self._node_id = node_id
        self._loop = VirtualLoop(clock)
        self._executor = InProcessExecutor(
            resolver, threads=1, timeout=None, announce=self._announce
        )
        store.register_node(
            Node(node_id=node_id, host="test", pid=os.getpid(), capacity=batch), _LEASE
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Release the event loop."""
        self._executor.shutdown()
        self._loop.close()

    def run_until(self, instant: datetime) -> None:
        """Live until an instant: stop at every fire time and retry on the way, settle and run what is due there."""
        while True:
            upcoming = self.step()
            if upcoming is None or upcoming > instant:
                break
            if upcoming > self._clock.now():
                self._clock.set(upcoming)
        if instant > self._clock.now():
            self._clock.set(instant)

    def advance(self, by: timedelta) -> None:
        """Live for a while."""
        self.run_until(self._clock.now() + by)

    def step(self) -> datetime | None:
        """Do all that can be done now; returns the next instant at which there will be something to do."""
        while True:
            next_due = self.settle()
            next_ready = self.run_ready()
            if self._store.promote_buffered() == 0:
                break
        upcoming = [instant for instant in (next_due, next_ready) if instant is not None]
        return min(upcoming, default=None)

    def settle(self) -> datetime | None:
        """Settle what is due, without running it; returns the next fire time."""
        while True:
            settled = self._store.settle_due(self._batch)
            self.settlements += settled.settlements
            if not settled.is_backlogged:
                return settled.next_due_at

    def run_ready(self) -> datetime | None:
        """Run what is ready; returns when the next retry will be."""
        while True:
            claimed = self._store.claim_runs(self._node_id, self._batch)
            if not claimed.claims:
                return claimed.next_ready_at
            self.finish(claimed.claims)

    def finish(self, claims: Sequence[Claim]) -> None:
        """Execute claimed runs side by side and record their outcomes."""
        outcomes = self._loop.run_until_complete(self._execute_all(claims))
        self._store.record_outcomes(outcomes)
        self.outcomes += outcomes

    async def _execute_all(self, claims: Sequence[Claim]) -> list[Outcome]:
        ended = await asyncio.gather(
            *(self._executor.execute(claim, self._clock.now) for claim in claims)
        )
        return [outcome for outcome in ended if outcome is not None]

    async def _announce(self, start: Start) -> bool:
        return start.run_id in self._store.record_starts([start])


class OneHandler:
    """A resolver that knows one handler for every workflow: `call(run)`; by default it returns the run's context."""

    def __init__(self, call: Callable[[RunContext], Any] | None = None, **settings: Any) -> None:
        self._call = call or (lambda run: dict(run.context))
        self._settings = settings
        self.runs: list[RunContext] = []

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The same handler for every id."""

        async def called(run: RunContext, _args: Sequence[Any]) -> Any:
            self.runs.append(run)
            result = self._call(run)
            return await result if asyncio.iscoroutine(result) else result

        return Handler(name=str(workflow_id), call=called, is_coroutine=True, **self._settings)
