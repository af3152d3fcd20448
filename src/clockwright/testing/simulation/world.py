"""A world of several processes in one thread: virtual time, an event loop for each process, and chance by a seed.

Nothing here sleeps, starts a thread, or asks the machine for the time or for randomness: the same seed is the same
world, call by call.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import count
from random import Random
from typing import Any, TypeVar

from clockwright.testing.virtual import VirtualClock

T = TypeVar("T")

TRACE_LENGTH = 150
"""So many of the last events are kept to be told of a seed that fails."""

FASTEST = 0.000_5
"""Seconds that a call to the store takes at least, one way: so time passes, whatever a loop does."""


class World:
    """Virtual seconds, the events to come in their order, chance, and a memory of the last that happened.

    `clock` is the store's: it follows the world's seconds, but may be stepped.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Random(f"{seed}/world")  # noqa: S311 - it must be repeatable
        self.now = 0.0
        self.clock = _StoreClock(self)
        self.latency = FASTEST
        self.events = 0
        self.trace: deque[tuple[float, str, str, Any]] = deque(maxlen=TRACE_LENGTH)
        self._heap: list[
            tuple[float, int, ProcessLoop | None, asyncio.Handle | Callable[[], object]]
        ] = []
        self._order = count()
        self._awake: deque[ProcessLoop] = deque()

    def at(self, when: float, call: Callable[[], object]) -> None:
        """Have something happen at a virtual second, whatever becomes of the processes."""
        heappush(self._heap, (max(when, self.now), next(self._order), None, call))

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        """Have something happen so many virtual seconds from now."""
        self.at(self.now + seconds, call)

    def ring(self, when: float, loop: ProcessLoop, handle: asyncio.Handle) -> None:
        """Have a process do something at a virtual second, unless it stands still or is dead then."""
        heappush(self._heap, (max(when, self.now), next(self._order), loop, handle))

    def ring_earlier(self, loop: ProcessLoop, by: float) -> None:
        """All that a process waits for comes so many seconds earlier: its clock leapt."""
        moved = [
            (max(self.now, when - by) if owner is loop else when, order, owner, what)
            for when, order, owner, what in self._heap
        ]
        heapify(moved)
        self._heap = moved

    def wake(self, loop: ProcessLoop) -> None:
        """Note that a process has something to do now."""
        self._awake.append(loop)

    def step_clock(self, by: timedelta) -> None:
        """Let the store's clock jump, forth or back."""
        self.clock.advance(by)

    def tell(self, who: str, what: str, detail: Any = "") -> None:
        """Remember an event; `detail` becomes text only if somebody reads it."""
        self.trace.append((self.now, who, what, detail))

    def travel_time(self) -> float:
        """How long a message takes one way: mostly little, now and then a lot."""
        return FASTEST + self.latency * self.chance.random() ** 4

    def run(self, until: float, is_done: Callable[[], bool] = lambda: False) -> None:
        """Live until a virtual second, or until it is done (asked whenever time moves on)."""
        while True:
            while self._awake:
                self._awake.popleft().turn()
            if not self._heap or self._heap[0][0] > until or is_done():
                break
            when, _, loop, what = heappop(self._heap)
            self.events += 1
            self.now = max(self.now, when)
            if loop is None:
                what()  # type: ignore[operator]
            else:
                loop.deliver(what)  # type: ignore[arg-type]
        if not is_done():
            self.now = max(self.now, until)


class _StoreClock(VirtualClock):
    """Follows the world's seconds, but may be stepped."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def now(self) -> datetime:
        """The virtual present of the store."""
        return self._now + timedelta(seconds=self._world.now)


class ProcessLoop(asyncio.AbstractEventLoop):
    """The event loop of one simulated process. It can stand still, die, and count time a little wrong.

    `rate`: how many seconds its clock counts in a second of the world. Work for a thread pool becomes a message:
    it is done at its arrival, whatever became of the process by then, and the answer travels back.
    """

    def __init__(self, world: World, name: str, rate: float = 1.0) -> None:
        self.name = name
        self.world = world
        self.is_dead = False
        self.is_paused = False
        self.turns_to_live: int | None = None
        self.on_death: Callable[[], None] = lambda: None
        self._rate = rate
        self._leapt = 0.0
        self._rung = 0.0
        self._ready: deque[asyncio.Handle] = deque()
        self._held: list[asyncio.Handle] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_awake = False

    def time(self) -> float:
        """Seconds by this process's clock."""
        return max(self._rung, self.world.now * self._rate + self._leapt)

    def leap(self, seconds: float) -> None:
        """Its clock leaps ahead, as that of a machine that slept."""
        self._leapt += seconds
        self.world.ring_earlier(self, seconds / self._rate)

    def turn(self) -> None:
        """Do what is ready, step by step, until nothing is; between any two steps the process may die."""
        if self.is_paused or self.is_dead:
            self._is_awake = False
            return
        asyncio._set_running_loop(self)  # noqa: SLF001 - its documented use: by an event loop
        try:
            while self._ready:
                if self.turns_to_live is not None:
                    self.turns_to_live -= 1
                    if self.turns_to_live < 0:
                        break
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()  # noqa: SLF001 - likewise
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
            self._is_awake = False
        if self.turns_to_live is not None and self.turns_to_live < 0:
            self.die()

    def deliver(self, handle: asyncio.Handle) -> None:
        """Something came for the process: a timer, an answer."""
        if self.is_dead or handle.cancelled():
            return
        if isinstance(handle, asyncio.TimerHandle):
            self._rung = max(self._rung, handle.when())  # rounding must not make a timer early
        if self.is_paused:
            self._held.append(handle)
            return
        self._push(handle)

    def pause(self) -> None:
        """Stand still, as after SIGSTOP; time goes on."""
        self.is_paused = True

    def resume(self) -> None:
        """Go on; what came in the meantime is there at once."""
        self.is_paused = False
        held, self._held = self._held, []
        for handle in held:
            self._push(handle)
        self._wake()

    def die(self) -> None:
        """End without a word, as after SIGKILL."""
        if self.is_dead:
            return
        self.is_dead = True
        self._ready.clear()
        self._held.clear()
        for task in self._tasks:
            if not task.done():
                _forget(task)
        self._tasks.clear()
        self.on_death()

    # What asyncio asks of a loop.

    def call_soon(  # type: ignore[override]
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """Do something in the turn at hand."""
        handle = asyncio.Handle(callback, args, self, context)
        if not self.is_dead:
            self._push(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """The same: there are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do something so many of its own seconds from now."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """Do something at a time of its own clock."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if not self.is_dead:
            self.world.ring((when - self._leapt) / self._rate, self, handle)
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], **settings: Any
    ) -> asyncio.Task[T]:
        """A task of this loop."""
        task = asyncio.Task(coro, loop=self, **settings)
        if len(self._tasks) > 50:
            self._tasks = [other for other in self._tasks if not other.done()]
        self._tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Send a message, and get a future that is done when the answer is here."""
        future: asyncio.Future[T] = self.create_future()

        def arrive() -> None:
            try:
                result, error = func(*args), None
            except Exception as problem:  # noqa: BLE001 - handed to whoever awaits the future
                result, error = None, problem
            answer = asyncio.Handle(_answer, (future, result, error), self, None)
            self.world.ring(self.world.now + self.world.travel_time(), self, answer)

        self.world.after(self.world.travel_time(), arrive)
        return future

    def is_running(self) -> bool:
        """Until it dies."""
        return not self.is_dead

    def is_closed(self) -> bool:
        """When it is dead."""
        return self.is_dead

    def get_debug(self) -> bool:
        """Never."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What nobody awaited is told, except of the dead."""
        if not self.is_dead:
            self.world.tell(self.name, "unhandled", context.get("exception") or context["message"])

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays in the heap and is passed over there."""

    def _push(self, handle: asyncio.Handle) -> None:
        self._ready.append(handle)
        self._wake()

    def _wake(self) -> None:
        if self._ready and not (self._is_awake or self.is_paused or self.is_dead):
            self._is_awake = True
            self.world.wake(self)


def _answer(future: asyncio.Future[T], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


def _forget(task: asyncio.Task[Any]) -> None:
    """Unwind a dead process's coroutine now, not whenever the garbage is collected."""
    # it may want to wait for something while it is closed: nobody waits with the dead
    with contextlib.suppress(RuntimeError, ValueError):
        task.get_coro().close()
