"""What the runs do. Each writes down that it began and that it ended, in a file of its process: no database is asked."""

from __future__ import annotations

import asyncio
import functools
import os
import time
from pathlib import Path

from clockwright.engine.ports import RunContext
from clockwright.engine.registry import job

EFFECTS = "CHAOS_EFFECTS"
"""The environment variable with the folder of those files."""


@functools.cache
def _file() -> int:
    path = Path(os.environ[EFFECTS], f"{os.getpid()}.effects")
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def _note(what: str, run: RunContext, node: int) -> None:
    # one write call to a file opened for appending: it is there as a whole or not at all, also after SIGKILL
    line = f"{what} {run.run_id.hex} {run.attempt} {node} {time.time():.6f}\n"
    os.write(_file(), line.encode())


@job("chaos.instant")
async def instant(run: RunContext) -> None:
    """Runs on the engine's loop."""
    _note("begin", run, os.getpid())
    _note("end", run, os.getpid())


@job("chaos.plain")
def plain(run: RunContext) -> None:
    """Runs in a thread."""
    _note("begin", run, os.getpid())
    _note("end", run, os.getpid())


@job("chaos.once", at_most_once=True)
async def once(run: RunContext) -> None:
    """Must not be called twice for one run."""
    _note("begin", run, os.getpid())
    _note("end", run, os.getpid())


@job("chaos.slow")
async def slow(run: RunContext, *, seconds: float) -> None:
    """Waits on the loop."""
    _note("begin", run, os.getpid())
    await asyncio.sleep(seconds)
    _note("end", run, os.getpid())


@job("chaos.slow_plain")
def slow_plain(run: RunContext, *, seconds: float) -> None:
    """Waits in a thread, which nobody can stop."""
    _note("begin", run, os.getpid())
    time.sleep(seconds)
    _note("end", run, os.getpid())


@job("chaos.slow_once", at_most_once=True)
async def slow_once(run: RunContext, *, seconds: float) -> None:
    """Is likely to be hit, and must not be called twice."""
    _note("begin", run, os.getpid())
    await asyncio.sleep(seconds)
    _note("end", run, os.getpid())


@job("chaos.moody")
async def moody(run: RunContext) -> None:
    """Fails up to twice, depending on the run."""
    _note("begin", run, os.getpid())
    if run.attempt <= run.run_id.int % 3:
        raise RuntimeError(f"attempt {run.attempt} of {run.run_id} was not meant to succeed")
    _note("end", run, os.getpid())


@job("chaos.process", isolation="process")
def process(run: RunContext, *, seconds: float) -> None:
    """Runs in a process of the node, which ends with it."""
    node = os.getppid()
    _note("begin", run, node)
    time.sleep(seconds)
    _note("end", run, node)
