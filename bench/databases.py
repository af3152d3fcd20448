"""Where a measurement happens: a fresh, migrated database for each, on one PostgreSQL server or in one folder of SQLite.

The bench process itself speaks plain SQL to it, so that nothing of Clockwright runs here.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from bench.figures import Unmeasurable

ROOT = Path(__file__).resolve().parent.parent

_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_SETTINGS_OF_OURS = (
    "SCHEDULER_", "WORKFLOW_", "MAX_CONCURRENT_", "DEFAULT_TIMEZONE", "CLOCKWRIGHT_", "LOG_", "DEBUG",
    "DJANGO_", "PORT", "PG",
)  # fmt: skip


def environment(url: str) -> dict[str, str]:
    """What a process of the product gets: its defaults, whatever the caller's shell has set."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith(_SETTINGS_OF_OURS)}
    return kept | {
        "DATABASE_URL": url,
        "SECRET_KEY": "for the length of a measurement",
        "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
        "PYTHONPATH": str(ROOT),
    }


class Store(ABC):
    """One kind of database. `name` is how figures call it."""

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def empty(self) -> contextlib.AbstractContextManager[str]:
        """The URL of a database without tables, gone afterwards."""

    @abstractmethod
    def migrated(self) -> contextlib.AbstractContextManager[str]:
        """The URL of a database with Clockwright's tables, gone afterwards."""

    @abstractmethod
    def connect(self, url: str) -> Connection:
        """A connection that commits each statement; close it."""

    def _migrate(self, url: str) -> None:
        command = [str(Path(sys.executable).with_name("clockwright")), "migrate"]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment(url),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unmeasurable(f"clockwright migrate failed:\n{done.stdout}{done.stderr}")


class Connection(ABC):
    """The few words that the measurements say to a database."""

    new_uuid: str

    @abstractmethod
    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement returns, or nothing."""

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""

    @abstractmethod
    def instant(self, value: datetime) -> str:
        """An instant as SQL, as the tables store it."""

    @abstractmethod
    def read_instant(self, value: Any) -> datetime:
        """An instant that was selected."""

    @abstractmethod
    def numbers(self, count: int) -> str:
        """A table `g` with the column `i`, from 1 to `count`."""

    @abstractmethod
    def json_object(self, key: str, expression: str) -> str:
        """A JSON object of one key as SQL."""

    @abstractmethod
    def settle_down(self) -> None:
        """Do now what the database would otherwise do during a measurement."""

    @abstractmethod
    def close(self) -> None:
        """Let go of it."""

    def row(self, statement: str) -> tuple[Any, ...]:
        """The first row of what a statement returns."""
        return self.rows(statement)[0]


class PostgreSQL(Store):
    """Databases on a server that is there already; the user may create databases."""

    name = "postgresql"

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self._url = url
        self._prefix = f"cw_bench_{os.getpid()}"
        self._count = itertools.count(1)
        self._template = ""

    def undurable(self) -> list[str]:
        """The settings by which this server forgets commits that it answered, or none."""
        with psycopg.connect(self._url) as connection:
            states = {
                name: connection.execute("SELECT current_setting(%s)", [name]).fetchone()
                for name in _DURABLE
            }
        return [
            f"{name}={state[0]}" for name, state in states.items() if state and state[0] == "off"
        ]

    def version(self) -> str:
        """As the server says it."""
        with psycopg.connect(self._url) as connection:
            return f"PostgreSQL {connection.info.server_version // 10_000}"

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        with self._database("template1") as name:
            yield self._url_of(name)

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        with self._database(self._migrated_template()) as name:
            yield self._url_of(name)

    def close(self) -> None:
        """Drop what is left."""
        if self._template:
            self._drop(self._template)

    def connect(self, url: str) -> Connection:
        return _PostgreSQLConnection(url)

    def _migrated_template(self) -> str:
        if not self._template:
            self._template = self._create("template1")
            self._migrate(self._url_of(self._template))
        return self._template

    @contextlib.contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = self._create(template)
        try:
            yield name
        finally:
            self._drop(name)

    def _create(self, template: str) -> str:
        name = f"{self._prefix}_{next(self._count)}"
        self._do("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def _drop(self, name: str) -> None:
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _do(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url_of(self, name: str) -> str:
        return urlsplit(self._url)._replace(path=f"/{name}").geturl()


class SQLite(Store):
    """Files in a folder; it should lie on a real disk."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._count = itertools.count(1)
        self._template: Path | None = None

    @contextlib.contextmanager
    def empty(self) -> Iterator[str]:
        path = self._new_path()
        try:
            yield f"sqlite:///{path}"
        finally:
            for left in path.parent.glob(f"{path.name}*"):
                left.unlink()

    @contextlib.contextmanager
    def migrated(self) -> Iterator[str]:
        if self._template is None:
            template = self._new_path()
            self._migrate(f"sqlite:///{template}")
            with contextlib.closing(sqlite3.connect(template)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._template = template
        with self.empty() as url:
            shutil.copyfile(self._template, _path_of(url))
            yield url

    def connect(self, url: str) -> Connection:
        return _SQLiteConnection(url)

    def _new_path(self) -> Path:
        return self.folder / f"{next(self._count)}.sqlite3"


def _path_of(url: str) -> str:
    return url.removeprefix("sqlite:///")


class _PostgreSQLConnection(Connection):
    new_uuid = "gen_random_uuid()"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def columns(self, table: str) -> list[str]:
        cursor = self._connection.execute(f"SELECT * FROM {table} LIMIT 0".encode())
        return [column.name for column in cursor.description or ()]

    def instant(self, value: datetime) -> str:
        return f"'{value.isoformat()}'::timestamptz"

    def read_instant(self, value: Any) -> datetime:
        return value  # type: ignore[no-any-return]

    def numbers(self, count: int) -> str:
        return f"generate_series(1, {count}) AS g(i)"

    def json_object(self, key: str, expression: str) -> str:
        return f"jsonb_build_object('{key}', {expression})"

    def settle_down(self) -> None:
        self.rows("VACUUM ANALYZE")
        self.rows("CHECKPOINT")

    def close(self) -> None:
        self._connection.close()


class _SQLiteConnection(Connection):
    new_uuid = "lower(hex(randomblob(16)))"

    def __init__(self, url: str) -> None:
        self._connection = sqlite3.connect(_path_of(url), isolation_level=None, timeout=20)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement).fetchall()

    def columns(self, table: str) -> list[str]:
        cursor = self._connection.execute(f"SELECT * FROM {table} LIMIT 0")
        return [column[0] for column in cursor.description]

    def instant(self, value: datetime) -> str:
        return f"'{value.astimezone(UTC).replace(tzinfo=None)}'"

    def read_instant(self, value: Any) -> datetime:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)

    def numbers(self, count: int) -> str:
        series = f"SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < {count}"
        return f"(WITH RECURSIVE n AS ({series}) SELECT i FROM n) AS g"

    def json_object(self, key: str, expression: str) -> str:
        return f"json_object('{key}', {expression})"

    def settle_down(self) -> None:
        self.rows("ANALYZE")
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self._connection.close()
