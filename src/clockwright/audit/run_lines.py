"""What the log says of runs: two lines for each, so they are made with less ado than the others of the trail.

Nothing in them needs to be redacted, and only an error can be long.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.groups import log_lines
from clockwright.audit.lines import Line
from clockwright.audit.redaction import plain_text
from clockwright.audit.trail import SYSTEM_ACTOR, logger
from clockwright.engine.events import RunEnded
from clockwright.engine.model import Claim, RunState

_BAD_ENDS = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.RETRYING})
_LONGEST_ERROR = 4_000
_MILLISECOND = timedelta(milliseconds=1)


def log_claims(claims: Sequence[Claim]) -> None:
    """That a node took these runs."""
    if logger.isEnabledFor(logging.INFO):
        log_lines(logger, logging.INFO, [_triggered(claim) for claim in claims])


def log_ends(events: Sequence[RunEnded]) -> None:
    """What attempts came to, in their order."""
    good: list[RunEnded] = []
    for event in events:
        if event.outcome.state not in _BAD_ENDS:
            good.append(event)
            continue
        _log_good(good)
        good = []
        log_lines(logger, logging.ERROR, [_failed(event)])
    _log_good(good)


def _log_good(events: Sequence[RunEnded]) -> None:
    if events and logger.isEnabledFor(logging.INFO):
        log_lines(logger, logging.INFO, [_executed(event) for event in events])


class _Facts(Mapping[str, Any]):
    """What a line says, put together when somebody asks for it: a handler that writes JSON does not."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], dict[str, Any]]) -> None:
        self._make = make
        self._made: dict[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Any]:
        if self._made is None:
            self._made = self._make()
        return self._made


def _triggered(claim: Claim) -> Line:
    return Line(
        event_type=_AUDIT,
        facts=_Facts(partial(_triggered_facts, claim)),
        message="run triggered",
        rendered=(
            f'{{"scheduled_for": "{claim.scheduled_for.isoformat()}", "attempt": {claim.attempt}, '
            f'"trigger": "{claim.trigger}", "node": {_quoted(claim.node_id)}, "event_type": "AUDIT", '
            f'"community": {_quoted(claim.community)}, "user": "system", "action": "schedule_triggered", '
            f'"result": "SUCCESS", {_ids(claim)}, "event": "run triggered"}}'
        ),
    )


def _triggered_facts(claim: Claim) -> dict[str, Any]:
    return {
        "scheduled_for": claim.scheduled_for.isoformat(),
        "attempt": claim.attempt,
        "trigger": claim.trigger.value,
        "node": claim.node_id,
        "event_type": _AUDIT,
        "community": claim.community,
        "user": SYSTEM_ACTOR,
        "action": _TRIGGERED,
        "result": _SUCCESS,
        **_id_facts(claim),
    }


def _executed(event: RunEnded) -> Line:
    """That a run ended as it should, or was cancelled."""
    claim, outcome = event.claim, event.outcome
    reason = "" if outcome.reason is None else f'"reason": "{outcome.reason}", '
    error = "" if outcome.error is None else f'"error": {json.dumps(_shortened(outcome.error))}, '
    return Line(
        event_type=_AUDIT,
        facts=_Facts(partial(_ended_facts, event)),
        message=f"run {outcome.state}",
        rendered=(
            f'{{"attempt": {claim.attempt}, "state": "{outcome.state}", {reason}{error}'
            f'"late_ms": {_milliseconds(event.lateness)}, "node": {_quoted(event.node_id)}, '
            f'"event_type": "AUDIT", "community": {_quoted(claim.community)}, "user": "system", '
            f'"action": "schedule_executed", "result": "SUCCESS", {_ids(claim)}, '
            f'"time_ms": {_milliseconds(event.duration)}, "event": "run {outcome.state}"}}'
        ),
    )


def _failed(event: RunEnded) -> Line:
    return Line(
        event_type=Category.ERROR.value,
        facts=_ended_facts(event),
        message=f"run {event.outcome.state}",
    )


def _ended_facts(event: RunEnded) -> dict[str, Any]:
    claim, outcome = event.claim, event.outcome
    bad = outcome.state in _BAD_ENDS
    facts: dict[str, Any] = {"attempt": claim.attempt, "state": outcome.state.value}
    if outcome.reason is not None:
        facts["reason"] = outcome.reason.value
    if outcome.error is not None:
        facts["error"] = _shortened(outcome.error)
    return {
        **facts,
        "late_ms": _milliseconds(event.lateness),
        "node": event.node_id,
        "event_type": Category.ERROR.value if bad else _AUDIT,
        "community": claim.community,
        "user": SYSTEM_ACTOR,
        "action": _FAILED if bad else _EXECUTED,
        "result": _FAILURE if bad else _SUCCESS,
        **_id_facts(claim),
        "time_ms": _milliseconds(event.duration),
    }


def _ids(claim: Claim) -> str:
    schedule = "" if claim.schedule_id is None else f'"schedule_id": "{claim.schedule_id}", '
    workflow = _text_of_workflow(claim.workflow_id.int)
    return f'{schedule}"workflow_id": "{workflow}", "execution_id": "{claim.run_id}"'


def _id_facts(claim: Claim) -> dict[str, Any]:
    return {
        "schedule_id": None if claim.schedule_id is None else str(claim.schedule_id),
        "workflow_id": _text_of_workflow(claim.workflow_id.int),
        "execution_id": str(claim.run_id),
    }


@lru_cache(maxsize=1_000)
def _text_of_workflow(number: int) -> str:
    return str(UUID(int=number))


_quoted = lru_cache(maxsize=1_000)(json.dumps)


def _shortened(error: str) -> str:
    return plain_text(error, _LONGEST_ERROR)


def _milliseconds(duration: timedelta) -> int:
    return round(duration / _MILLISECOND)


_AUDIT = Category.AUDIT.value
_TRIGGERED = Action.SCHEDULE_TRIGGERED.value
_EXECUTED = Action.SCHEDULE_EXECUTED.value
_FAILED = Action.SCHEDULE_EXECUTION_ERROR.value
_SUCCESS = Result.SUCCESS.value
_FAILURE = Result.FAILURE.value
