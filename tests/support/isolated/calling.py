"""Calls in worker processes, as tests make them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from clockwright.engine.ports import Handler, ProcessCall, RunContext
from tests.support.isolated import functions

BOOTSTRAP = f"{functions.__name__}:bootstrap"
WHEN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_run(**context: Any) -> RunContext:
    return RunContext(
        run_id=uuid4(),
        attempt=2,
        schedule_id=uuid4(),
        scheduled_for=WHEN,
        triggered_at=WHEN + timedelta(seconds=1),
        trigger="schedule",
        community="default",
        context=context,
    )


class Isolated:
    """A resolver that knows one function, in a process of its own."""

    def __init__(self, name: str, **handler: Any) -> None:
        self._name = name
        self._handler = handler

    def resolve(self, workflow_id: UUID) -> Handler:
        def elsewhere(*_: object) -> None:
            raise AssertionError(f"{self._name} was called in the node's process")

        call = ProcessCall(bootstrap=BOOTSTRAP, key=self._name)
        return Handler(
            name=self._name, call=elsewhere, is_coroutine=False, process=call, **self._handler
        )


async def begun(path: Path, lines: int = 1) -> list[int]:
    """The processes that a function noted, once it has."""
    await eventually(lambda: len(functions.traces(path)) >= lines)
    return [int(line) for line in functions.traces(path)[:lines]]


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds; a test that hangs is ended by its time limit."""
    while not holds():  # noqa: ASYNC110 - what it waits for happens in files and other processes
        await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether a process is there, and not only waits to be heard of by its parent."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
