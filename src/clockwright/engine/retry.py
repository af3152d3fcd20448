"""Whether and when a failed attempt is tried again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from clockwright.engine.model import Policy, Reason, RunState
from clockwright.engine.ports import DoNotRetry

RETRIED_STATES = frozenset({RunState.FAILED, RunState.TIMED_OUT})

HOPELESS_REASONS = frozenset(
    {Reason.UNKNOWN_FUNCTION, Reason.INVALID_PAYLOAD, Reason.INVALID_RESULT}
)
"""What another try cannot mend."""


def backoff(policy: Policy, retry: int, fraction: float = 0.0) -> timedelta:
    """How long to wait before the `retry`-th retry (1, 2, …): `retry_backoff` doubled each time, with a ceiling.

    `fraction`, in [0, 1): how much of the jitter is taken off.
    """
    longest = _longest(policy, retry)
    return longest - longest * (policy.retry_jitter * fraction) if policy.retry_jitter else longest


def _longest(policy: Policy, retry: int) -> timedelta:
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


def is_hopeless(policy: Policy, error: BaseException | None) -> bool:
    """Whether this error is not to be tried again: a DoNotRetry, or one whose class, or a base of it, is named."""
    if error is None:
        return False
    if isinstance(error, DoNotRetry):
        return True
    named = set(policy.no_retry_on)
    return bool(named) and any(not named.isdisjoint(_names(kind)) for kind in type(error).__mro__)


def _names(kind: type) -> set[str]:
    return {kind.__name__, kind.__qualname__, f"{kind.__module__}.{kind.__qualname__}"}


def retry_at(
    policy: Policy,
    *,
    state: RunState,
    reason: Reason | None,
    tries: int,
    now: datetime,
    fraction: float = 0.0,
) -> datetime | None:
    """When to try again after `tries` attempts that ended by themselves (takeovers and hand-backs not counted); None for never.

    `fraction`: how much of the policy's jitter is taken off the pause.
    """
    if state not in RETRIED_STATES or reason in HOPELESS_REASONS or tries > policy.max_retries:
        return None
    return now + backoff(policy, tries, fraction)
