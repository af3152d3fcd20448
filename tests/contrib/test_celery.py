"""Runs on a Celery queue: real Redis protocol, real worker processes, a real database (S4-59…68; promise 2)."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F

from clockwright.contrib.celery.application import RUN_TASK
from clockwright.contrib.celery.dispatch import publish
from clockwright.engine.model import Policy
from clockwright.schedules.models import Node, Run
from tests.support.broker import CeleryWorker, Valkey, wait_for
from tests.support.database import test_database_url
from tests.support.queued.functions import QUEUE, note, traces
from tests.support.queueing import Project, begun, ended, is_gone, let_go, process_of, row

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("celery")]


@pytest.fixture(scope="module")
def broker() -> Iterator[Valkey]:
    with tempfile.TemporaryDirectory(prefix="cw-valkey-") as folder:
        valkey = Valkey(Path(folder))
        valkey.start()
        yield valkey
        valkey.stop()


@pytest.fixture(scope="module")
def lasting_worker(
    django_db_setup: None, broker: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CeleryWorker]:
    """One worker process for all tests, with one child at a time. What a test kills is a child."""
    folder = tmp_path_factory.mktemp("celery")
    started = CeleryWorker(test_database_url(), broker.url, folder)
    started.start()
    yield started
    started.stop()
    sys.stdout.write(started.log())


@pytest.fixture
def worker(transactional_db: None, lasting_worker: CeleryWorker) -> Iterator[CeleryWorker]:
    """It outlives the emptying of the tables between two tests: its lease is put back."""
    assert lasting_worker.lives, lasting_worker.log()
    Node.objects.bulk_create(lasting_worker.nodes)
    yield lasting_worker
    lasting_worker.nodes = list(Node.objects.exclude(pid=os.getpid()).filter(is_alive=True))


@pytest.fixture
def project(broker: Valkey) -> Iterator[Project]:
    made = Project(broker.url)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces"


def test_a_worker_executes_the_run_and_its_result_stands_in_the_same_row(project, worker, path):
    run = ended(project.ask_for("report", path=str(path)))
    assert run.status == "succeeded"
    assert run.result["pid"] != os.getpid()
    assert run.node.startswith("celery:")
    assert (run.attempt, run.retries, run.takeovers) == (1, 0, 0)
    assert run.created_at <= run.started_at <= run.finished_at
    assert traces(path) == [f"{run.run_id} 1 {run.result['pid']}"]


def test_a_function_without_a_queue_runs_in_the_engine(project, broker):
    assert ended(project.ask_for("at_home")).result == os.getpid()


def test_what_a_function_raises_in_a_worker_is_recorded_and_tried_again_as_anywhere(
    project, worker
):
    policy = Policy(max_retries=1, retry_backoff=timedelta(seconds=0.01))
    run = ended(project.ask_for("refuse", policy, why="no key"))
    assert (run.status, run.reason, run.error) == ("failed", "error", "PermissionError: no key")
    assert "in refuse" in run.traceback
    assert (run.attempt, run.retries) == (2, 1)
    (first,) = run.attempts.all()
    assert (first.attempt, first.status) == (1, "retrying")


def test_while_the_broker_is_down_runs_wait_and_then_go_out(project, worker, broker, path):
    broker.stop()
    waiting = [project.ask_for("report", path=str(path)) for _ in range(6)]
    # more than the engine runs at a time, and yet it has room for what needs no broker
    wait_for(
        lambda: Run.objects.filter(ready_at__gt=F("created_at"), status="queued").count() == 6,
        "the runs to be put down",
    )
    assert ended(project.ask_for("at_home")).status == "succeeded"
    broker.start()
    for run in map(ended, waiting):
        assert (run.status, run.attempt, run.retries, run.takeovers) == ("succeeded", 1, 0, 0)
    assert len(traces(path)) == 6


def test_the_run_of_a_worker_that_is_killed_is_taken_over(project, worker, path):
    run_id = project.ask_for("linger", path=str(path))
    os.kill(process_of(path), signal.SIGKILL)
    begun(path, 2)
    let_go(path)
    run = ended(run_id)
    assert (run.status, run.result) == ("succeeded", "went")
    assert (run.attempt, run.retries, run.takeovers) == (2, 0, 1)
    (lost,) = run.attempts.all()
    assert (lost.attempt, lost.status, lost.reason) == (1, "lost", "crashed_node")


def test_of_two_deliveries_of_a_message_the_second_is_refused(project, worker, path, tmp_path):
    run_id = project.ask_for("linger", path=str(path))
    begun(path)
    publish(project.app, QUEUE, run_id, 0)  # while it runs
    let_go(path)
    assert ended(run_id).status == "succeeded"
    publish(project.app, QUEUE, run_id, 0)  # and when it has ended
    ended(project.ask_for("report", path=str(tmp_path / "later")))
    assert len(traces(path)) == 2, "it began once and ended once"
    assert row(run_id).attempt == 1


def test_a_run_that_is_cancelled_while_it_waits_in_the_queue_never_starts(
    project, worker, path, tmp_path
):
    project.ask_for("linger", path=str(path))
    begun(path)
    behind = project.ask_for("report", path=str(tmp_path / "cancelled"))
    wait_for(lambda: row(behind).ready_at > row(behind).created_at, "the run to be sent")
    assert project.store.cancel_run(behind).state == "cancelled"
    let_go(path)
    ended(project.ask_for("report", path=str(tmp_path / "later")))
    assert traces(tmp_path / "cancelled") == []


@pytest.mark.parametrize("why", ["cancelled", "timed_out"])
def test_a_function_that_is_cut_off_is_stopped_with_its_process(project, worker, path, why):
    policy = Policy(max_retries=0, timeout=timedelta(seconds=0.5) if why == "timed_out" else None)
    run_id = project.ask_for("linger", policy, path=str(path))
    process = process_of(path)
    if why == "cancelled":
        project.store.cancel_run(run_id)
    assert ended(run_id).status == why
    wait_for(lambda: is_gone(process), "the process to end")
    assert len(traces(path)) == 1


def test_a_cancelled_function_with_a_process_of_its_own_is_killed_and_the_worker_goes_on(
    project, worker, path
):
    run_id = project.ask_for("linger_apart", path=str(path))
    worker_process, process = (int(line.split()[0]) for line in begun(path, 2))
    project.store.cancel_run(run_id)
    assert (ended(run_id).status, is_gone(process)) == ("cancelled", True)
    after = ended(project.ask_for("report", path=str(path)))
    assert (after.status, after.result["pid"]) == ("succeeded", worker_process)


def test_a_message_that_is_not_json_is_refused_unread(project, worker, path, tmp_path):
    project.app.send_task(RUN_TASK, args=[Trap(str(path))], queue=QUEUE, serializer="pickle")
    assert ended(project.ask_for("report", path=str(tmp_path / "later"))).status == "succeeded"
    assert traces(path) == []


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return note, (self._path, "unpickled")
