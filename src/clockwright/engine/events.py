"""What happened, as values; logs, metrics and audit subscribe here, and the engine itself writes no log strings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.engine.model import Claim, Outcome, RunState, Settlement

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything that happened in an engine."""

    node_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Event):
    """An engine registered and its loops run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStopped(Event):
    """An engine drained; `handed_back` runs wait for another node."""

    handed_back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDeclaredDead(Event):
    """This node found its own lease taken over; it cancelled its tasks and goes on as `new_node_id`."""

    new_node_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTakenOver(Event):
    """Another node's lease ran out; what became of its runs."""

    dead_node_id: str
    runs: Sequence[tuple[UUID, RunState]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulesSettled(Event):
    """One settling transaction was committed at `at` by the store's clock."""

    at: datetime
    settlements: Sequence[Settlement]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsClaimed(Event):
    """The node took these runs."""

    claims: Sequence[Claim]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """An attempt's outcome was recorded: final, or RETRYING. `lateness` is start minus due, `duration` the try's."""

    claim: Claim
    outcome: Outcome
    lateness: timedelta
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRefused(Event):
    """A late outcome met a closed fence: the run had been taken over or ended otherwise."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopFailed(Event):
    """A loop's pass raised; it tries again after `retry_in`."""

    loop: str
    error: BaseException
    retry_in: timedelta


Subscriber = Callable[[Event], None]


class Events:
    """Hands events to subscribers, in the order they came; a subscriber that fails is logged and the rest go on."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` with every event from now on, on the engine's thread; it must not block."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Tell everybody."""
        for subscriber in self._subscribers:
            try:
                subscriber(event)
            except Exception:  # noqa: BLE001 - logged; one bad subscriber must not stop the rest
                _log.exception("subscriber %r failed on %s", subscriber, type(event).__name__)
