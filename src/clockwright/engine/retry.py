"""Whether and when a failed attempt is tried again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from clockwright.engine.model import Policy, Reason, RunState

RETRIED_STATES = frozenset({RunState.FAILED, RunState.TIMED_OUT})

HOPELESS_REASONS = frozenset(
    {Reason.UNKNOWN_FUNCTION, Reason.INVALID_PAYLOAD, Reason.INVALID_RESULT}
)
"""What another try cannot mend."""


def backoff(policy: Policy, retry: int) -> timedelta:
    """How long to wait before the `retry`-th retry (1, 2, …): `retry_backoff` doubled each time, with a ceiling."""
    if policy.retry_backoff >= policy.retry_backoff_max:
        return policy.retry_backoff_max
    doublings = min(
        retry - 1, 64
    )  # beyond 64 any backoff has long met its ceiling, and timedelta would overflow
    seconds = policy.retry_backoff.total_seconds() * 2**doublings
    return min(
        timedelta(seconds=min(seconds, policy.retry_backoff_max.total_seconds())),
        policy.retry_backoff_max,
    )


def retry_at(
    policy: Policy, *, state: RunState, reason: Reason | None, tries: int, now: datetime
) -> datetime | None:
    """When to try again after `tries` attempts that ended by themselves (takeovers and hand-backs not counted); None for never."""
    if state not in RETRIED_STATES or reason in HOPELESS_REASONS or tries > policy.max_retries:
        return None
    return now + backoff(policy, tries)
