"""What is seen in the database from outside: plain SQL, nothing of Clockwright.

A trigger of ours writes down every step of every run, by the database's clock; the product knows nothing of it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

_STEP = "run_id, was, state, attempt, takeovers, node"
_ROWS = """
    SELECT r.run_id, s.key, r.scheduled_for, r.covers_until, r.covers_count, r.status, r.reason, r.attempt,
        r.takeovers, r.node, r.started_at
    FROM schedule_runs r JOIN workflow_schedules s ON s.schedule_id = r.schedule_id
    WHERE r.trigger = 'schedule' ORDER BY r.scheduled_for
"""
_UNFINISHED = """
    SELECT (SELECT count(*) FROM workflow_schedules WHERE next_execution_at IS NOT NULL)
        + (SELECT count(*) FROM schedule_runs WHERE status IN ('queued', 'buffered', 'running', 'retrying'))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the ledger."""

    run_id: str
    key: str
    scheduled_for: datetime
    covers_until: datetime | None
    covers_count: int
    status: str
    reason: str | None
    attempt: int
    takeovers: int
    node: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of a run; `was` is None for its first."""

    at: datetime
    run_id: str
    was: str | None
    state: str
    attempt: int
    takeovers: int
    node: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All that the database has to say in the end."""

    rows: Sequence[Row]
    steps: Sequence[Step]


class Observer(ABC):
    """Looks into one database; every look has a connection of its own, because servers come and go."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def watch(self) -> None:
        """From now on write down what becomes of runs."""

    @abstractmethod
    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """Rows; raises what the driver raises."""

    @abstractmethod
    def instant(self, value: Any) -> datetime | None:
        """As it was selected, as an aware one."""

    def unfinished(self) -> int:
        """How many schedules still fire, and runs are on their way."""
        return int(self.ask(_UNFINISHED)[0][0])

    def living(self) -> set[int]:
        """The processes that are nodes and were not declared dead."""
        return {int(row[0]) for row in self.ask("SELECT pid FROM schedule_nodes WHERE is_alive")}

    def books(self) -> Books:
        """All of it, read once."""
        return Books(
            rows=[self._row(row) for row in self.ask(_ROWS)],
            steps=[
                self._step(row) for row in self.ask(f"SELECT at, {_STEP} FROM chaos ORDER BY seq")
            ],
        )

    def _row(self, row: Sequence[Any]) -> Row:
        scheduled_for = self.instant(row[2])
        assert scheduled_for is not None
        return Row(
            run_id=_hex(row[0]),
            key=row[1],
            scheduled_for=scheduled_for,
            covers_until=self.instant(row[3]),
            covers_count=row[4],
            status=row[5],
            reason=row[6],
            attempt=row[7],
            takeovers=row[8],
            node=row[9],
            started_at=self.instant(row[10]),
        )

    def _step(self, row: Sequence[Any]) -> Step:
        at = self.instant(row[0])
        assert at is not None
        return Step(
            at=at,
            run_id=_hex(row[1]),
            was=row[2],
            state=row[3],
            attempt=row[4],
            takeovers=row[5],
            node=row[6],
        )


class Server(Observer):
    """PostgreSQL."""

    def watch(self) -> None:
        self.ask("""
            CREATE TABLE chaos (
                seq bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), run_id uuid,
                was text, state text, attempt integer, takeovers integer, node text
            )
        """)
        self.ask(f"""
            CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO chaos ({_STEP}) VALUES (NEW.run_id,
                    CASE WHEN TG_OP = 'UPDATE' THEN OLD.status END, NEW.status, NEW.attempt, NEW.takeovers,
                    CASE WHEN NEW.node IS NULL AND TG_OP = 'UPDATE' THEN OLD.node ELSE NEW.node END);
                RETURN NULL;
            END $$
        """)
        self.ask("""
            CREATE TRIGGER chaos_inserted AFTER INSERT ON schedule_runs FOR EACH ROW EXECUTE FUNCTION chaos()
        """)
        self.ask("""
            CREATE TRIGGER chaos_updated AFTER UPDATE ON schedule_runs FOR EACH ROW
            WHEN (OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt OR OLD.node IS DISTINCT FROM NEW.node)
            EXECUTE FUNCTION chaos()
        """)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def cut(self) -> int:
        """Terminate every connection but this one; how many there were."""
        return len(
            self.ask("""
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
            """)
        )

    def instant(self, value: Any) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


class File(Observer):
    """SQLite."""

    def watch(self) -> None:
        with self._open() as connection:
            connection.executescript(f"""
                CREATE TABLE chaos (
                    seq INTEGER PRIMARY KEY AUTOINCREMENT,
                    at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')), run_id TEXT,
                    was TEXT, state TEXT, attempt INTEGER, takeovers INTEGER, node TEXT
                );
                CREATE TRIGGER chaos_inserted AFTER INSERT ON schedule_runs BEGIN
                    INSERT INTO chaos ({_STEP})
                    VALUES (NEW.run_id, NULL, NEW.status, NEW.attempt, NEW.takeovers, NEW.node);
                END;
                CREATE TRIGGER chaos_updated AFTER UPDATE ON schedule_runs
                WHEN OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt OR OLD.node IS NOT NEW.node
                BEGIN
                    INSERT INTO chaos ({_STEP})
                    VALUES (NEW.run_id, OLD.status, NEW.status, NEW.attempt, NEW.takeovers,
                        coalesce(NEW.node, OLD.node));
                END;
            """)

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        with self._open() as connection:
            return connection.execute(statement).fetchall()

    def instant(self, value: Any) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        path = self.url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=20)) as opened:
            yield opened


def _hex(run_id: Any) -> str:
    return run_id if isinstance(run_id, str) else run_id.hex
