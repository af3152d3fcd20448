"""Real worker processes on a real database, one killed in the middle of its work (promise 2; C-04, C-23, C-40)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, transaction

from clockwright.engine.model import Policy, Schedule
from clockwright.engine.registry import workflow_id_of
from clockwright.recurrence import Once
from clockwright.schedules.models import Node, Run
from clockwright.schedules.store import SqlStore
from clockwright.testing.virtual import VirtualClock

CLOCKWRIGHT = Path(sys.executable).with_name("clockwright")
SCHEDULES = 2_000
TAKEOVER_SECONDS = 20
PATIENCE = 90.0


class Workers:
    """`clockwright worker` processes on the test database; all are gone at the end."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._env = {
            **os.environ,
            "DATABASE_URL": database_url,
            "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
            "SECRET_KEY": "of these tests",
        }
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        known = set(Node.objects.values_list("node_id", flat=True))
        path = self._folder / f"worker-{len(self._processes)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [CLOCKWRIGHT, "worker"], env=self._env, cwd=self._folder, stdout=log, stderr=log
            )
        self._processes.append(process)
        wait_for(lambda: Node.objects.exclude(node_id__in=known).exists(), "a worker to register")
        return process

    def stop(self) -> list[int]:
        for process in self._processes:
            if process.poll() is None:
                process.terminate()
        return [process.wait(timeout=60) for process in self._processes]


@pytest.fixture
def workers(database_url: str, tmp_path: Path) -> Iterator[Workers]:
    started = Workers(database_url, tmp_path)
    yield started
    started.stop()


def wait_for(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Look until it holds; a deadline only ends a test that hangs."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"waited {patience} s for {what}"
        time.sleep(0.05)


def all_due_at_one_instant() -> None:
    """Two thousand one-time schedules whose runs take a moment each.

    For the store that adds them no time goes by: the instant is still to come for the last, however slow the machine.
    """
    begin = SqlStore().now()
    with transaction.atomic():
        add_all(SqlStore(clock=VirtualClock(begin)), begin + timedelta(seconds=8))


def add_all(store: SqlStore, due: datetime) -> None:
    for _ in range(SCHEDULES):
        schedule = Schedule(
            schedule_id=uuid4(),
            workflow_id=workflow_id_of("samples.sleep"),
            recurrence=Once(due),
            settled_until=due,
            policy=Policy(),
            context={"seconds": 0.02},
        )
        store.add_schedule(schedule)


def succeeded() -> int:
    return Run.objects.filter(status="succeeded").count()


def assert_each_ran_once() -> None:
    assert Counter(Run.objects.values_list("status", flat=True)) == {"succeeded": SCHEDULES}
    assert Run.objects.values("schedule_id", "scheduled_for").distinct().count() == SCHEDULES


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.limit(400)
def test_two_workers_share_a_burst_and_the_runs_of_the_one_that_is_killed_are_taken_over(
    workers: Workers,
) -> None:
    survivor = None if connection.vendor == "sqlite" else workers.start()
    victim = workers.start()
    all_due_at_one_instant()
    wait_for(lambda: succeeded() > SCHEDULES // 10, "the burst to begin")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    killed_at = SqlStore().now()
    if survivor is None:  # SQLite: the worker is started again
        workers.start()
    wait_for(lambda: succeeded() == SCHEDULES, "every run to succeed")
    assert_each_ran_once()
    taken_over = Run.objects.filter(takeovers__gt=0)
    assert all(run.attempt == run.takeovers + 1 for run in taken_over)
    latest = max((run.started_at - killed_at for run in taken_over if run.started_at), default=None)
    assert latest is None or latest <= timedelta(seconds=TAKEOVER_SECONDS)
    codes = workers.stop()
    assert sorted(codes) == [-signal.SIGKILL, 0], "SIGTERM drains and ends with 0"
