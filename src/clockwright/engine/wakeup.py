"""A wake-up within one process."""

from __future__ import annotations

import asyncio
import threading


class LocalWakeup:
    """The `Wakeup` of a store that no other process shares; any thread may notify."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to close."""

    def notify(self) -> None:
        """Wake every waiter, or the next one to come."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._is_set = not waiting
        for loop, future in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_release, future)

    async def wait(self, seconds: float) -> None:
        """Return after a notification, or after `seconds`."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._is_set:
                self._is_set = False
                return
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, future))
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            with self._lock:
                self._waiting = [entry for entry in self._waiting if entry[1] is not future]


def _release(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
