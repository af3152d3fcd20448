"""What the rooms of the store share."""

from __future__ import annotations

from datetime import datetime, timedelta

from clockwright.engine.ids import RunIds
from clockwright.engine.ports import Clock
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.dialect import Dialect

UNFINISHED = "('queued', 'buffered', 'running', 'retrying')"
CLAIMABLE = "('queued', 'retrying')"
"""Groups of states, word for word as in the conditions of the partial indexes: SQLite knows them by that alone."""

PENDING = f"status IN {UNFINISHED} AND status <> 'running'"
ACTIVE = f"status IN {UNFINISHED} AND status <> 'buffered'"

RECHECK = timedelta(seconds=1)
"""How soon to look again at what is due or ready and held by another transaction: its node may die over it."""


class StoreCalls:
    """Access to one database; the methods of the `Store` port are in the subclasses, by subject."""

    def __init__(self, using: str = "default", clock: Clock | None = None) -> None:
        self._db = Database(using, clock)
        self._ids = RunIds()

    @property
    def using(self) -> str:
        """The database alias."""
        return self._db.using

    @property
    def _dialect(self) -> Dialect:
        return self._db.dialect

    def hold(self) -> None:
        """Open the calling thread's connection; one that is open before a call stays so after it."""
        self._db.hold()

    def release(self) -> None:
        """Close the calling thread's connection; its next call would make a new one."""
        self._db.release()

    def now(self) -> datetime:
        """The store's clock: the one by which everything is due."""
        return self._db.read(self._db.now)
