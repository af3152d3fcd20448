"""How engines learn that there is something to look at: the `Wakeup` port for each database.

PostgreSQL tells every process by NOTIFY. SQLite tells this process by an event, and other processes by a number that
changes with every commit (`PRAGMA data_version`), which is looked at five times a second.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections

from clockwright.engine.wakeup import LocalWakeup

if TYPE_CHECKING:
    import psycopg

_log = logging.getLogger(__name__)

CHANNEL = "clockwright"
"""The name under which PostgreSQL passes the word on."""

POLL = 0.2
"""Seconds between two looks at SQLite's data version."""

FIRST_BACKOFF, LAST_BACKOFF = 0.2, 15.0
"""Seconds before a lost listener connects again."""

_listening: set[DatabaseWakeup] = set()
_listening_lock = threading.Lock()


def wakeup_for(using: str = DEFAULT_DB_ALIAS) -> DatabaseWakeup:
    """The wake-up of a database alias; `start` it before, `close` it after use."""
    return (
        PostgresWakeup(using) if connections[using].vendor == "postgresql" else SqliteWakeup(using)
    )


def announce(using: str) -> None:
    """Wake the engines of this process that work on a database."""
    with _listening_lock:
        wakeups = [wakeup for wakeup in _listening if wakeup.using == using]
    for wakeup in wakeups:
        wakeup.wake_locally()


class DatabaseWakeup(LocalWakeup):
    """A wake-up with a thread that listens to the database."""

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__()
        self.using = using
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen; a second call does nothing."""
        if self._thread is None:
            name = f"clockwright-wakeup-{self.using}"
            self._thread = threading.Thread(target=self._listen, name=name, daemon=True)
            self._thread.start()
            with _listening_lock:
                _listening.add(self)

    def close(self) -> None:
        """Stop listening and let go of the connection."""
        with _listening_lock:
            _listening.discard(self)
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def wake_locally(self) -> None:
        """Wake the waiters of this object."""
        super().notify()

    def _listen(self) -> None:
        backoff = FIRST_BACKOFF
        while not self._closing.is_set():
            try:
                for _ in self._words():
                    backoff = FIRST_BACKOFF
                    self.wake_locally()
            except Exception:  # noqa: BLE001 - logged, and tried again: without ears an engine is late
                _log.exception(
                    "the wake-up of database %r lost its connection; next try in %.1f s",
                    self.using,
                    backoff,
                )
                self._closing.wait(backoff)
                backoff = min(backoff * 2, LAST_BACKOFF)

    @abstractmethod
    def _words(self) -> Iterator[None]:
        """One item for each time there may be something new, until closing; raises what the database raises.

        The first one comes at once: something may have been missed while nobody listened.
        """


class PostgresWakeup(DatabaseWakeup):
    """LISTEN on a connection of its own."""

    def notify(self) -> None:
        """Wake the engines of this process; the store tells the others in its transactions."""
        announce(self.using)
        self.wake_locally()

    def _words(self) -> Iterator[None]:
        with self._connected() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            yield
            while not self._closing.is_set():
                # many words at once are one: there is something to look at
                for _ in connection.notifies(timeout=POLL, stop_after=1):
                    yield

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        import psycopg

        params = dict(connections[self.using].get_connection_params())
        for djangos in ("cursor_factory", "context", "prepare_threshold", "pool"):
            params.pop(djangos, None)
        with psycopg.connect(**params, autocommit=True) as connection:
            yield connection


class SqliteWakeup(DatabaseWakeup):
    """A number that changes whenever another connection, of this process or another, commits."""

    def notify(self) -> None:
        """Wake the engines of this process; other processes see the commit."""
        announce(self.using)
        self.wake_locally()

    def _words(self) -> Iterator[None]:
        name = connections[self.using].settings_dict["NAME"]
        with contextlib.closing(
            sqlite3.connect(name, uri=str(name).startswith("file:"))
        ) as connection:
            seen = None
            while not self._closing.is_set():
                (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    yield
                self._closing.wait(POLL)
