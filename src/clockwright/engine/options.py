"""How one node behaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How one node behaves. `capacity`: runs at a time. `timeout`: of an attempt, where nothing else says.

    `lease` without a heartbeat and the node is dead; a take-over comes at most half a `heartbeat` later.
    `sweep`: the longest sleep without a look. `retention`: how long final runs are kept; None keeps them all.
    """

    capacity: int = 10
    timeout: timedelta | None = timedelta(hours=1)
    heartbeat: timedelta = timedelta(seconds=5)
    lease: timedelta = timedelta(seconds=15)
    sweep: timedelta = timedelta(seconds=60)
    batch: int = 500
    retention: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what could not work."""
        if self.capacity < 1:
            raise ValueError(f"capacity {self.capacity}: a node runs at least 1 at a time")
        if self.lease <= self.heartbeat:
            raise ValueError(
                f"lease {self.lease} must be longer than the heartbeat {self.heartbeat}"
            )
