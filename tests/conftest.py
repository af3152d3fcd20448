"""What every test may rely on: a real database in a file or a server, and no silent skips."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import hypothesis
import pytest

from tests.support.database import test_database_url
from tests.support.report import GroupReport

hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)


TIME_LIMIT = float(os.environ.get("CLOCKWRIGHT_TEST_LIMIT", "120"))


def pytest_configure(config: pytest.Config) -> None:
    """`make test` asks for a report and for the same examples each time; plain pytest explores."""
    _keep_away_from_the_real_database()
    report = os.environ.get("CLOCKWRIGHT_TEST_REPORT")
    hypothesis.settings.load_profile("steady" if report else "explore")
    if report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(GroupReport(Path(report)))


def _keep_away_from_the_real_database() -> None:
    """A test that reaches a database without pytest-django's leave finds an empty one, not the developer's data."""
    from django.db import connection

    if connection.vendor == "sqlite" and "DATABASE_URL" not in os.environ:
        nowhere = Path(tempfile.mkdtemp(prefix="clockwright-none-"), "none.sqlite3")
        connection.settings_dict["NAME"] = str(nowhere)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    """A test that hangs fails after `TIME_LIMIT`, or what `@pytest.mark.limit(seconds)` allows.

    Again and again, should its own clean-up hang as well.
    """
    mark = item.get_closest_marker("limit")
    seconds = mark.args[0] if mark else TIME_LIMIT

    def fail(_number, frame):
        pytest.fail(f"still running after {seconds} s, in {frame.f_code.co_qualname}")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds, 10.0)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


TOGETHER = ("tests/plans/", "tests/contrib/test_celery.py::")
"""Tests that share what is dear to make. (What the mark `xdist_group` writes, pytest 9.2 reads no more.)"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One process for all tests of a group; each other test goes to whichever is free."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for group in TOGETHER if nodeid.startswith(group)), nodeid)

    return Together(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A module that skips itself would vanish from the count: refuse that."""
    report = yield
    if report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} skips itself as a whole: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def thrift():
    """What a test does not prove is not paid for in each."""
    from tests.support import thrift  # imports models

    thrift.begin()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, tmp_path_factory):
    """On SQLite the test database is a file: threads and other processes must be able to open it.

    Each worker has its own; pytest-django gives PostgreSQL's databases a suffix per worker.
    """
    from django.db import connections

    for connection in connections.all():
        if connection.vendor == "sqlite":
            path = tmp_path_factory.mktemp("database") / f"{connection.alias}.sqlite3"
            connection.settings_dict["TEST"]["NAME"] = str(path)


@pytest.fixture
def database_url(db) -> str:
    """The `DATABASE_URL` of the test database, for the processes that a test starts.

    They see only what is committed: use it with `@pytest.mark.django_db(transaction=True)`.
    """
    return test_database_url()
