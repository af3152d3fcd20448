"""Child processes that end when we do, and plain-text tables of what they said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

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
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(extra or {})})
    try:
        return child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        print(f"Stopped after {seconds:.0f} s: {' '.join(command)}", flush=True)
        return ENDED_BY_TIMEOUT
    finally:
        _end(child)


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
