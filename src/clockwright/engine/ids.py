"""Ids of runs: time-ordered by the store's clock, so that nodes with skewed clocks agree on who was first.

Neighbours in time are neighbours in an index, so that a burst of runs touches few pages.
"""

from __future__ import annotations

import os
import struct
from datetime import UTC, datetime, timedelta
from threading import Lock
from uuid import UUID, SafeUUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PER_MILLISECOND = 4096
_RANDOM_BITS = 62
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << _RANDOM_BITS)


class RunIds:
    """Version 7 UUIDs (RFC 9562), strictly increasing within one store.

    The 12 bits after the millisecond hold its fraction, bumped where many ids are made at one instant or the clock
    stepped back.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def take(self, now: datetime, count: int) -> list[UUID]:
        """So many ids of runs made now, in ascending order."""
        with self._lock:
            first = max(_stamp(now), self._last + 1)
            self._last = first + count - 1
        tails = struct.unpack(f">{count}Q", os.urandom(8 * count))
        return [_uuid(stamp, tail) for stamp, tail in enumerate(tails, first)]


def uuid_of(number: int) -> UUID:
    """The UUID of a number of 128 bits. Its own constructor weighs six ways of saying it, at four times the cost."""
    uuid = object.__new__(UUID)
    object.__setattr__(uuid, "int", number)
    object.__setattr__(uuid, "is_safe", SafeUUID.unknown)
    return uuid


def first_id_at(instant: datetime) -> UUID:
    """Smaller than the id of any run made from this instant on, larger than most made before."""
    return _uuid(_stamp(instant), 0)


def created_at(run_id: UUID) -> datetime:
    """When a run of this id was made, to the millisecond, by the clock of its store."""
    return _EPOCH + timedelta(milliseconds=run_id.int >> 80)


def _stamp(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND * _PER_MILLISECOND // 1_000


def _uuid(stamp: int, tail: int) -> UUID:
    millis, fraction = divmod(stamp, _PER_MILLISECOND)
    random = tail & ((1 << _RANDOM_BITS) - 1)
    return uuid_of((millis << 80) | (fraction << 64) | _VERSION_AND_VARIANT | random)
