"""Passing a claimed run on to a queue, and taking it up in a worker: the two fenced moves of the hand-over.

A run that waits in a broker is `queued` in the ledger and belongs to nobody: no lease stands behind it, and no place of
any node. What the broker carries is (run, attempt); the ledger gives the run to the first worker that comes with it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, QuerySet

from clockwright.engine.model import Claim, Policy, RunState, Trigger
from clockwright.engine.ports import UnknownSchedule
from clockwright.recurrence import RecurrenceError
from clockwright.schedules.models import Run
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.dialect import Cursor

_log = logging.getLogger(__name__)


class HandoverStore:
    """The hand-over's statements on one database alias; each method is one transaction."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        self._db = Database(using)
        self._store = SqlStore(using)

    def put_down(self, claim: Claim, wait: timedelta) -> bool:
        """Undo a claim: the run is queued as before it, and any node may claim it after `wait`.

        False where the fence is closed, or the run was asked to stop: nothing is changed then.
        """
        return self._db.write(partial(self._put_down, claim, wait))

    def postpone(self, run_id: UUID, attempt: int, wait: timedelta) -> None:
        """Let a run that nobody took up since `attempt` be claimed after `wait`, sooner or later than it would be."""
        self._db.write(partial(self._postpone, run_id, attempt, wait))

    def take_up(self, run_id: UUID, attempt: int, node_id: str) -> Claim | None:
        """Give a queued run to a worker: `attempt` + 1 begins. None when `attempt` is not the run's latest.

        Of two deliveries of one message the second finds the attempt raised.
        """
        return self._db.write(partial(self._take_up, run_id, attempt, node_id))

    def wake(self) -> None:
        """Let the engines of every process look at what is ready."""
        self._db.write(self._db.wake)

    def _runs(self, run_id: UUID, attempt: int, state: RunState) -> QuerySet[Run]:
        found: QuerySet[Run] = Run.objects.using(self._db.using).filter(
            run_id=run_id, attempt=attempt, status=state.value
        )
        return found

    def _put_down(self, claim: Claim, wait: timedelta, cursor: Cursor) -> bool:
        held = self._runs(claim.run_id, claim.attempt, RunState.RUNNING).filter(
            node=claim.node_id, cancel_requested_at=None
        )
        count = held.update(
            status=RunState.QUEUED.value,
            attempt=F("attempt") - 1,
            node=None,
            started_at=None,
            ready_at=self._db.now(cursor) + wait,
        )
        return count == 1

    def _postpone(self, run_id: UUID, attempt: int, wait: timedelta, cursor: Cursor) -> None:
        queued = self._runs(run_id, attempt, RunState.QUEUED)
        queued.update(ready_at=self._db.now(cursor) + wait)

    def _take_up(self, run_id: UUID, attempt: int, node_id: str, cursor: Cursor) -> Claim | None:
        now = self._db.now(cursor)
        taken = self._runs(run_id, attempt, RunState.QUEUED).update(
            status=RunState.RUNNING.value,
            reason=None,
            attempt=F("attempt") + 1,
            node=node_id,
            started_at=now,
        )
        if not taken:
            return None
        return self._claim(Run.objects.using(self._db.using).get(run_id=run_id), now)

    def _claim(self, row: Run, now: datetime) -> Claim:
        policy, args, context = self._plan(row)
        return Claim(
            run_id=row.run_id,
            attempt=row.attempt,
            retries=row.retries,
            takeovers=row.takeovers,
            node_id=row.node or "",
            schedule_id=row.schedule_id,
            workflow_id=row.workflow_id,
            scheduled_for=row.scheduled_for,
            claimed_at=now,
            trigger=Trigger(row.trigger),
            policy=policy,
            args=args if row.args is None else row.args,
            context=context if row.context_data is None else row.context_data,
            community=row.community_id,
        )

    def _plan(self, row: Run) -> tuple[Policy, Sequence[Any], Mapping[str, Any]]:
        """What the run has of its schedule: policy, arguments and context."""
        if row.schedule_id is None:
            return Policy(), (), {}
        try:
            schedule = self._store.get_schedule(row.schedule_id)
        except UnknownSchedule:
            return Policy(), (), {}
        except RecurrenceError:
            # a rule of a later version says nothing about the run that is here already
            _log.exception("schedule %s cannot be read; its run goes by defaults", row.schedule_id)
            return Policy(), (), {}
        return schedule.policy, schedule.args, schedule.context
