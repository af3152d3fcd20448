"""The way to the store: one link for each process, on which calls fail, acknowledgements are lost and callers die.

It wraps whatever methods the store has, so that it need not know them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any, Protocol

from clockwright.engine.model import Run, Schedule
from clockwright.engine.ports import StoreError
from clockwright.testing.simulation.guards import Changes
from clockwright.testing.simulation.polled import Seen
from clockwright.testing.simulation.world import World

_LATEST = 20.0
"""Seconds that a call may still take after its caller has given it up."""

_PRIVATE = frozenset({"hold", "release"})
"""What does not travel to the database."""


class ConnectionLost(ConnectionError):
    """The store did not answer: nothing, or everything, may have been written."""


class Fate(StrEnum):
    """What becomes of one call to the store."""

    ANSWERED = "answered"
    LOST_BEFORE = "lost before the commit"
    LOST_AFTER = "committed, but the answer was lost"
    LATE = "given up, and committed later"
    CRASH_BEFORE = "the caller died before the commit"
    CRASH_AFTER = "the caller died after the commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One transaction as the store saw it, with everything that it wrote."""

    caller: str
    method: str
    args: tuple[Any, ...]
    now: datetime
    result: Any = None
    error: Exception | None = None
    runs: Changes[Run] = field(default_factory=list)
    schedules: Changes[Schedule] = field(default_factory=list)


class Caller(Protocol):
    """A process with a link to the store."""

    name: str

    def crash(self) -> None:
        """Die without a word."""


@dataclass(slots=True, kw_only=True)
class Weather:
    """How likely which fault is, by call; `down_until`, `cut_off`: the store is away, for all or for some."""

    lost: float = 0.0
    unacknowledged: float = 0.0
    late: float = 0.0
    crash: float = 0.0
    stale: float = 0.0
    down_until: float = 0.0
    cut_off: dict[str, float] = field(default_factory=dict)

    def clear_up(self) -> None:
        """No faults from now on."""
        self.lost = self.unacknowledged = self.late = self.crash = self.stale = 0.0
        self.down_until = 0.0
        self.cut_off.clear()

    def fate(self, world: World, caller: str) -> Fate:
        """What becomes of a call."""
        if world.now < max(self.down_until, self.cut_off.get(caller, 0.0)):
            return Fate.LOST_BEFORE
        dice: Random = world.chance
        roll = dice.random()
        for likelihood, pair in (
            (self.lost, (Fate.LOST_BEFORE, Fate.LOST_BEFORE)),
            (self.unacknowledged, (Fate.LOST_AFTER, Fate.LOST_AFTER)),
            (self.late, (Fate.LATE, Fate.LATE)),
            (self.crash, (Fate.CRASH_BEFORE, Fate.CRASH_AFTER)),
        ):
            if roll < likelihood:
                return pair[dice.random() < 0.5]
            roll -= likelihood
        return Fate.ANSWERED


class Server:
    """Carries calls to the store one by one, in the weather of the moment, and shows each to an inspector."""

    def __init__(self, world: World, store: Seen, inspect: Callable[[Call], None]) -> None:
        self.store = store
        self.weather = Weather()
        self.calls = 0
        self.nodes: dict[str, str] = {}
        self._world = world
        self._inspect = inspect

    def perform(self, caller: Caller, method: str, args: tuple[Any, ...], kwargs: Any) -> Any:
        """One call, whatever becomes of it."""
        if method in _PRIVATE:
            return getattr(self.store, method)(*args, **kwargs)
        self.calls += 1
        if method == "register_node":
            self.nodes[args[0].node_id] = f"{caller.name}.{len(self.nodes) + 1}"
        fate = self.weather.fate(self._world, caller.name)
        if fate is Fate.CRASH_BEFORE:
            caller.crash()
        if fate is Fate.LATE:
            later = partial(self._carry_out, caller.name, method, args, kwargs)
            self._world.after(_LATEST * self._world.chance.random(), later)
        if fate in (Fate.CRASH_BEFORE, Fate.LOST_BEFORE, Fate.LATE):
            self._world.tell(caller.name, method, fate)
            raise ConnectionLost(method)
        call = self._carry_out(caller.name, method, args, kwargs)
        if fate is Fate.CRASH_AFTER:
            caller.crash()
        if fate is not Fate.ANSWERED:
            self._world.tell(caller.name, method, fate)
            raise ConnectionLost(method)
        if call.error is not None:
            raise call.error
        return call.result

    def _carry_out(self, caller: str, method: str, args: tuple[Any, ...], kwargs: Any) -> Call:
        if method == "settle_due" and self._world.chance.random() < self.weather.stale:
            self.store.reads_something_stale(self._world.chance)
        call = self._made(caller, method, args, kwargs)
        self._world.tell(caller, method, call)
        self._inspect(call)
        return call

    def _made(self, caller: str, method: str, args: tuple[Any, ...], kwargs: Any) -> Call:
        result, error = None, None
        try:
            result = getattr(self.store, method)(*args, **kwargs)
        except (StoreError, AssertionError) as refusal:
            error = refusal  # an assertion is a violation, told by the store itself
        runs, schedules = self.store.take_changes(method)
        return Call(
            caller=caller,
            method=method,
            args=(*args, *kwargs.values()),
            now=self._world.clock.now(),
            result=result,
            error=error,
            runs=runs,
            schedules=schedules,
        )


class StoreLink:
    """A process's view of the store: a `Store` whose every method travels."""

    settles_side_by_side = True

    def __init__(self, server: Server, caller: Caller) -> None:
        self._server = server
        self._caller = caller

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Whatever the store can do."""
        if getattr(self._server.store, method, None) is None:
            raise AttributeError(method)

        def travel(*args: Any, **kwargs: Any) -> Any:
            return self._server.perform(self._caller, method, args, kwargs)

        setattr(self, method, travel)
        return travel
