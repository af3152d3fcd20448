"""What the log says of runs: two lines for each, so they are made with less ado than the others of the trail.

Nothing in them needs to be redacted, and only an error can be long.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any
from uuid import UUID

from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.groups import log_lines
from clockwright.audit.lines import Line, Lines
from clockwright.audit.redaction import plain_text
from clockwright.audit.trail import SYSTEM_ACTOR, logger
from clockwright.engine.events import RunEnded
from clockwright.engine.model import Claim, RunState

_BAD_ENDS = frozenset({RunState.FAILED, RunState.TIMED_OUT, RunState.LOST, RunState.RETRYING})
_LONGEST_ERROR = 4_000
_MILLISECOND = timedelta(milliseconds=1)


def log_claims(claims: Sequence[Claim]) -> None:
    """That a node took these runs."""
    if claims and logger.isEnabledFor(logging.INFO):
        log_lines(logger, logging.INFO, _Triggered(claims))


def log_ends(events: Sequence[RunEnded]) -> None:
    """What attempts came to, in their order."""
    for is_bad, together in groupby(events, lambda event: event.outcome.state in _BAD_ENDS):
        level = logging.ERROR if is_bad else logging.INFO
        if logger.isEnabledFor(level):
            log_lines(logger, level, _Ended(tuple(together)))


class _Triggered(Lines):
    def __init__(self, claims: Sequence[Claim]) -> None:
        self._claims = claims

    def __iter__(self) -> Iterator[Line]:
        for claim in self._claims:
            yield Line(event_type=_AUDIT, facts=_triggered(claim), message="run triggered")

    def json(self) -> Sequence[str]:
        return [
            f'{{"scheduled_for": "{claim.scheduled_for.isoformat()}", "attempt": {claim.attempt}, '
            f'"trigger": "{claim.trigger.value}", "node": {_quoted(claim.node_id)}, "event_type": "AUDIT", '
            f'"community": {_quoted(claim.community)}, "user": "system", "action": "schedule_triggered", '
            f'"result": "SUCCESS", {_ids(claim)}, "event": "run triggered"}}'
            for claim in self._claims
        ]


class _Ended(Lines):
    def __init__(self, events: Sequence[RunEnded]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[Line]:
        for event in self._events:
            facts = _ended(event)
            message = f"run {event.outcome.state}"
            yield Line(event_type=facts["event_type"], facts=facts, message=message)

    def json(self) -> Sequence[str]:
        return [_ended_json(event) for event in self._events]


def _triggered(claim: Claim) -> dict[str, Any]:
    return {
        "scheduled_for": claim.scheduled_for.isoformat(),
        "attempt": claim.attempt,
        "trigger": claim.trigger.value,
        "node": claim.node_id,
        "event_type": _AUDIT,
        "community": claim.community,
        "user": SYSTEM_ACTOR,
        "action": Action.SCHEDULE_TRIGGERED.value,
        "result": Result.SUCCESS.value,
        **_id_facts(claim),
    }


def _ended(event: RunEnded) -> dict[str, Any]:
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
        "action": (Action.SCHEDULE_EXECUTION_ERROR if bad else Action.SCHEDULE_EXECUTED).value,
        "result": (Result.FAILURE if bad else Result.SUCCESS).value,
        **_id_facts(claim),
        "time_ms": _milliseconds(event.duration),
    }


def _ended_json(event: RunEnded) -> str:
    claim, outcome = event.claim, event.outcome
    state = outcome.state.value
    reason = "" if outcome.reason is None else f'"reason": "{outcome.reason.value}", '
    error = "" if outcome.error is None else f'"error": {json.dumps(_shortened(outcome.error))}, '
    return (
        f'{{"attempt": {claim.attempt}, "state": "{state}", {reason}{error}'
        f'"late_ms": {_milliseconds(event.lateness)}, "node": {_quoted(event.node_id)}, '
        f'{_BAD if outcome.state in _BAD_ENDS else _GOOD}, "community": {_quoted(claim.community)}, '
        f'"user": "system", {_ids(claim)}, "time_ms": {_milliseconds(event.duration)}, "event": "run {state}"}}'
    )


def _ids(claim: Claim) -> str:
    schedule = "" if claim.schedule_id is None else f'"schedule_id": "{_text(claim.schedule_id)}", '
    workflow = _text_of_workflow(claim.workflow_id.int)
    return f'{schedule}"workflow_id": "{workflow}", "execution_id": "{_text(claim.run_id)}"'


def _id_facts(claim: Claim) -> dict[str, Any]:
    return {
        "schedule_id": None if claim.schedule_id is None else str(claim.schedule_id),
        "workflow_id": _text_of_workflow(claim.workflow_id.int),
        "execution_id": str(claim.run_id),
    }


def _text(uuid: UUID) -> str:
    digits = f"{uuid.int:032x}"  # half of what `str` costs
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@lru_cache(maxsize=1_000)
def _text_of_workflow(number: int) -> str:
    return str(UUID(int=number))


_quoted = lru_cache(maxsize=1_000)(json.dumps)


def _shortened(error: str) -> str:
    return plain_text(error, _LONGEST_ERROR)


def _milliseconds(duration: timedelta) -> int:
    return round(duration / _MILLISECOND)


_AUDIT = Category.AUDIT.value
_GOOD = '"event_type": "AUDIT", "action": "schedule_executed", "result": "SUCCESS"'
_BAD = '"event_type": "ERROR", "action": "schedule_execution_error", "result": "FAILURE"'
