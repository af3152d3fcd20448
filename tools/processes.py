"""Child processes that end when we do, and plain-text tables of what they said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from tools.environment import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ENDED_BY_TIMEOUT = 124
GRACE_SECONDS = 30.0
PATIENCE = 2700.0


class Interrupted(BaseException):
    """Somebody wants us to stop: everything on the way out still runs."""


@contextlib.contextmanager
def stopping_cleanly() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that servers are stopped on the way out."""

    def stop(number: int, _frame: object) -> None:
        raise Interrupted(signal.Signals(number).name)

    signals = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    command: Sequence[str], *, extra: Mapping[str, str] | None = None, seconds: float = PATIENCE
) -> int:
    """Run a command in the repository to its end, its output shown; returns its exit code."""
    (code,) = run_side_by_side([Job(command=command, extra=extra or {})], seconds=seconds)
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A command, what is added to its environment, and where its output goes if not to ours."""

    command: Sequence[str]
    extra: Mapping[str, str] = field(default_factory=dict)
    output: IO[bytes] | None = None


def run_side_by_side(jobs: Sequence[Job], *, seconds: float = PATIENCE) -> list[int]:
    """Run commands in the repository, all at once and to their ends; returns their exit codes."""
    deadline = time.monotonic() + seconds
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(_running(job)) for job in jobs]
        return [
            _code(child, job, deadline, seconds) for child, job in zip(children, jobs, strict=True)
        ]


@contextlib.contextmanager
def _running(job: Job) -> Iterator[subprocess.Popen[bytes]]:
    """Its process, which ends with the block at the latest."""
    child = subprocess.Popen(
        job.command,
        cwd=ROOT,
        env={**os.environ, **job.extra},
        stdout=job.output,
        stderr=None if job.output is None else subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        _end(child)


def _code(child: subprocess.Popen[bytes], job: Job, deadline: float, seconds: float) -> int:
    try:
        return child.wait(timeout=max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        print(f"Stopped after {seconds:.0f} s: {' '.join(job.command)}", flush=True)
        return ENDED_BY_TIMEOUT


def _end(child: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C would, then harder. A child that has ended is left alone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if child.poll() is not None:
            return
        child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            child.wait(timeout=GRACE_SECONDS)


def table(rows: Sequence[Sequence[str]], *, ruled_after: Sequence[int] = (0,)) -> str:
    """Columns aligned, the first to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for index, row in enumerate(rows):
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
        if index in ruled_after:
            lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)
