"""Loop 2: claim runs, execute them under the node's lease, record what they came to in groups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from clockwright.engine.events import Events, OutcomeRefused, RunEnded, RunsClaimed, SchedulePaused
from clockwright.engine.flights import Flight, Pace, Slots
from clockwright.engine.model import Claim, Outcome, RunState
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Executor, Recorded, Share, Store

_log = logging.getLogger(__name__)

RECORD_BATCH = 1_000
LINGER, LINGERS = 0.005, 4
"""A group of outcomes that is small while others will come in a moment waits for them so many seconds so many times:
a transaction costs as much as a hundred rows."""

PATIENCE = 1.0
"""After so many seconds a claimed run that found no slot here is handed back: another node may have one."""

LONG_RUN = 0.5
"""After so many seconds a run's start is written down while it goes on; shorter ones are written once, at the end."""


class Runner:
    """Executes at most `options.capacity` runs at a time, and claims those plus what its pace lets it take ahead."""

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
        self._flights: dict[int, Flight] = {}
        self._slots = Slots(options.capacity, self._fly)
        self._reserved = 0
        self._may_wait = True
        self._outcomes: list[tuple[Flight, Outcome]] = []
        self._let_go: list[Flight] = []
        self._unrecorded = asyncio.Event()
        self._airborne = asyncio.Event()
        self._moved = asyncio.Event()
        self._pace = Pace()
        self._unknown: set[UUID] = set()
        self._is_closed = False
        self.ended = 0
        self.on_let_go: Callable[[], None] = lambda: None
        """Called when runs were handed back: other nodes may have a slot for them."""

    @property
    def is_about_to_look(self) -> bool:
        """Whether something may wait for this node, and it has room for it."""
        return self._may_wait and self.room > 0

    @property
    def in_flight(self) -> int:
        """How many claimed runs have not been recorded yet."""
        return len(self._flights)

    def look_for_waiting(self) -> None:
        """Something may be queued that is not this node's: it goes before what becomes due."""
        self._may_wait = True

    @contextlib.contextmanager
    def share(self, most: int) -> Iterator[Share | None]:
        """What this node may take of runs that are settled meanwhile: nothing while others wait or it is full."""
        room = 0 if self._may_wait else min(most, self.room)
        if room <= 0 or not self._node_id():
            yield None
            return
        self._reserved += room
        try:
            yield Share(node_id=self._node_id(), room=room)
        finally:
            self._reserved -= room
            self._moved.set()
            if self._may_wait:
                self._wake()  # it may have looked meanwhile, and found no room

    async def room_for(self, count: int, seconds: float) -> bool:
        """Wait until a share of so many would be had, or so many seconds; whether it would be."""
        try:
            async with asyncio.timeout(seconds):
                while self._may_wait or self.room < count:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def step(self) -> float:
        """Claim what there is room for; seconds until a waiting retry is ready, at most the safety sweep."""
        room, node_id = self.room, self._node_id()
        if room <= 0 or not node_id:  # without an id the node is between two lives
            self._may_wait = True
            return self._sweep  # a landing flight wakes the loop
        self._may_wait = False
        self._reserved += room
        try:
            claimed = await offload(self._store.claim_runs, node_id, room)
        except BaseException:
            self._may_wait = True
            raise
        finally:
            self._reserved -= room
            self._moved.set()
        self.take(claimed.claims)
        if len(claimed.claims) == room:
            self._may_wait = True
            return 0.0
        self._moved.set()
        if claimed.next_ready_at is None:
            return self._sweep
        return min(self._sweep, max(0.0, (claimed.next_ready_at - claimed.now).total_seconds()))

    def take(self, claims: Sequence[Claim]) -> None:
        """Execute what the store gave this node."""
        # what it gave to a life that ended meanwhile is the keepers'
        ours = [claim for claim in claims if claim.node_id == self._node_id()]
        if not ours or self._is_closed:
            return
        if not self._flights:
            self._pace.begin()
        time = asyncio.get_running_loop().time
        landed_at = time()
        flights = [Flight(claim, time, landed_at) for claim in ours]
        self._flights.update([(flight.claim.run_id.int, flight) for flight in flights])
        self._slots.give(flights)
        self._airborne.set()
        self._events.emit(RunsClaimed(node_id=self._node_id(), claims=ours))

    @property
    def room(self) -> int:
        """How many more runs this node may claim."""
        return self.reach - len(self._flights) - self._reserved

    @property
    def reach(self) -> int:
        """How many runs this node may hold at a time."""
        return self._capacity + self._pace.ahead(is_idle=not self._flights)

    async def _fly(self, flight: Flight) -> None:
        claim = flight.claim
        try:
            outcome = await self._executor.execute(claim, flight.now)
        except Exception:  # noqa: BLE001 - logged; the store decides whether it is queued again or lost
            _log.exception("run %s could not be executed here; it is handed back", claim.run_id)
            self._let_go.append(flight)
            self._unrecorded.set()
            return
        if outcome is None:
            self._land(flight)
            self._wake()
            return
        self._outcomes.append((flight, outcome))
        self._unrecorded.set()

    def _land(self, flight: Flight) -> None:
        # the integers of ids: a UUID's own hash is computed in Python, a dozen times a run
        if self._flights.get(flight.claim.run_id.int) is flight:
            del self._flights[flight.claim.run_id.int]
        if not self._flights:
            self._airborne.clear()
        self._moved.set()

    async def record(self) -> float:
        """Write down, in one transaction, every outcome that has come in; waits until there is one."""
        await self._unrecorded.wait()
        if self._let_go:
            await self._hand_back()
        await self._gather()
        batch, self._outcomes = self._outcomes[:RECORD_BATCH], self._outcomes[RECORD_BATCH:]
        if not (self._outcomes or self._let_go):
            self._unrecorded.clear()
        if not batch:
            return 0.0
        try:
            recorded = await offload(self._store.record_outcomes, [outcome for _, outcome in batch])
        except BaseException:
            self._outcomes[:0] = batch  # nothing was written: the loop comes back to it
            self._unrecorded.set()
            raise
        for flight, _ in batch:
            self._land(flight)
        self._pace.count(len(batch))
        self.ended += len(batch)
        self._report(batch, recorded)
        tries_again = any(outcome.state is RunState.RETRYING for _, outcome in batch)
        try:
            if await offload(self._store.promote_buffered):
                self._may_wait = True
        finally:  # the slots are free, whatever came of it
            if self._may_wait or tries_again or len(self._flights) < self._capacity:
                self._wake()  # also with a slot to spare: another node may have let go of something
        return 0.0

    async def _gather(self) -> None:
        """Where runs end by the hundred, wait for more of them."""
        for _ in range(LINGERS):
            on_the_way = len(self._flights) - len(self._outcomes)
            if not (0 < len(self._outcomes) < on_the_way and self._pace.ahead(is_idle=False)):
                return
            await asyncio.sleep(LINGER)

    async def record_rest(self) -> None:
        """Write down what has come in and is not recorded yet; raises what the store raises."""
        while self._outcomes or self._let_go:
            self._unrecorded.set()
            await self.record()

    async def _hand_back(self) -> None:
        """Let go of runs that this node does not execute after all."""
        flights, self._let_go = self._let_go, []
        node_id, runs = flights[0].claim.node_id, [flight.claim.run_id for flight in flights]
        try:
            await offload(self._store.hand_back, node_id, runs)
        except BaseException:
            # the loop comes back to them, unless this life of the node has ended meanwhile
            ours = self._flights
            self._let_go[:0] = [f for f in flights if ours.get(f.claim.run_id.int) is f]
            raise
        for flight in flights:
            self._land(flight)
        self._may_wait = True
        self._wake()
        self.on_let_go()

    def _report(self, batch: Sequence[tuple[Flight, Outcome]], recorded: Recorded) -> None:
        if recorded.otherwise:
            batch = [(flight, _as_written(outcome, recorded)) for flight, outcome in batch]
        refused = [
            outcome
            for _, outcome in batch
            if len(recorded) < len(batch) and outcome.run_id not in recorded
        ]
        ended = [
            RunEnded.of(flight.claim, outcome)
            for flight, outcome in batch
            if not refused or outcome.run_id in recorded
        ]
        if ended:
            self._events.emit_all(ended)
        for pause in recorded.paused:
            self._events.emit(SchedulePaused(node_id=self._node_id(), pause=pause))
        for outcome in refused:
            self._events.emit(OutcomeRefused(node_id=outcome.node_id, outcome=outcome))

    async def attend(self) -> None:
        """Write down the starts of long runs, pass on requests to stop, hand back what finds no slot here.

        Waits until something is under way.
        """
        await self._airborne.wait()
        now = asyncio.get_running_loop().time()
        self._give_up_waiting(now)
        long = [
            (flight, start)
            for flight in self._flights.values()
            if not flight.is_announced
            and now - flight.landed_at > LONG_RUN
            and (start := flight.start())
        ]
        if long:
            await offload(self._store.record_starts, [start for _, start in long])
            for flight, _ in long:
                flight.is_announced = True
        for run_id in await offload(self._store.cancelled_runs, self._node_id()):
            self._executor.cancel(run_id)

    def _give_up_waiting(self, now: float) -> None:
        waiting = [
            flight
            for flight in self._flights.values()
            if flight.task is None and not flight.is_let_go and now - flight.landed_at > PATIENCE
        ]
        for flight in waiting:
            flight.is_let_go = True
            self._let_go.append(flight)
        if waiting:
            self._pace.stop()
            self._unrecorded.set()

    async def reconcile(self) -> None:
        """Hand back what the store says this node holds and the node knows nothing of: a claim's answer was lost.

        Only what it did not know at the last look either: an answer may be on its way still.
        """
        node_id = self._node_id()
        if not node_id:  # between two lives
            return
        held = await offload(self._store.held_runs, node_id)
        unknown = {run_id for run_id in held if run_id.int not in self._flights}
        lost, self._unknown = unknown & self._unknown, unknown
        if lost:
            await offload(self._store.hand_back, node_id, lost)
            self._may_wait = True
            self._wake()

    async def drain(self, deadline: float) -> None:
        """Wait until every claimed run is recorded, at most `deadline` seconds."""
        try:
            async with asyncio.timeout(deadline):
                while self._flights or self._reserved:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            pass

    def close(self) -> None:
        """Take nothing more, whatever the store still gives."""
        self._is_closed = True

    def abandon(self) -> Sequence[UUID]:
        """Stop everything still under way and forget it; returns the runs that were not finished."""
        flights, self._flights = list(self._flights.values()), {}
        self._slots.clear()
        self._airborne.clear()
        self._outcomes.clear()
        self._let_go.clear()
        for flight in flights:
            self._slots.cancel(flight)
        return [flight.claim.run_id for flight in flights]


def _as_written(outcome: Outcome, recorded: Recorded) -> Outcome:
    written = recorded.otherwise.get(outcome.run_id)
    if written is None:
        return outcome
    state, reason = written
    return replace(outcome, state=state, reason=reason, ready_at=None)
