"""Worker processes for functions that must be stoppable: started when they are needed, killed when a call is cut off.

A process makes one call at a time and is used again. It leads a process group of its own, so that what a function
started ends with it. It is a program of its own and no fork, because the node has threads; JSON lines go over its
pipes (`engine.messages`), and it ends by itself when the node has gone (`engine.child`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

from clockwright.engine.child import main_place
from clockwright.engine.messages import Lines, Reply, Request, Said
from clockwright.engine.ports import InvalidPayload, InvalidResult, ProcessCall, RunContext

_log = logging.getLogger(__name__)

GRACE: Final = 2.0
"""Seconds between SIGTERM, which a function's `finally` hears, and SIGKILL."""

START: Final = 60.0
"""Seconds in which a new process must be ready; a call's timeout does not begin before that."""

IDLE: Final = 60.0
"""Seconds after which a process without work is ended."""

RUNS_EACH: Final = 1_000
"""Calls after which a process is replaced: what functions leak ends with it."""

_LAST_WORDS: Final = 1.0
"""Seconds that the pipes of a process that ended are read on, where something it left behind holds them open."""

_AFTER_KILL: Final = 5.0
"""Seconds after SIGKILL in which a process must be gone, unless the kernel itself waits for something."""

_LONGEST_LINE: Final = 10_000
_CODE: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from clockwright.engine.child import main; main(sys.argv[1], sys.argv[2])"
)


class ProcessNotStarted(Exception):
    """A worker process could not be made ready."""


class ProcessDied(Exception):
    """A worker process ended before it answered: it was killed from outside, crashed, or was ended by its function."""


class FunctionFailed(Exception):
    """The function raised; `why` and `traceback` are the texts that its process sent."""

    def __init__(self, why: str, traceback: str) -> None:
        self.why = why
        self.traceback = traceback
        super().__init__(why)


class Processes:
    """The worker processes of one node; all methods belong to one event loop. How many may run is the engine's to say."""

    def __init__(
        self,
        *,
        grace: float = GRACE,
        start: float = START,
        idle: float = IDLE,
        runs_each: int = RUNS_EACH,
    ) -> None:
        self._grace = grace
        self._start = start
        self._idle_for = idle
        self._runs_each = runs_each
        self._all: set[_Process] = set()
        self._idle: list[_Process] = []
        self._endings: set[asyncio.Task[None]] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def pids(self) -> frozenset[int]:
        """The processes that live."""
        return frozenset(process.pid for process in self._all if process.is_alive)

    async def call(
        self, call: ProcessCall, run: RunContext, args: Sequence[Any], on_begin: Callable[[], None]
    ) -> Any:
        """What the function returns. Cancelled, it returns when the process is gone; `on_begin`: it is ready now.

        Raises InvalidPayload, InvalidResult, FunctionFailed, ProcessDied, ProcessNotStarted.
        """
        line = Request(call=call, run=run, args=args).line()
        process = await self._ready(call.bootstrap)
        on_begin()
        try:
            reply = await process.ask(line, f"run {run.run_id} of {call.key}")
        except BaseException:
            await self._end(process)
            raise
        self._put_back(process)
        return _result(reply)

    async def close(self) -> None:
        """Start no more, and end those that live."""
        self._is_closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        await asyncio.gather(*(self._end(process) for process in list(self._all)))

    def kill(self) -> None:
        """End them all without waiting."""
        self._is_closed = True
        for process in self._all:
            process.signal(signal.SIGKILL)

    async def _ready(self, bootstrap: str) -> _Process:
        """One that waits for a call, else a new one."""
        if self._is_closed:
            raise ProcessNotStarted("this node is stopping")
        for process in reversed(self._idle):
            if process.is_alive and process.bootstrap == bootstrap:
                self._idle.remove(process)
                return process
        process = _Process(bootstrap)
        self._all.add(process)
        try:
            await process.start(self._start)
        except BaseException:
            await self._end(process)
            raise
        return process

    def _put_back(self, process: _Process) -> None:
        process.runs += 1
        if self._is_closed or process.runs >= self._runs_each:
            self._ending(process)
            return
        loop = asyncio.get_running_loop()
        process.idle_since = loop.time()
        self._idle.append(process)
        if self._sweeping is None:
            self._sweeping = loop.call_later(self._idle_for, self._sweep)

    def _sweep(self) -> None:
        """End what has been idle for long; the longest idle stand first."""
        loop = asyncio.get_running_loop()
        latest = loop.time() - self._idle_for
        while self._idle and (self._idle[0].idle_since <= latest or not self._idle[0].is_alive):
            self._ending(self._idle.pop(0))
        self._sweeping = None
        if self._idle:
            self._sweeping = loop.call_at(self._idle[0].idle_since + self._idle_for, self._sweep)

    async def _end(self, process: _Process) -> None:
        # whoever waits for it may be cancelled once more; the end goes on
        await asyncio.shield(self._ending(process))

    def _ending(self, process: _Process) -> asyncio.Task[None]:
        task = asyncio.create_task(self._finish(process), name="clockwright process ends")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)
        return task

    async def _finish(self, process: _Process) -> None:
        await process.end(self._grace)
        self._all.discard(process)
        if process in self._idle:
            self._idle.remove(process)


class _Process(asyncio.SubprocessProtocol):
    """One worker process."""

    def __init__(self, bootstrap: str) -> None:
        loop = asyncio.get_running_loop()
        self.bootstrap = bootstrap
        self.runs = 0
        self.idle_since = 0.0
        self._speaker = "a worker process"
        self._loop = loop
        self._transport: asyncio.SubprocessTransport | None = None
        self._gone: asyncio.Future[None] = loop.create_future()
        self._expected: asyncio.Future[Reply] = loop.create_future()
        self._lines = {1: Lines(), 2: Lines(_LONGEST_LINE)}
        self._open = {1, 2}

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._transport is not None and self._transport.get_returncode() is None

    @property
    def pid(self) -> int:
        """Its id; 0 before it was started."""
        return 0 if self._transport is None else self._transport.get_pid() or 0

    async def start(self, within: float) -> None:
        """Start it and wait until it is ready; raises ProcessNotStarted."""
        command = (interpreter(), "-P", "-c", _CODE, self.bootstrap, main_place(), *sys.path)
        pipes: dict[str, Any] = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
        try:
            async with asyncio.timeout(within):
                await self._loop.subprocess_exec(
                    lambda: self, *command, **pipes, start_new_session=True
                )
                reply = await self._expected
        except TimeoutError as error:
            raise ProcessNotStarted(
                f"a worker process was not ready within {within:g} s"
            ) from error
        except (OSError, ProcessDied) as error:
            raise ProcessNotStarted(f"a worker process could not be started: {error}") from error
        if reply.said is not Said.READY:
            raise ProcessNotStarted(
                f"a worker process could not be made ready: {reply.why}\n{reply.traceback}"
            )

    async def ask(self, request: bytes, speaker: str) -> Reply:
        """Send a request and wait for its reply; raises ProcessDied. `speaker`: whose output follows."""
        self._speaker = speaker
        if not self.is_alive or self._transport is None:
            raise self._death()
        self._expected = self._loop.create_future()
        cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0)).write(request)
        return await self._expected

    async def end(self, grace: float) -> None:
        """Ask it to end, and kill it after `grace` seconds; returns when it is gone."""
        for signum, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _AFTER_KILL)):
            if self._transport is None or self._gone.done():
                return
            self.signal(signum)
            await asyncio.wait([self._gone], timeout=patience)

    def signal(self, signum: signal.Signals) -> None:
        """Send a signal to it and what it started."""
        if self.pid:
            # the second: macOS refuses where only a process that has ended is left of the group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signum)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """A reply, or what a function wrote."""
        for line in self._lines[fd].feed(data):
            if fd == 2 or (reply := Reply.read(line)) is None:
                self._tell(line)
            elif not self._expected.done():
                self._expected.set_result(reply)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """One of its pipes was closed."""
        self._open.discard(fd)
        self._bury_unless_heard()

    def process_exited(self) -> None:
        """It ended: so does what it left behind."""
        self.signal(signal.SIGKILL)
        self._loop.call_later(_LAST_WORDS, self._bury)
        self._bury_unless_heard()

    def _bury_unless_heard(self) -> None:
        if not self._open and not self.is_alive:
            self._bury()

    def _bury(self) -> None:
        if self._gone.done():
            return
        self._gone.set_result(None)
        self._tell(self._lines[2].rest())
        if not self._expected.done():
            self._expected.set_exception(self._death())
            self._expected.exception()  # nobody need have waited for it
        if self._transport is not None:
            self._transport.close()

    def _death(self) -> ProcessDied:
        code = None if self._transport is None else self._transport.get_returncode()
        how = _how_it_ended(code)
        return ProcessDied(f"the process of {self._speaker} ended before it answered: {how}")

    def _tell(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if text:
            _log.info("%s: %s", self._speaker, text)


def interpreter() -> str:
    """The Python that worker processes are: this one, also in programs that only contain it, such as uWSGI."""
    found = Path(sys.executable or "")
    if found.name.startswith(("python", "pypy")):
        return str(found)
    return str(Path(sys.exec_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"))


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "it had not begun"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _result(reply: Reply) -> Any:
    match reply.said:
        case Said.RESULT:
            return reply.result
        case Said.INVALID_PAYLOAD:
            raise InvalidPayload(reply.why)
        case Said.INVALID_RESULT:
            raise InvalidResult(reply.why)
        case Said.READY | Said.ERROR:
            raise FunctionFailed(reply.why, reply.traceback)
