"""`check_due_schedules`: settle what is due once, by hand, and see that somebody runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from clockwright.engine.engine import Engine
from clockwright.engine.events import Event, RunEnded
from clockwright.engine.model import RunState
from clockwright.engine.offload import offload
from clockwright.engine.ports import Settled
from clockwright.schedules import selectors, stores
from clockwright.schedules.seam import borrowed
from clockwright.schedules.specs import utc_text

_BATCH = 500
_LOOK_EVERY = 1.0
_QUEUED = (RunState.QUEUED, RunState.BUFFERED)


def settle_now() -> list[dict[str, Any]]:
    """Settle every schedule that is due; the runs it queued, oldest due first, in the documented shape (B3.1)."""
    store = stores.sql_store()
    found: list[tuple[datetime, dict[str, Any]]] = []
    while True:
        settled = store.settle_due(_BATCH)
        found += _triggered(settled)
        if not settled.is_backlogged:
            break
    found.sort(key=lambda each: each[0])
    return [triggered for _, triggered in found]


def _triggered(settled: Settled) -> list[tuple[datetime, dict[str, Any]]]:
    fire_times = [
        (settlement.schedule.schedule_id, verdict.scheduled_for)
        for settlement in settled.settlements
        for verdict in settlement.verdicts
        if verdict.state in _QUEUED
    ]
    return [
        (
            run.scheduled_for,
            {
                "schedule_id": str(run.schedule_id),
                "workflow_id": str(run.workflow_id),
                "execution_id": str(run.run_id),
                "triggered_at": utc_text(settled.now),
                "scheduled_for": utc_text(run.scheduled_for),
            },
        )
        for run in selectors.queued_for(fire_times)
    ]


async def run_to_the_end(engine: Engine, run_ids: Collection[UUID]) -> None:
    """Start an engine for some runs, and stop it when each has been tried, here or elsewhere.

    A run that is to be retried is left to the next engine: it may be hours until then.
    """
    waiting = set(run_ids)
    changed = asyncio.Event()

    def note(event: Event) -> None:
        if isinstance(event, RunEnded):
            waiting.discard(event.claim.run_id)
            changed.set()

    engine.events.subscribe(note)
    await engine.start()
    try:
        while await offload(_unfinished, list(waiting)):
            changed.clear()
            try:
                async with asyncio.timeout(_LOOK_EVERY):
                    await changed.wait()
            except TimeoutError:
                continue
    finally:
        await engine.stop()


def _unfinished(run_ids: list[UUID]) -> int:
    with borrowed():
        return selectors.unfinished_among(run_ids)
