"""Transactions: one store call is one, alone or nested in the caller's."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Self, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections, transaction

from clockwright.engine.ports import Clock
from clockwright.schedules.store.dialect import Cursor, Dialect
from clockwright.schedules.store.postgresql import PostgreSQL
from clockwright.schedules.store.sqlite import SQLite
from clockwright.schedules.wakeup import CHANNEL, announce

T = TypeVar("T")

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""By database alias, where there is one writer: threads wait for their turn here, which costs nothing; SQLite has a
connection that finds another one writing sleep and try again."""

# a forked child has none of the threads that hold them
os.register_at_fork(after_in_child=_turns.clear)

Work = Callable[[Cursor], T]

TRIES = 6
FIRST_PAUSE = 0.01
"""Seconds at most before the second try; doubled with every other one."""

_DIALECTS: dict[str, type[Dialect]] = {"postgresql": PostgreSQL, "sqlite": SQLite}


class _Turn:
    """One try to write; the lock, if any, is let go of at the commit, before anything that others hung on it runs.

    What they do then may write as well, here or in a thread they wait for.
    """

    def __init__(self, lock: threading.Lock | None) -> None:
        self.is_committed = False
        self._lock = lock

    def __enter__(self) -> Self:
        """Wait for it."""
        if self._lock is not None:
            self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        """Over, whatever came of it."""
        self._let_go()

    def committed(self) -> None:
        """Over: the first of the transaction's hooks."""
        self.is_committed = True
        self._let_go()

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


class Database:
    """A Django database alias as the store uses it: every thread has a connection of its own."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS, clock: Clock | None = None) -> None:
        vendor = connections[using].vendor
        if vendor not in _DIALECTS:
            raise ValueError(f"database {using!r} is {vendor}: the store knows {sorted(_DIALECTS)}")
        self.using = using
        self.dialect = _DIALECTS[vendor]()
        self._vendor = vendor
        self._clock = clock

    def now(self, cursor: Cursor) -> datetime:
        """The clock by which everything is due: the database's, unless the store was given another."""
        return self.dialect.now(cursor) if self._clock is None else self._clock.now()

    def read(self, work: Work[T]) -> T:
        """Look without a transaction of one's own, and so without any lock."""
        with self._connection() as connection, connection.cursor() as cursor:
            return work(cursor)

    def write(self, work: Work[T]) -> T:
        """Do it in a transaction. One that lost to others is tried again, unless it is nested in the caller's."""
        is_nested = connections[self.using].in_atomic_block
        pause = FIRST_PAUSE
        for left in reversed(range(TRIES)):
            turn = self._turn(is_nested=is_nested)
            try:
                with turn, self._connection() as connection:
                    return self._once(connection, work, None if is_nested else turn)
            except DatabaseError as error:
                # after the commit it is the error of a hook: the work is done, and not to be done twice
                is_final = is_nested or not left or turn.is_committed
                if is_final or not self.dialect.is_transient(error):
                    raise
            time.sleep(random.uniform(0, pause))  # noqa: S311 - apart from each other is all they need be
            pause *= 2
        raise AssertionError("unreachable")  # pragma: no cover

    def hold(self) -> None:
        """Take a connection for this thread, out of the pool where there is one."""
        connections[self.using].ensure_connection()

    def release(self) -> None:
        """Close this thread's connection."""
        connections[self.using].close()

    def wake(self, cursor: Cursor) -> None:
        """Let every engine on this database look, as soon as the transaction is committed."""
        if self._vendor == "postgresql":
            cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
        else:
            transaction.on_commit(partial(announce, self.using), using=self.using)

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """This thread's connection. A broken one is let go, so that the next call makes a new one.

        One that came out of a pool for this call alone goes back there: the threads of an engine are many and idle.
        """
        connection: Any = connections[self.using]
        is_lent = connection.connection is None and "pool" in connection.settings_dict["OPTIONS"]
        try:
            yield connection
        except (DatabaseError, InterfaceError):
            if not connection.in_atomic_block:  # else it is the caller's, who may go on with it
                connection.close_if_unusable_or_obsolete()
            raise
        finally:
            if is_lent and not connection.in_atomic_block:
                connection.close()

    def _turn(self, *, is_nested: bool) -> _Turn:
        has_one_writer = not self.dialect.skip_locked
        return _Turn(_turns[self.using] if has_one_writer and not is_nested else None)

    def _once(self, connection: Any, work: Work[T], turn: _Turn | None) -> T:
        with transaction.atomic(using=self.using), connection.cursor() as cursor:
            if turn is not None:
                transaction.on_commit(turn.committed, using=self.using)
            self.dialect.begin_writing(cursor, connection)
            return work(cursor)
