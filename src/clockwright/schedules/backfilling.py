"""Making the runs of backfills, by one node of all: whoever holds a backfill goes on with it, batch by batch."""

from __future__ import annotations

from collections import deque
from typing import Final
from uuid import UUID

from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.trail import log_event
from clockwright.engine.backfill import BackfillState
from clockwright.schedules.store.backfills import Backfills, Ended

IDLE: Final = 2.0
"""Seconds until the next look, where nothing is asked for."""

WAITING: Final = 0.25
"""Seconds until the next look at those whose runs take all the room there is."""


class Backfilling:
    """A chore of every engine. A step is one batch of one backfill, so that none of them waits for another's end."""

    name = "backfilling"

    def __init__(self, store: Backfills) -> None:
        self._store = store
        self._turns: deque[UUID] = deque()
        self._is_ready = False

    def step(self, node_id: str) -> float:
        """The next batch of the next backfill, or a look at which there are."""
        if not self._turns:
            self._turns.extend(self._store.waiting_for(node_id))
            self._is_ready = False
            if not self._turns:
                return IDLE
        backfill_id = self._turns.popleft()
        progress = self._store.advance(backfill_id, node_id)
        if progress is not None and progress.ended is not None:
            _log(backfill_id, progress.ended, node_id)
        self._is_ready |= progress is not None and progress.is_ready
        if self._turns or self._is_ready:
            return 0.0
        return WAITING


def _log(backfill_id: UUID, ended: Ended, node_id: str) -> None:
    is_well = ended.state is not BackfillState.FAILED
    log_event(
        Category.SYSTEM,
        Action.BACKFILL_ENDED,
        result=Result.SUCCESS if is_well else Result.FAILURE,
        message=f"backfill {ended.state}",
        community=ended.community,
        schedule_id=ended.schedule_id,
        workflow_id=ended.workflow_id,
        backfill_id=str(backfill_id),
        reason=ended.reason,
        node=node_id,
    )
