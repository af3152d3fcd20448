"""What engines see to beside executing: executions that the ledger ended, and those past their retention."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from clockwright.workflows.store import ExecutionStore

BATCH: Final = 200
EVERY: Final = 60.0
"""Seconds between two looks."""


class ExecutionUpkeep:
    """A chore of every engine. `retention` None: executions are kept for ever."""

    name = "workflow executions"

    def __init__(self, store: ExecutionStore, retention: timedelta | None) -> None:
        self._store = store
        self._retention = retention

    def step(self, node_id: str) -> float:
        """One batch of each."""
        ended = self._store.end_with_their_runs(BATCH)
        pruned = 0
        if self._retention is not None:
            pruned = self._store.prune(self._store.now() - self._retention, BATCH)
        return 0.0 if BATCH in {ended, pruned} else EVERY
