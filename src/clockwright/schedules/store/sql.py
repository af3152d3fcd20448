"""The store, put together."""

from __future__ import annotations

from clockwright.schedules.store.claims import ClaimCalls
from clockwright.schedules.store.nodes import NodeCalls
from clockwright.schedules.store.runs import RunCalls
from clockwright.schedules.store.schedules import ScheduleCalls


class SqlStore(ScheduleCalls, ClaimCalls, RunCalls, NodeCalls):
    """The `Store` port on a Django database alias.

    `SqlStore(using, clock)`: without a clock the database's decides what is due (on SQLite, which has none, the
    process's). Thread-safe: each thread has a connection of its own.
    """
