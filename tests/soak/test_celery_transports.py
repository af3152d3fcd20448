"""The bridge to Celery over another transport than Redis: RabbitMQ where TEST_AMQP_URL names one.

Without it, files in a folder carry the messages, which only proves that nothing here needs Redis.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clockwright.engine.model import Policy
from tests.support.broker import CeleryWorker, wait_for
from tests.support.queueing import Project, begun, ended, is_gone, let_go, process_of

RUNS = 200


def transport(folder: Path) -> tuple[str, dict[str, Any]]:
    """The broker's URL, and options of Celery for it."""
    url = os.environ.get("TEST_AMQP_URL", "")
    if url:
        return url, {}
    places = ("data_folder_in", "data_folder_out", "control_folder", "processed_folder")
    messages = folder / "messages"
    messages.mkdir()
    return "filesystem://", {"broker_transport_options": dict.fromkeys(places, str(messages))}


@pytest.fixture
def project(database_url: str, tmp_path: Path) -> Iterator[Project]:
    url, options = transport(tmp_path)
    worker, made = CeleryWorker(database_url, url, tmp_path, options), Project(url, options)
    worker.start()
    made.start()
    yield made
    made.stop()
    worker.stop()
    sys.stdout.write(worker.log())


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_runs_are_executed_taken_over_and_revoked_over_another_transport(project, tmp_path):
    trail = tmp_path / "traces"
    asked = [project.ask_for("report", path=str(trail)) for _ in range(RUNS)]
    runs = list(map(ended, asked))
    assert {(run.status, run.attempt) for run in runs} == {("succeeded", 1)}
    assert len({run.node for run in runs} - {None}) == 1

    killed = tmp_path / "killed"
    taken_over = project.ask_for("linger", path=str(killed))
    os.kill(process_of(killed), signal.SIGKILL)
    begun(killed, 2)
    let_go(killed)
    run = ended(taken_over)
    assert (run.status, run.attempt, run.takeovers) == ("succeeded", 2, 1)

    stopped = tmp_path / "stopped"
    cancelled = project.ask_for("linger", Policy(max_retries=0), path=str(stopped))
    process = process_of(stopped)
    project.store.cancel_run(cancelled)
    assert ended(cancelled).status == "cancelled"
    wait_for(lambda: is_gone(process), "the process to end")
