"""The engine's store in SQL: PostgreSQL (14 and later) for many nodes, SQLite (3.40 and later) for one machine.

`SqlStore(using)` works on a Django database alias; one call is one transaction, nested in the caller's where there is
one. Statements are set-based: no call makes a query in a loop.
"""

from __future__ import annotations

from clockwright.schedules.store.sql import SqlStore

__all__ = ["SqlStore"]
