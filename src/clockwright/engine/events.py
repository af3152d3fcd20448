"""What happened, as values; logs, metrics and audit subscribe here, and the engine itself writes no log strings."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from clockwright.engine.model import Claim, Outcome, RunState, Settlement, Trigger, value
from clockwright.engine.ports import Pause

_log = logging.getLogger(__name__)


@value
class Event:
    """Anything that happened in an engine."""

    node_id: str


@value
class NodeStarted(Event):
    """An engine registered and its loops run."""


@value
class NodeStopped(Event):
    """An engine drained; `handed_back` runs wait for another node."""

    handed_back: int


@value
class NodeDeclaredDead(Event):
    """This node found its own lease taken over; it cancelled its tasks and goes on as `new_node_id`."""

    new_node_id: str


@value
class NodeTakenOver(Event):
    """Another node's lease ran out; what became of its runs."""

    dead_node_id: str
    runs: Sequence[tuple[UUID, RunState]]


@value
class SchedulesSettled(Event):
    """One settling transaction was committed at `at` by the store's clock."""

    at: datetime
    settlements: Sequence[Settlement]


@value
class RunsClaimed(Event):
    """The node took these runs."""

    claims: Sequence[Claim]


@value
class RunEnded(Event):
    """An attempt's outcome was recorded: final, or RETRYING. `duration` is the try's.

    `lateness` is start minus due; a backfill's run is late by nothing.
    """

    claim: Claim
    outcome: Outcome
    lateness: timedelta
    duration: timedelta

    @classmethod
    def of(cls, claim: Claim, outcome: Outcome) -> Self:
        """What a recorded outcome came to."""
        started = outcome.started_at or outcome.finished_at
        return cls(
            node_id=outcome.node_id,
            claim=claim,
            outcome=outcome,
            lateness=timedelta(0)
            if claim.trigger is Trigger.BACKFILL
            else started - claim.scheduled_for,
            duration=outcome.finished_at - started,
        )


@value
class SchedulePaused(Event):
    """A schedule paused itself with the outcome of a run: too many of them failed in a row."""

    pause: Pause


@value
class OutcomeRefused(Event):
    """A late outcome met a closed fence: the run had been taken over or ended otherwise."""

    outcome: Outcome


@value
class LoopFailed(Event):
    """A loop's pass raised; it tries again after `retry_in`."""

    loop: str
    error: BaseException
    retry_in: timedelta


Subscriber = Callable[[Event], None]


class Listener(ABC):
    """A subscriber that also hears of many events of one kind at once: a node ends thousands of runs a second."""

    @abstractmethod
    def __call__(self, event: Event) -> None:
        """Hear of one event."""

    def hear_all(self, events: Sequence[Event]) -> None:
        """Hear of events of one kind, in their order."""
        for event in events:
            self(event)


class Events:
    """Hands events to subscribers, in the order they came; a subscriber that fails is logged and the rest go on."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every event from now on, on the engine's thread; it must not block."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Tell everybody."""
        self.emit_all([event])

    def emit_all(self, events: Sequence[Event]) -> None:
        """Tell everybody of events of one kind, in their order."""
        for subscriber in self._subscribers:
            if isinstance(subscriber, Listener):
                _tell(subscriber.hear_all, events, subscriber)
                continue
            for event in events:
                _tell(subscriber, event, subscriber)


def _tell(hear: Callable[[Any], None], news: Any, subscriber: Subscriber) -> None:
    try:
        hear(news)
    except Exception:  # noqa: BLE001 - logged; one bad subscriber must not stop the rest
        what = type(news if isinstance(news, Event) else news[0]).__name__
        _log.exception("subscriber %r failed on %s", subscriber, what)
