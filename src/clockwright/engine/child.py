"""The inside of a worker process: it makes one call at a time, and ends with the node that started it.

It is started by `engine.processes` as a program of its own, with three pipes: requests on stdin, replies on stdout,
and stderr for whatever functions write. They find nothing on their stdin, and their stdout is the third pipe too.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import select
import signal
import sys
import threading
import traceback as tracebacks
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

from clockwright.engine.messages import Lines, Reply, Request, Said
from clockwright.engine.ports import InvalidPayload, InvalidResult, RunContext

Calls = Callable[[str, RunContext, Sequence[Any]], Any]
"""What a bootstrap returns: calls the function of a key in this thread, with a run and its arguments."""

TERMINATED = 128 + signal.SIGTERM

_LOOK_FOR_PARENT = 5.0
"""Seconds between looks: a process that the node's forked without exec may hold its end of the pipe open."""

_CHUNK = 65_536


def main(bootstrap: str, main_of_parent: str) -> None:
    """Serve until the node has gone, or asks this process to end.

    `bootstrap` is `module:function`; `main_of_parent` says what the node's `__main__` is, see `main_place`.
    """
    sys.argv = ["clockwright"]  # a program that starts no engine by itself
    requests, replies = _take_pipes()
    inbox: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, inbox), daemon=True).start()
    try:
        calls = _attribute(bootstrap)()
    except Exception as error:  # noqa: BLE001 - told to the node: the run fails with it
        _write(replies, _error(error))
        return
    end = _End()
    signal.signal(signal.SIGTERM, end.ask)
    _write(replies, Reply(said=Said.READY).line())
    while not end.is_asked:
        reply = _answer(calls, Request.read(inbox.get()), main_of_parent)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(
                OSError, ValueError, AttributeError
            ):  # a function may have closed it
                stream.flush()
        _write(replies, reply)
    raise SystemExit(TERMINATED)  # a function may have swallowed the first


def main_place() -> str:
    """Where another process finds this one's `__main__`: `module:name` or `file:path`; "" for nowhere."""
    known = sys.modules.get("__main__")
    spec, file = getattr(known, "__spec__", None), getattr(known, "__file__", None)
    if spec is not None:
        return f"module:{spec.name}"
    return f"file:{Path(file).absolute()}" if file else ""


class _End:
    """SIGTERM as the exit of the function that runs, so that its `finally` is reached; once is enough."""

    def __init__(self) -> None:
        self.is_asked = False

    def ask(self, _signum: int, _frame: object) -> None:
        if not self.is_asked:
            self.is_asked = True
            raise SystemExit(TERMINATED)


def _take_pipes() -> tuple[int, int]:
    """Keep stdin and stdout for the node; what functions find in their place has nothing to do with it."""
    requests, replies = (
        os.dup(0),
        os.dup(1),
    )  # duplicates are not inherited by programs that a function starts
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return requests, replies


def _read(requests: int, inbox: SimpleQueue[bytes]) -> None:
    """Take requests in while a function runs, and end with the node, whatever the function does."""
    lines, parent = Lines(), os.getppid()
    while True:
        ready, _, _ = select.select([requests], [], [], _LOOK_FOR_PARENT)
        if not ready:
            if os.getppid() != parent:
                _die()
            continue
        data = os.read(requests, _CHUNK)
        if not data:
            _die()
        for line in lines.feed(data):
            inbox.put(line)


def _die() -> NoReturn:
    """End at once, with everything that was started here: the node is gone, and its runs are another's."""
    try:
        os.killpg(os.getpid(), signal.SIGKILL)
    finally:
        os._exit(TERMINATED)  # where this process leads no group


def _answer(calls: Calls, request: Request, main_of_parent: str) -> bytes:
    try:
        _import(request.call.module, main_of_parent)
        result = calls(request.call.key, request.run, request.args)
        return Reply(said=Said.RESULT, result=result).line()
    except InvalidPayload as error:
        return Reply(said=Said.INVALID_PAYLOAD, why=str(error)).line()
    except InvalidResult as error:
        return Reply(said=Said.INVALID_RESULT, why=str(error)).line()
    except BaseException as error:  # noqa: BLE001 - whatever a function raises is the run's outcome
        return _error(error)


def _import(module: str, main_of_parent: str) -> None:
    """The module that defines the function, where the bootstrap has not imported it."""
    if module != "__main__":
        if module:
            importlib.import_module(module)
        return
    kind, _, place = main_of_parent.partition(":")
    if kind == "module":
        importlib.import_module(place)
    elif kind == "file" and "__mp_main__" not in sys.modules:
        # by the name that the standard library uses: its `if __name__ == "__main__"` must not hold here
        spec = importlib.util.spec_from_file_location("__mp_main__", place)
        if spec is None or spec.loader is None:
            raise ImportError(f"{place} is not a file of Python")
        sys.modules["__mp_main__"] = found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)


def _error(error: BaseException) -> bytes:
    try:
        why = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - its own text fails: the name says what it was
        why = type(error).__name__
    lines = "".join(tracebacks.format_exception(error))
    return Reply(said=Said.ERROR, why=why, traceback=lines).line()


def _attribute(name: str) -> Callable[[], Calls]:
    module, _, attribute = name.partition(":")
    found: Callable[[], Calls] = getattr(importlib.import_module(module), attribute)
    return found


def _write(replies: int, line: bytes) -> None:
    while line:
        line = line[os.write(replies, line) :]
