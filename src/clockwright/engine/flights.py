"""Claimed runs on their way through a node: the slots they wait for, and the pace at which they end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from clockwright.engine.model import Claim, Start

AHEAD = 0.25
"""Seconds of work a node claims beyond its free slots, by its own pace: short runs come in large groups, long ones
only when there is a slot for them."""

MAX_AHEAD = 2_000
_SHORTEST_LOOK = 0.005


@dataclass(slots=True, eq=False)
class Flight:
    """A claimed run on its way through this node."""

    claim: Claim
    landed_at: float
    task: asyncio.Task[None] | None = None
    started: Start | None = None
    is_announced: bool = False
    is_let_go: bool = False


class Slots:
    """Lets so many flights go at a time; the others wait in the order in which they came."""

    def __init__(self, capacity: int, fly: Callable[[Flight], Coroutine[Any, Any, None]]) -> None:
        self._free = capacity
        self._fly = fly
        self._waiting: deque[Flight] = deque()

    def give(self, flight: Flight) -> None:
        """Start it in a free slot, or let it wait for one."""
        self._waiting.append(flight)
        self._fill()

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()

    def _fill(self) -> None:
        while self._free and self._waiting:
            flight = self._waiting.popleft()
            if flight.is_let_go:
                continue
            self._free -= 1
            flight.task = asyncio.create_task(self._fly(flight))
            # not in the coroutine: that of a task which is cancelled at once never begins
            flight.task.add_done_callback(self._freed)

    def _freed(self, _task: asyncio.Task[None]) -> None:
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
