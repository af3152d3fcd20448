"""`DATABASE_URL` in every form that people write it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.sqlite3.base import DatabaseWrapper as Sqlite

from clockwright.server.database import database_settings


def test_four_slashes_are_an_absolute_path(tmp_path):
    assert database_settings(f"sqlite:///{tmp_path}/a.sqlite3")["NAME"] == f"{tmp_path}/a.sqlite3"


def test_three_slashes_are_a_path_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert database_settings("sqlite:///a.sqlite3")["NAME"] == f"{tmp_path}/a.sqlite3"


def test_a_path_may_be_percent_encoded(tmp_path):
    (tmp_path / "a b").mkdir()
    found = database_settings(f"sqlite:///{tmp_path}/a%20b/c.sqlite3")
    assert found["NAME"] == f"{tmp_path}/a b/c.sqlite3"


def test_sqlite_waits_forgets_nothing_and_takes_the_write_lock_at_begin(
    tmp_path, django_db_blocker
):
    """The ledger is written here: NORMAL would forget commits at power loss."""
    url = f"sqlite:///{tmp_path}/a.sqlite3"
    connection = Sqlite(
        {
            **database_settings(url),
            "TIME_ZONE": None,
            "CONN_MAX_AGE": 0,
            "CONN_HEALTH_CHECKS": False,
        }
    )
    try:
        with django_db_blocker.unblock():
            connection.ensure_connection()
        raw = connection.connection
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
        assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert raw.execute("PRAGMA busy_timeout").fetchone() == (20_000,)
        assert connection.transaction_mode == "IMMEDIATE"
    finally:
        connection.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://x"])
def test_sqlite_without_a_file_is_refused(url):
    with pytest.raises(ImproperlyConfigured, match="needs a file"):
        database_settings(url)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="does not exist; make it first"):
        database_settings(f"sqlite:///{tmp_path}/none/a.sqlite3")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u@h:5433/d", ("u", "", "h", "5433", "d")),
        ("postgres://u:p@h/d", ("u", "p", "h", "", "d")),
        ("postgresql://u%40x:p%3A%2F%40@h:5432/d%20e", ("u@x", "p:/@", "h", "5432", "d e")),
        ("postgresql://u:p@x@h/d", ("u", "p@x", "h", "", "d")),
        ("postgresql://u@%2FVar%2FRun/d", ("u", "", "/Var/Run", "", "d")),
        ("postgresql://u@/d?host=/var/run&port=5433", ("u", "", "/var/run", "5433", "d")),
        ("postgresql:///d", ("", "", "", "", "d")),
        ("postgresql://u@[::1]:5433/d", ("u", "", "::1", "5433", "d")),
        ("postgresql://u@h", ("u", "", "h", "", "u")),
    ],
)
def test_postgresql_urls_as_libpq_reads_them(url, expected):
    found = database_settings(url)
    assert tuple(found[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")) == expected


def test_postgresql_keeps_its_connections_in_a_pool_and_not_in_threads():
    found = database_settings("postgresql://u@h/d?pool_max_size=30&sslmode=require")
    assert found["CONN_MAX_AGE"] == 0
    assert found["OPTIONS"]["pool"]["max_size"] == 30
    assert found["OPTIONS"]["sslmode"] == "require"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hunter2@h/d",
        "hunter2",
        "postgresql://u:hunter2/x@h:1/d",
        "postgresql://u:hunter2@h:99999/d",
        "postgresql://u:hunter2@h/d?pool_max_size=many",
        "postgresql://u:hunter2@h/d?nonsense",
        "sqlite:////tmp/hunter2.sqlite3?a=hunter2",
    ],
)
def test_a_bad_url_is_refused_without_telling_the_password(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL") as caught:
        database_settings(url)
    assert "hunter2" not in str(caught.value)
