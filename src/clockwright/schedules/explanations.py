"""Why a schedule's rule fires at an instant, or does not: the rule's own words, and the schedule's bounds beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from clockwright.recurrence import Explanation, Finding, Recurrence

_JUST = timedelta(microseconds=1)


def explain(
    rule: Recurrence, at: datetime, *, start_at: datetime | None, end_at: datetime | None
) -> Explanation:
    """The explanation of `at` under a rule that a schedule keeps to `start_at` and `end_at`, both included.

    What becomes of a fire time (run, skipped, missed) is the ledger's to tell. Raises RecurrenceError.
    """
    found = rule.explain(at)
    bounds, shown = [], str(found.wall)
    if start_at is not None:
        first = str(start_at.astimezone(rule.timezone))
        bounds.append(Finding("start_at", shown, at >= start_at, f"from {first} on"))
    if end_at is not None:
        last = str(end_at.astimezone(rule.timezone))
        bounds.append(Finding("end_at", shown, at <= end_at, f"until {last}"))
    before, after = found.previous, found.following
    if start_at is not None and at < start_at:
        after = rule.next_after(start_at - _JUST)
    if end_at is not None and at > end_at:
        before = rule.prev_before(end_at + _JUST)
    return replace(
        found,
        fires=found.fires and all(bound.admits for bound in bounds),
        findings=(*found.findings, *bounds),
        previous=None if before and start_at and before < start_at else before,
        following=None if after and end_at and after > end_at else after,
    )
