"""One timer for all that must end in time: a node runs thousands of calls a second, and hardly one of them is late."""

from __future__ import annotations

import asyncio
from typing import Any


class Deadlines:
    """Cancels tasks that take too long. All methods belong to one event loop."""

    def __init__(self) -> None:
        self._due: dict[asyncio.Task[Any], float] = {}
        self._over: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, task: asyncio.Task[Any], seconds: float) -> None:
        """Cancel the task after so many seconds, unless it is cleared before."""
        loop = asyncio.get_running_loop()
        at = self._due[task] = loop.time() + seconds
        if self._timer is None or at < self._timer.when():
            self._arm(at)

    def is_over(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task was cancelled for being late."""
        return task in self._over

    def clear(self, task: asyncio.Task[Any]) -> None:
        """The task need not hurry any more."""
        self._due.pop(task, None)
        if self._over:
            self._over.discard(task)

    def close(self) -> None:
        """Nothing is late any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for task in [task for task, at in self._due.items() if at <= now]:
            del self._due[task]
            self._over.add(task)
            task.cancel()
        if self._due:
            self._arm(min(self._due.values()))
