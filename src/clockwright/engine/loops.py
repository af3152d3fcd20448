"""What the three loops share: a signal to wait on, and a pass that is repeated, whatever happens, until it is told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from clockwright.engine.events import Events, LoopFailed

FIRST_BACKOFF = timedelta(milliseconds=100)
LAST_BACKOFF = timedelta(seconds=15)


class Signal:
    """A flag that one loop waits for and anybody on the same event loop may raise."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Let the waiter look again."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when raised since the last wait, or after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


Step = Callable[[], Awaitable[float]]
"""One pass of a loop; returns how many seconds it may sleep, unless its signal is raised."""


class Loop:
    """Repeats a step. A step that raises is reported and repeated after a growing pause: a database comes back."""

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        events: Events,
        node_id: Callable[[], str],
        last_backoff: timedelta = LAST_BACKOFF,
    ) -> None:
        self.name = name
        self.signal = Signal()
        self._step = step
        self._events = events
        self._node_id = node_id
        self._last_backoff = last_backoff
        self._stopping = False

    def stop(self) -> None:
        """Let the pass in progress end and do no other."""
        self._stopping = True
        self.signal.set()

    async def run(self) -> None:
        """Repeat until stopped."""
        backoff = FIRST_BACKOFF
        while not self._stopping:
            try:
                pause = await self._step()
                backoff = FIRST_BACKOFF
            except Exception as error:  # noqa: BLE001 - reported as an event; the loop must outlive any failure
                failed = LoopFailed(
                    node_id=self._node_id(), loop=self.name, error=error, retry_in=backoff
                )
                self._events.emit(failed)
                pause, backoff = backoff.total_seconds(), min(backoff * 2, self._last_backoff)
            if pause > 0:
                await self.signal.wait(pause)
            else:
                await asyncio.sleep(0)
