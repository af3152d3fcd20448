"""Time that moves only when everything is idle: a clock and an asyncio event loop that share it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from clockwright.engine.keeper import Heartbeat

T = TypeVar("T")

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualClock:
    """A `Clock` that stands still until it is moved; it may be moved back."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The virtual present, aware, in UTC."""
        return self._now

    def set(self, instant: datetime) -> None:
        """Jump to an instant."""
        self._now = instant.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move on (or, with a negative duration, back)."""
        self._now += by


class _Deadlock(RuntimeError):
    """Everything waits, and no timer will ever ring."""


class _IdleSelector(selectors.DefaultSelector):
    """Instead of sleeping until the next timer, moves the loop's time there."""

    def __init__(self) -> None:
        super().__init__()
        self.sleep: Callable[[float], None] = lambda _seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            raise _Deadlock("everything waits and no timer is set")
        self.sleep(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock. Calls for a thread pool run at once, in place: time does not pass in them."""

    def __init__(self, clock: VirtualClock) -> None:
        selector = _IdleSelector()
        self._elapsed = 0.0
        self._clock = clock
        super().__init__(selector)
        # after half a year of seconds a float is coarser than the nanosecond asyncio allows a timer to be early
        self._clock_resolution = 1e-6
        selector.sleep = self._sleep

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._elapsed

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call now and return a future that is done. The call sees no running loop, as in a thread."""
        future: asyncio.Future[T] = self.create_future()
        asyncio._set_running_loop(None)  # noqa: SLF001 - there is no other way to say so
        try:
            future.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the future
            future.set_exception(error)
        finally:
            asyncio._set_running_loop(self)  # noqa: SLF001 - likewise
        return future

    def _sleep(self, seconds: float) -> None:
        self._elapsed += seconds
        self._clock.advance(timedelta(seconds=seconds))


def run_virtually(main: Coroutine[Any, Any, T], clock: VirtualClock) -> T:
    """Run a coroutine to its end on a virtual loop; hours pass in milliseconds."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock)) as runner:
        return runner.run(main)


class LoopHeartbeat(Heartbeat):
    """A heartbeat on the event loop instead of in a thread, so that it beats in virtual time."""

    _task: asyncio.Task[None] | None = None

    @property
    def is_late(self) -> bool:
        """Never: real time does not count."""
        return False

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.get_running_loop().create_task(self._beat_virtually())

    def stop(self) -> None:
        """Beat no more."""
        if self._task is not None:
            self._task.cancel()

    async def _beat_virtually(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            if not self._store.beat(self._node_id, self._lease):
                self._on_dead()
                return
