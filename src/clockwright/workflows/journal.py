"""The journal of an execution in the database: what it asks is off the loop, and it outlasts a database that is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError

from clockwright.engine.offload import offload
from clockwright.engine.ports import LetGo
from clockwright.workflows.records import Execution, Record
from clockwright.workflows.states import ExecutionStatus
from clockwright.workflows.store import ExecutionStore

T = TypeVar("T")

_log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2
LAST_PAUSE: Final = 5.0
"""Seconds before a database that is away is asked again; doubled each time. The run's own time limit ends it."""


class DatabaseJournal:
    """Keeps records behind the fence of `attempt`; None: of a call that no run stands behind."""

    def __init__(self, store: ExecutionStore, execution: Execution, attempt: int | None) -> None:
        self._store = store
        self._run_id: UUID = execution.run_id
        self._attempt = attempt
        self._records = dict(execution.records)
        self._asked: tuple[datetime, float] | None = None

    @property
    def finished(self) -> int:
        """How many steps are kept as finished."""
        return sum(record.is_finished for record in self._records.values())

    def record_of(self, path: str) -> Record | None:
        """What is kept of a step."""
        return self._records.get(path)

    async def now(self) -> datetime:
        """The database's clock, asked once and carried on by this machine's monotonic one."""
        time = asyncio.get_running_loop().time
        if self._asked is None:
            self._asked = (await persistently(self._store.now), time())
        now, at = self._asked
        return now + timedelta(seconds=time() - at)

    async def keep(self, record: Record) -> None:
        """Keep it; raises LetGo when the run is another node's."""
        await persistently(partial(self._write, record))

    def _write(self, record: Record) -> None:
        """In the thread: what is written is known, also when nobody waits for it any more."""
        self._store.keep(self._run_id, self._attempt, record)
        self._records[record.path] = record

    async def finish(self, status: ExecutionStatus, **facts: Any) -> None:
        """Write how it ended; raises LetGo."""
        finish = partial(self._store.finish, self._run_id, self._attempt, status, **facts)
        await persistently(finish)

    async def put_down(self, until: datetime) -> None:
        """Queue the run for then: raises LetGo. Returns where it has none, or one that is about to be stopped."""
        if self._attempt is None:
            return
        if await persistently(partial(self._store.put_down, self._run_id, self._attempt, until)):
            raise LetGo(self._run_id)


async def persistently(call: Callable[[], T]) -> T:
    """What a store call returns, however long its database is away; raises what else it raises.

    Who is cancelled meanwhile waits for the call that is under way, so that none of theirs is written later.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return await _to_its_end(offload(call))
        except (OperationalError, InterfaceError):
            _log.exception("the database does not answer an execution; next try in %.1f s", pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LAST_PAUSE)


async def _to_its_end(call: Coroutine[Any, Any, T]) -> T:
    """What it returns; cancelled, it raises CancelledError when the call has ended."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):  # it is raised below
                await asyncio.wait({task})
        raise
