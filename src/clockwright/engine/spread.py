"""Chance that is no chance: the same things give the same place, so that a replay comes to the same instants. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from uuid import UUID

_BITS = 53
"""As many as a float holds, so that no fraction rounds up to 1."""


def stable_fraction(*parts: object) -> float:
    """A number in [0, 1) that depends on the texts of `parts` alone, spread evenly over different parts."""
    digest = blake2b("|".join(map(str, parts)).encode(), digest_size=8).digest()
    return float((int.from_bytes(digest) >> (64 - _BITS)) / 2**_BITS)


def start_offset(schedule_id: UUID, scheduled_for: datetime, jitter: timedelta) -> timedelta:
    """How long after its fire time a run is ready: from 0 to `jitter`, the same however often it is asked."""
    instant = scheduled_for.astimezone(UTC).isoformat()
    return jitter * stable_fraction(schedule_id, instant)
