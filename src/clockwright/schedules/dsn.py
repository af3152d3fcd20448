"""`DATABASE_URL` as Django's settings of a database: SQLite in a file, or PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from django.core.exceptions import ImproperlyConfigured

BUSY_SECONDS = 20
"""How long a writer waits for SQLite's one write lock."""

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    # NORMAL would forget commits that were answered when the power fails, and with them claims
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
)
# also how long a health check takes to notice that PostgreSQL is gone
_POOL_SECONDS = 5
_POOL_SIZES = {"pool_min_size": ("min_size", 1), "pool_max_size": ("max_size", 24)}
_EXAMPLES = (
    "sqlite:////absolute/path.sqlite3, postgresql://user:password@host:5432/database or "
    "postgresql://user@/database?host=/var/run/postgresql"
)


def database_settings(url: str) -> dict[str, Any]:
    """Django's settings for a database URL; raises ImproperlyConfigured, never naming the password."""
    scheme, separator, rest = url.partition("://")
    parse = _PARSERS.get(scheme.lower()) if separator else None
    if parse is None:
        shown = f"the scheme {scheme!r}" if separator else "a text without '://'"
        raise ImproperlyConfigured(f"DATABASE_URL: {shown} is not known; write {_EXAMPLES}")
    place, _, query = rest.partition("?")
    return {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, **parse(place, _options(query))}


def _options(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ImproperlyConfigured(
            "DATABASE_URL: what follows the '?' is not name=value&name=value"
        ) from error
    return dict(pairs)


def _sqlite(place: str, options: dict[str, str]) -> dict[str, Any]:
    if options:
        raise ImproperlyConfigured(
            f"DATABASE_URL: SQLite takes no options, and {', '.join(sorted(options))} is given"
        )
    path = unquote(place.removeprefix("/"))
    if not place.startswith("/") or path in {"", ":memory:"}:
        raise ImproperlyConfigured(
            "DATABASE_URL: SQLite needs a file, because threads and processes share it; write "
            "sqlite:////absolute/path.sqlite3 (four slashes) or sqlite:///relative.sqlite3 (three)"
        )
    file = Path(path).absolute()
    if not file.parent.is_dir():
        raise ImproperlyConfigured(
            f"DATABASE_URL: the folder {file.parent} does not exist; make it first"
        )
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "timeout": BUSY_SECONDS,
            # takes the write lock at BEGIN, where waiting is possible: a read that later writes cannot wait
            "transaction_mode": "IMMEDIATE",
            "init_command": ";".join(_PRAGMAS),
        },
        "TEST": {"NAME": _test_file()},
    }


def _test_file() -> str:
    """A file, since threads and subprocesses open it; one a process, so that parallel test runs do not meet."""
    owner = f"{os.getuid()}-{os.getpid()}"
    return str(Path(tempfile.gettempdir()) / f"clockwright-test-{owner}.sqlite3")


def _postgresql(place: str, options: dict[str, str]) -> dict[str, Any]:
    if importlib.util.find_spec("psycopg") is None:
        raise ImproperlyConfigured(
            "DATABASE_URL: PostgreSQL needs psycopg: pip install 'clockwright[postgres]'"
        )
    authority, _, name = place.partition("/")
    credentials, _, address = authority.rpartition("@")
    user, _, password = credentials.partition(":")
    host, port = _host_and_port(address)
    pool = {
        ours: _pool_size(given, options, default) for given, (ours, default) in _POOL_SIZES.items()
    }
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(name) or unquote(user) or "clockwright",
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        # a query parameter wins, as in libpq: it is how a unix socket's folder is usually given
        "HOST": options.pop("host", unquote(host)),
        "PORT": options.pop("port", port),
        "CONN_MAX_AGE": 0,  # the pool keeps connections, not the threads
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**options, "pool": {**pool, "timeout": _POOL_SECONDS}},
        "TEST": {"TEMPLATE": "template0"},
    }


def _host_and_port(address: str) -> tuple[str, str]:
    """Split `host:port`, `[v6]:port` and `%2Fsocket%2Ffolder`; the case of a folder's name is kept."""
    if address.startswith("["):
        host, _, tail = address[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    if port and not is_port:
        raise ImproperlyConfigured(
            "DATABASE_URL: what follows the host's ':' is not a port from 1 to 65535; "
            "an '@', ':' or '/' inside a user or password is written %40, %3A or %2F"
        )
    return host, port


def _pool_size(name: str, options: dict[str, str], default: int) -> int:
    text = options.pop(name, str(default))
    if text.isascii() and text.isdigit() and int(text) <= 1_000:
        return int(text)
    raise ImproperlyConfigured(f"DATABASE_URL: {name}={text!r} is not a number from 0 to 1000")


_PARSERS: dict[str, Callable[[str, dict[str, str]], dict[str, Any]]] = {
    "sqlite": _sqlite,
    "sqlite3": _sqlite,
    "postgresql": _postgresql,
    "postgres": _postgresql,
}
