"""What the machine allows: the least program that still claims, runs and finishes, each batch in two durable commits.

`python -m bench.limits URL COUNT` makes its own tables in an empty database, runs COUNT schedules that are due at one
instant and prints `{"per_second", "p50", "p99"}`. No policies, no takeover, no fencing, no zones: nothing but the two
commits that any scheduler needs whose runs survive it, and one coroutine a run.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

BATCH = 500
LEADS = (1.0, 4.0, 16.0)
"""Seconds for filling the tables; the next when their instant came before they were full."""

PERIOD = 3_600


class Limit(ABC):
    """A table of schedules and one of runs. Instants are seconds since 1970."""

    @abstractmethod
    def fill(self, count: int, due_at: float) -> None:
        """Make the tables, with so many schedules due at one instant."""

    @abstractmethod
    def claim(self) -> Sequence[tuple[int, int]]:
        """Commit: move a batch of due schedules on, enter their runs; (run, schedule) of each."""

    @abstractmethod
    def finish(self, runs: Sequence[int]) -> None:
        """Commit: these runs have ended."""

    @abstractmethod
    def count_finished(self) -> int:
        """How many runs have ended, as the table says."""


class OnPostgreSQL(Limit):
    """psycopg with prepared statements and binary results; one round trip a commit."""

    _TABLES = """
        DROP TABLE IF EXISTS schedule, run;
        CREATE TABLE schedule (
            id bigint PRIMARY KEY, next_at timestamptz NOT NULL, period interval NOT NULL,
            function text NOT NULL, args text NOT NULL
        );
        CREATE TABLE run (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, schedule_id bigint NOT NULL,
            scheduled_for timestamptz NOT NULL, started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            finished_at timestamptz, node integer NOT NULL, status smallint NOT NULL DEFAULT 1
        );
    """
    _FILL = """
        INSERT INTO schedule
        SELECT i, to_timestamp(%s), make_interval(secs => %s), 'limits:nothing', '[' || i || ']'
        FROM generate_series(1, %s) AS g(i)
    """
    # now() and not clock_timestamp(), which no index condition can use
    _CLAIM = f"""
        WITH moved AS (
            UPDATE schedule SET next_at = next_at + period
            WHERE id = ANY(ARRAY(
                SELECT id FROM schedule WHERE next_at <= now()
                ORDER BY next_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED
            ))
            RETURNING id, next_at - period AS scheduled_for
        )
        INSERT INTO run (schedule_id, scheduled_for, node)
        SELECT id, scheduled_for, 1 FROM moved RETURNING id, schedule_id
    """
    _FINISH = (
        "UPDATE run SET finished_at = clock_timestamp(), status = 2 WHERE id = ANY(%b::bigint[])"
    )

    def __init__(self, url: str) -> None:
        import psycopg

        self._connection = psycopg.connect(url, autocommit=True)
        self._cursor = self._connection.cursor(binary=True)

    def fill(self, count: int, due_at: float) -> None:
        self._connection.prepare_threshold = None
        self._connection.execute(self._TABLES)
        self._connection.execute(self._FILL, [due_at, PERIOD, count])
        self._connection.execute("CREATE INDEX schedule_due ON schedule (next_at)")
        self._connection.execute("VACUUM ANALYZE")
        self._connection.execute("CHECKPOINT")
        self._connection.prepare_threshold = 0  # from now on each statement is planned once

    def claim(self) -> Sequence[tuple[int, int]]:
        return self._cursor.execute(self._CLAIM).fetchall()

    def finish(self, runs: Sequence[int]) -> None:
        self._cursor.execute(self._FINISH, [runs])

    def count_finished(self) -> int:
        row = self._cursor.execute("SELECT count(*) FROM run WHERE status = 2").fetchone()
        return int(row[0]) if row else 0


class OnSQLite(Limit):
    """Write-ahead log, synchronous=FULL: a commit that returned is on the disk."""

    _TABLES = """
        PRAGMA journal_mode=WAL;
        PRAGMA synchronous=FULL;
        DROP TABLE IF EXISTS schedule;
        DROP TABLE IF EXISTS run;
        CREATE TABLE schedule (
            id INTEGER PRIMARY KEY, next_at INTEGER NOT NULL, period INTEGER NOT NULL,
            function TEXT NOT NULL, args TEXT NOT NULL
        );
        CREATE TABLE run (
            id INTEGER PRIMARY KEY, schedule_id INTEGER NOT NULL, scheduled_for INTEGER NOT NULL,
            started_at INTEGER NOT NULL, finished_at INTEGER, node INTEGER NOT NULL, status INTEGER NOT NULL
        );
    """
    _DUE = f"SELECT id, next_at, period FROM schedule WHERE next_at <= ? ORDER BY next_at LIMIT {BATCH}"
    _ENTER = "INSERT INTO run VALUES (?, ?, ?, ?, NULL, 1, 1)"

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(path, isolation_level=None)

    def fill(self, count: int, due_at: float) -> None:
        do = self._connection
        do.executescript(self._TABLES)
        do.execute("BEGIN")
        rows = (
            (i, _micros(due_at), PERIOD * 1_000_000, "limits:nothing", f"[{i}]")
            for i in range(1, count + 1)
        )
        do.executemany("INSERT INTO schedule VALUES (?, ?, ?, ?, ?)", rows)
        do.execute("COMMIT")
        do.execute("CREATE INDEX schedule_due ON schedule (next_at)")
        do.execute("ANALYZE")
        do.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def claim(self) -> Sequence[tuple[int, int]]:
        do, now = self._connection, _micros(time.time())
        if (
            do.execute("SELECT 1 FROM schedule WHERE next_at <= ? LIMIT 1", [now]).fetchone()
            is None
        ):
            return []
        do.execute("BEGIN IMMEDIATE")
        due = do.execute(self._DUE, [now]).fetchall()
        (last,) = do.execute("SELECT coalesce(max(id), 0) FROM run").fetchone()
        do.executemany(
            "UPDATE schedule SET next_at = ? WHERE id = ?",
            [(at + period, i) for i, at, period in due],
        )
        do.executemany(
            self._ENTER, [(last + k, i, at, now) for k, (i, at, _) in enumerate(due, start=1)]
        )
        do.execute("COMMIT")
        return [(last + k, i) for k, (i, _, _) in enumerate(due, start=1)]

    def finish(self, runs: Sequence[int]) -> None:
        do, now = self._connection, _micros(time.time())
        do.execute("BEGIN IMMEDIATE")
        do.executemany(
            "UPDATE run SET finished_at = ?, status = 2 WHERE id = ?", [(now, i) for i in runs]
        )
        do.execute("COMMIT")

    def count_finished(self) -> int:
        (count,) = self._connection.execute("SELECT count(*) FROM run WHERE status = 2").fetchone()
        return int(count)


def _micros(instant: float) -> int:
    return int(instant * 1_000_000)


async def run_all(limit: Limit, count: int, due_at: float) -> dict[str, float]:
    """Wait until they are due, run them all; how fast, and how late each began."""
    starts: list[float] = []

    async def nothing(_schedule: int) -> None:
        starts.append(time.time())

    await asyncio.sleep(max(0.0, due_at - time.time()))
    while len(starts) < count:
        claimed = limit.claim()
        if not claimed:
            await asyncio.sleep(0.001)
            continue
        await asyncio.wait([asyncio.create_task(nothing(schedule)) for _, schedule in claimed])
        limit.finish([run for run, _ in claimed])
    ended_at = time.time()
    lateness = sorted(start - due_at for start in starts)
    return {
        "per_second": count / (ended_at - due_at),
        "p50": lateness[count // 2],
        "p99": lateness[min(count - 1, int(count * 0.99))],
    }


def _filled(limit: Limit, count: int) -> float:
    """The instant at which they are due: it is still to come when this returns."""
    for lead in LEADS:
        due_at = time.time() + lead + count / 20_000
        limit.fill(count, due_at)
        if time.time() < due_at:
            return due_at
    raise SystemExit("filling the tables takes too long: this machine is too busy to measure on")


def main(arguments: Sequence[str]) -> Any:
    """What the module prints."""
    url, count = arguments[0], int(arguments[1])
    limit: Limit = OnSQLite(url) if url.startswith("sqlite") else OnPostgreSQL(url)
    due_at = _filled(limit, count)
    answer = asyncio.run(run_all(limit, count, due_at))
    if limit.count_finished() != count:
        raise SystemExit("not every run has ended")
    return answer


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
