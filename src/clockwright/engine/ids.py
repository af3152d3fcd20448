"""Time-ordered ids: neighbours in time are neighbours in an index, so that a burst of runs touches few pages."""

from __future__ import annotations

import os
import time
from threading import Lock
from uuid import UUID

_lock = Lock()
_last = 0


def uuid7() -> UUID:
    """A version 7 UUID (RFC 9562 section 5.7), strictly increasing within this process.

    The 12 bits after the millisecond hold its fraction, bumped where the clock is too coarse or stepped back.
    """
    global _last  # noqa: PLW0603 - the one place that keeps the sequence
    with _lock:
        millis_4096ths = time.time_ns() * 4096 // 1_000_000
        _last = stamp = max(millis_4096ths, _last + 1)
    millis, fraction = divmod(stamp, 4096)
    tail = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return UUID(int=(millis << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | tail)
