"""Writing the trail: a row in the current transaction, and its log line once that is committed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.db import transaction

from clockwright.audit import store
from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.lines import Line
from clockwright.audit.redaction import plain_text, redacted
from clockwright.engine.clock import utc_now

logger = logging.getLogger("clockwright.audit")

SYSTEM_ACTOR = "system"
_IDS = ("schedule_id", "workflow_id", "run_id", "request_id")
_LEVELS = {
    Result.SUCCESS: logging.INFO,
    Result.DENIED: logging.WARNING,
    Result.FAILURE: logging.ERROR,
}


class Who(Protocol):
    """Somebody who acts: a caller."""

    @property
    def actor(self) -> str:
        """The name."""

    @property
    def community(self) -> str:
        """Where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """One thing that happened, in the words of the trail."""

    category: Category
    action: str
    actor: str
    community: str
    result: Result
    message: str
    ids: Mapping[str, Any]
    time_ms: int | None
    details: Mapping[str, Any]


def record(
    category: Category,
    action: Action,
    *,
    caller: Who | None = None,
    result: Result = Result.SUCCESS,
    message: str = "",
    **facts: Any,
) -> None:
    """Insert an entry in the current transaction; its log line follows the commit, or nothing does (S4-44…50).

    `facts`: `actor` and `community` where there is no caller; the ids `schedule_id`, `workflow_id`, `run_id` (or
    `execution_id`), `request_id`; `time_ms`; `using`, the database; everything else is kept as details, such as
    `changes={"timezone": {"before": …, "after": …}}`, with secrets and payloads hidden.
    """
    using = facts.pop("using", "default")
    fact = _fact(category, action, caller, result, message, facts)
    store.insert_entry(using, _row(fact))
    transaction.on_commit(lambda: _emit(fact), using=using, robust=True)


def _row(fact: _Fact) -> dict[str, Any]:
    return {
        "at": utc_now(),
        "category": fact.category,
        "action": fact.action,
        "actor": fact.actor,
        "community": fact.community,
        "result": fact.result,
        "message": plain_text(fact.message, 500),
        "details": dict(fact.details),
        **fact.ids,
        "request_id": fact.ids["request_id"] or "",
    }


def log_event(
    category: Category,
    action: Action,
    *,
    caller: Who | None = None,
    result: Result = Result.SUCCESS,
    message: str = "",
    **facts: Any,
) -> None:
    """The log line alone, at once; takes what `record` takes. For what has no transaction, or is too frequent for rows."""
    if logger.isEnabledFor(_LEVELS[result]):
        _emit(_fact(category, action, caller, result, message, facts))


def _fact(
    category: Category,
    action: Action,
    caller: Who | None,
    result: Result,
    message: str,
    facts: dict[str, Any],
) -> _Fact:
    if "execution_id" in facts:
        facts.setdefault("run_id", facts.pop("execution_id"))
    actor = facts.pop("actor", None) or (caller.actor if caller else SYSTEM_ACTOR)
    community = facts.pop("community", None) or (caller.community if caller else "")
    return _Fact(
        category=Category(category),
        action=str(action),
        actor=plain_text(actor, 200),
        community=plain_text(community, 100),
        result=Result(result),
        message=message,
        ids={name: _id(name, facts.pop(name, None)) for name in _IDS},
        time_ms=facts.pop("time_ms", None),
        details=redacted(facts),
    )


def _id(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "request_id":
        return plain_text(str(value), 200)
    return value if isinstance(value, UUID) else UUID(str(value))


def _emit(fact: _Fact) -> None:
    """One record: the documented line as its message, its fields as extras (S4-50)."""
    extras = {
        "event_type": fact.category.value,
        "community": fact.community,
        "user": fact.actor,
        "action": fact.action,
        "result": fact.result.value,
        "schedule_id": _text(fact.ids["schedule_id"]),
        "workflow_id": _text(fact.ids["workflow_id"]),
        "execution_id": _text(fact.ids["run_id"]),
        "request_id": fact.ids["request_id"],
        "time_ms": fact.time_ms,
    }
    message = fact.message or fact.action.replace("_", " ")
    logger.log(
        _LEVELS[fact.result],
        "%s",
        # details come first, so that none of them can pass for one of ours
        Line(event_type=fact.category, facts={**fact.details, **extras}, message=message),
        extra=extras,
    )


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
