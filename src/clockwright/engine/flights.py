"""Claimed runs on their way through a node: the slots they wait for, and the pace at which they end."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clockwright.engine.model import Claim, Start
from clockwright.engine.offload import own_pool

AHEAD = 0.25
"""Seconds of work a node claims beyond its free slots, by its own pace: short runs come in large groups, long ones
only when there is a slot for them."""

MAX_AHEAD = 2_000
_SHORTEST_LOOK = 0.005


@dataclass(slots=True, eq=False)
class Flight:
    """A claimed run on its way through this node. `time` is the loop's clock, and said `landed_at` when it came."""

    claim: Claim
    time: Callable[[], float]
    landed_at: float
    task: asyncio.Task[None] | None = None
    has_begun: bool = False
    started_at: datetime | None = None
    is_announced: bool = False
    is_let_go: bool = False

    def now(self) -> datetime:
        """The store's clock, carried on by this machine's monotonic one. Who asks first begins the attempt."""
        now = self.claim.claimed_at + timedelta(seconds=self.time() - self.landed_at)
        if self.started_at is None:
            self.started_at = now
        return now

    def start(self) -> Start | None:
        """That its attempt began, if it did."""
        if self.started_at is None:
            return None
        return Start(
            run_id=self.claim.run_id,
            attempt=self.claim.attempt,
            node_id=self.claim.node_id,
            started_at=self.started_at,
        )


class Slots:
    """Lets so many flights go at a time; the others wait in the order in which they came."""

    def __init__(self, capacity: int, fly: Callable[[Flight], Coroutine[Any, Any, None]]) -> None:
        self._free = capacity
        self._fly = fly
        self._waiting: deque[Flight] = deque()
        self._context = contextvars.copy_context()
        # a handler's own store calls use the common threads
        self._context.run(own_pool.set, None)

    def give(self, flights: Iterable[Flight]) -> None:
        """Start them in free slots, or let them wait for one."""
        self._waiting.extend(flights)
        self._fill()

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()

    def cancel(self, flight: Flight) -> None:
        """Stop one that was given; what has begun frees its slot when it has ended."""
        if flight.task is None:
            return
        flight.task.cancel()
        if not flight.has_begun:  # nor will it
            self._free += 1

    def _fill(self) -> None:
        while self._free and self._waiting:
            flight = self._waiting.popleft()
            if flight.is_let_go:
                continue
            self._free -= 1
            # a context of its own: this may be called at the end of another run
            context = self._context.copy()
            flight.task = asyncio.create_task(self._occupied(flight), context=context)

    async def _occupied(self, flight: Flight) -> None:
        flight.has_begun = True
        try:
            await self._fly(flight)
        except asyncio.CancelledError:
            self._leave()
            raise
        self._leave()  # not in a `finally`: a task that is thrown away with its loop starts no other

    def _leave(self) -> None:
        self._free += 1
        self._fill()


class Pace:
    """How many runs a second this node ended when it last had any. Idle time does not count."""

    def __init__(self) -> None:
        self._since = 0.0
        self._ended = 0
        self._rate = 0.0

    def begin(self) -> None:
        """Runs take off where there were none; a moment without any is no idle time."""
        now = asyncio.get_running_loop().time()
        if now - self._since > AHEAD:
            self._since, self._ended = now, 0

    def count(self, ended: int) -> None:
        """So many runs have ended."""
        self._ended += ended
        self._look(_SHORTEST_LOOK)

    def stop(self) -> None:
        """Take nothing ahead until runs end quickly again."""
        self._rate, self._ended = 0.0, 0

    def ahead(self, *, is_idle: bool) -> int:
        """How many runs may be taken beyond those that have a slot."""
        if not is_idle:
            self._look(AHEAD)
        return min(MAX_AHEAD, int(self._rate * AHEAD))

    def _look(self, shortest: float) -> None:
        now = asyncio.get_running_loop().time()
        elapsed = now - self._since
        if elapsed >= shortest:
            self._rate = self._ended / elapsed
            self._since, self._ended = now, 0
