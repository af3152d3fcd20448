"""Loop 2: claim runs, execute them under the node's lease, record what they came to in groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.engine.events import Events, OutcomeRefused, RunEnded, RunsClaimed
from clockwright.engine.model import Claim, Outcome, Start
from clockwright.engine.offload import offload, own_pool
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Executor, Store

_log = logging.getLogger(__name__)

AHEAD = 0.25
"""Seconds of work a node claims beyond its free slots, by its own pace: short runs come in large groups, long ones
only when there is a slot for them."""

MAX_AHEAD = 1_000
RECORD_BATCH = 1_000
PATIENCE = 1.0
"""After so many seconds a claimed run that found no slot here is handed back: another node may have one."""

LONG_RUN = 0.5
"""After so many seconds a run's start is written down while it goes on; shorter ones are written once, at the end."""


@dataclass(slots=True, eq=False)
class _Flight:
    """A claimed run on its way through this node."""

    claim: Claim
    landed_at: float
    task: asyncio.Task[None] | None = None
    started: Start | None = None
    is_announced: bool = False


class _Pace:
    """How many runs a second this node ended lately."""

    def __init__(self) -> None:
        self._since = 0.0
        self._ended = 0
        self._rate = 0.0

    def count(self, ended: int) -> None:
        self._ended += ended

    def stop(self) -> None:
        """Take nothing ahead until runs end quickly again."""
        self._rate, self._ended = 0.0, 0

    def ahead(self) -> int:
        now = asyncio.get_running_loop().time()
        elapsed = now - self._since
        if elapsed >= AHEAD / 10:
            self._rate = self._ended / elapsed
            self._since, self._ended = now, 0
        return min(MAX_AHEAD, int(self._rate * AHEAD))


class Runner:
    """Claims at most `options.capacity` runs at a time to execute, plus what its pace lets it take ahead."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        *,
        options: EngineOptions,
        events: Events,
        node_id: Callable[[], str],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._executor = executor
        self._capacity = options.capacity
        self._sweep = options.sweep.total_seconds()
        self._events = events
        self._node_id = node_id
        self._wake = wake
        self._slots = asyncio.Semaphore(options.capacity)
        self._flights: dict[UUID, _Flight] = {}
        self._outcomes: list[tuple[_Flight, Outcome]] = []
        self._let_go: list[_Flight] = []
        self._unrecorded = asyncio.Event()
        self._airborne = asyncio.Event()
        self._pace = _Pace()

    @property
    def in_flight(self) -> int:
        """How many claimed runs have not been recorded yet."""
        return len(self._flights)

    async def step(self) -> float:
        """Claim what there is room for; seconds until a waiting retry is ready, at most the safety sweep."""
        room = self._capacity + self._pace.ahead() - len(self._flights)
        if room <= 0 or not self._node_id():  # without an id the node is between two lives
            return self._sweep  # a landing flight wakes the loop
        claimed = await offload(self._store.claim_runs, self._node_id(), room)
        landed_at = asyncio.get_running_loop().time()
        for claim in claimed.claims:
            self._take_off(_Flight(claim, landed_at))
        if claimed.claims:
            self._events.emit(RunsClaimed(node_id=self._node_id(), claims=claimed.claims))
        if len(claimed.claims) == room:
            return 0.0
        if claimed.next_ready_at is None:
            return self._sweep
        return min(self._sweep, max(0.0, (claimed.next_ready_at - claimed.now).total_seconds()))

    def _take_off(self, flight: _Flight) -> None:
        self._flights[flight.claim.run_id] = flight
        self._airborne.set()
        flight.task = asyncio.create_task(self._fly(flight))

    async def _fly(self, flight: _Flight) -> None:
        def now() -> datetime:
            # the store's clock, carried on by this machine's monotonic one
            elapsed = asyncio.get_running_loop().time() - flight.landed_at
            return flight.claim.claimed_at + timedelta(seconds=elapsed)

        own_pool.set(None)  # the handler's own store calls use the common threads
        async with self._slots:
            claim = flight.claim
            flight.started = Start(
                run_id=claim.run_id, attempt=claim.attempt, node_id=claim.node_id, started_at=now()
            )
            try:
                outcome = await self._executor.execute(claim, now)
            except Exception:  # noqa: BLE001 - logged; the store decides whether it is queued again or lost
                _log.exception("run %s could not be executed here; it is handed back", claim.run_id)
                self._let_go.append(flight)
                self._unrecorded.set()
                return
        if outcome is None:
            self._land(flight)
            return
        self._outcomes.append((flight, outcome))
        self._unrecorded.set()

    def _land(self, flight: _Flight) -> None:
        current = self._flights.get(flight.claim.run_id)
        if current is flight:
            del self._flights[flight.claim.run_id]
        if not self._flights:
            self._airborne.clear()
        self._wake()

    async def record(self) -> float:
        """Write down, in one transaction, every outcome that has come in; waits until there is one."""
        await self._unrecorded.wait()
        if self._let_go:
            await self._hand_back()
        batch, self._outcomes = self._outcomes[:RECORD_BATCH], self._outcomes[RECORD_BATCH:]
        if not self._outcomes:
            self._unrecorded.clear()
        if not batch:
            return 0.0
        try:
            recorded = await offload(self._store.record_outcomes, [outcome for _, outcome in batch])
        except BaseException:
            self._outcomes[:0] = batch  # nothing was written: the loop comes back to it
            self._unrecorded.set()
            raise
        for flight, outcome in batch:
            self._land(flight)
            self._report(flight, outcome, is_recorded=outcome.run_id in recorded)
        self._pace.count(len(batch))
        if await offload(self._store.promote_buffered):
            self._wake()
        return 0.0

    async def record_rest(self) -> None:
        """Write down what has come in and is not recorded yet; raises what the store raises."""
        while self._outcomes or self._let_go:
            self._unrecorded.set()
            await self.record()

    async def _hand_back(self) -> None:
        """Let go of runs that this node does not execute after all."""
        flights = list(self._let_go)
        await offload(
            self._store.hand_back, flights[0].claim.node_id, [f.claim.run_id for f in flights]
        )
        del self._let_go[: len(flights)]
        for flight in flights:
            self._land(flight)

    def _report(self, flight: _Flight, outcome: Outcome, *, is_recorded: bool) -> None:
        if not is_recorded:
            self._events.emit(OutcomeRefused(node_id=outcome.node_id, outcome=outcome))
            return
        started = outcome.started_at or outcome.finished_at
        ended = RunEnded(
            node_id=outcome.node_id,
            claim=flight.claim,
            outcome=outcome,
            lateness=started - flight.claim.scheduled_for,
            duration=outcome.finished_at - started,
        )
        self._events.emit(ended)

    async def attend(self) -> None:
        """Write down the starts of long runs, pass on requests to stop, hand back what finds no slot here.

        Waits until something is under way.
        """
        await self._airborne.wait()
        now = asyncio.get_running_loop().time()
        self._give_up_waiting(now)
        long = [
            f
            for f in self._flights.values()
            if f.started and not f.is_announced and now - f.landed_at > LONG_RUN
        ]
        if long:
            await offload(
                self._store.record_starts, [flight.started for flight in long if flight.started]
            )
            for flight in long:
                flight.is_announced = True
        for run_id in await offload(self._store.cancelled_runs, self._node_id()):
            self._executor.cancel(run_id)

    def _give_up_waiting(self, now: float) -> None:
        waiting = [
            flight
            for flight in self._flights.values()
            if flight.started is None
            and flight not in self._let_go
            and now - flight.landed_at > PATIENCE
        ]
        for flight in waiting:
            if flight.task is not None:
                flight.task.cancel()
            self._let_go.append(flight)
        if waiting:
            self._pace.stop()
            self._unrecorded.set()

    async def drain(self, deadline: float) -> None:
        """Wait until every claimed run is recorded, at most `deadline` seconds."""
        end = asyncio.get_running_loop().time() + deadline
        while self._flights and (left := end - asyncio.get_running_loop().time()) > 0:
            tasks = [
                flight.task
                for flight in self._flights.values()
                if flight.task and not flight.task.done()
            ]
            if tasks:
                await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            else:
                await asyncio.sleep(min(left, 0.01))  # all have ended; the recorder is writing

    def abandon(self) -> Sequence[UUID]:
        """Stop everything still under way and forget it; returns the runs that were not finished."""
        flights, self._flights = list(self._flights.values()), {}
        self._airborne.clear()
        self._outcomes.clear()
        self._let_go.clear()
        for flight in flights:
            if flight.task is not None:
                flight.task.cancel()
        return [flight.claim.run_id for flight in flights]
