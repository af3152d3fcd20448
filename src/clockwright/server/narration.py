"""Every run as one line on stdout as it ends, for whoever watches `make run`."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from clockwright.console.pages import function_name
from clockwright.console.wording import length
from clockwright.engine.events import Event, RunEnded, SchedulesSettled
from clockwright.engine.model import RunState, Settlement
from clockwright.server.output import result
from clockwright.server.selectors import schedule_name

_QUIET = frozenset({RunState.QUEUED, RunState.BUFFERED})
"""What a settlement only begins is told when it ends."""


class Narrator:
    """Takes the engine's events and prints them from a thread of its own, so that no terminal slows the engine."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._tell, name="clockwright-narrator", daemon=True)
        self._names: dict[UUID, str] = {}

    def start(self) -> None:
        """Begin to print."""
        self._thread.start()

    def hear(self, event: Event) -> None:
        """Subscribe this to the engine's events; it never blocks."""
        self._events.put(event)

    def stop(self) -> None:
        """Print what was heard so far, then return."""
        self._events.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self) -> None:
        while (event := self._events.get()) is not None:
            for line in self._lines(event):
                result(line)

    def _lines(self, event: Event) -> Iterator[str]:
        if isinstance(event, RunEnded):
            yield self._ended(event)
        elif isinstance(event, SchedulesSettled):
            for settlement in event.settlements:
                yield from self._not_run(settlement)

    def _not_run(self, settlement: Settlement) -> Iterator[str]:
        """What was skipped or missed: a stretch with one reason is one line, however long it is."""
        schedule = settlement.schedule
        told = (verdict for verdict in settlement.verdicts if verdict.state not in _QUIET)
        for (state, reason), group in groupby(
            told, key=lambda verdict: (verdict.state, verdict.reason)
        ):
            stretch = list(group)
            times = sum(verdict.covers_count for verdict in stretch)
            last = stretch[-1].covers_until or stretch[-1].scheduled_for
            line = f"{_start(last, self._name(schedule.schedule_id), schedule.workflow_id)} {state:<10} "
            yield f"{line}{(reason or '').replace('_', ' ')}" + (
                f", {times:,} times" if times > 1 else ""
            )

    def _ended(self, event: RunEnded) -> str:
        claim, outcome = event.claim, event.outcome
        line = (
            f"{_start(claim.scheduled_for, self._name(claim.schedule_id), claim.workflow_id)} {outcome.state:<10} "
            f"took {length(event.duration):<8} late {length(event.lateness):<8} attempt {claim.attempt}"
        )
        if outcome.error:
            line += f"  {outcome.error.strip().splitlines()[0]}"
        if outcome.state is RunState.RETRYING and outcome.ready_at is not None:
            wait = max(outcome.ready_at - outcome.finished_at, timedelta())
            line += f" (again in {length(wait)})"
        return line

    def _name(self, schedule_id: UUID | None) -> str:
        if schedule_id is None:
            return "-"
        if schedule_id not in self._names:
            self._names[schedule_id] = schedule_name(schedule_id)
        return self._names[schedule_id]


def _start(scheduled_for: datetime, name: str, workflow_id: UUID) -> str:
    return f"{scheduled_for.astimezone(UTC):%H:%M:%S}Z  {name:<20} {function_name(workflow_id):<14}"
