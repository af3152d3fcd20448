"""Threads for plain functions: as many as are needed, and none that a process has to wait for at its end.

The standard pool would do neither: a function that overran keeps its place in it, and the interpreter does not end
while one still runs, however long ago the run was handed back.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_Publish = Callable[[], None]
_Call = Callable[[], _Publish]


class FunctionThreads(Executor):
    """Calls run at once: in an idle thread, else in a new one. How many may run is for the engine to say."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = 0
        self._alive = 0
        self._is_closed = False

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Call it in a thread; raises RuntimeError after `shutdown`."""
        future: Future[R] = Future()

        def call() -> _Publish:
            if not future.set_running_or_notify_cancel():
                return lambda: None
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - handed to whoever awaits the future
                return functools.partial(future.set_exception, error)
            return functools.partial(future.set_result, result)

        with self._lock:
            if self._is_closed:
                raise RuntimeError("these threads were shut down")
            if self._idle:
                self._idle -= 1
                self._calls.put(call)
            else:
                self._start(call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - inherited
        """Take no more calls and end the idle threads; those that run are not waited for."""
        with self._lock:
            self._is_closed = True
            for _ in range(self._alive):
                self._calls.put(None)

    def _start(self, call: _Call) -> None:
        self._alive += 1
        name = f"{self._name}-{self._alive}"
        threading.Thread(target=self._work, args=(call,), name=name, daemon=True).start()

    def _work(self, call: _Call | None) -> None:
        while call is not None:
            publish = call()
            with self._lock:
                # idle before anybody learns the result, so that a call that follows finds this thread
                self._idle += 1
            publish()
            del call, publish  # what they hold must not live until the next one comes
            call = self._calls.get()
