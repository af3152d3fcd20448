"""The long-running commands as processes: they say when they are ready, drain on a signal and end with 0 (S4-09, C-23)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from clockwright.access.callers import system_caller
from clockwright.access.models import Community
from clockwright.schedules import commands
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.models import Node, Run, Schedule
from clockwright.server import samples

COMMAND = str(Path(sys.executable).with_name("clockwright"))
PATIENCE = 60.0
"""Seconds after which a machine is not slow but something is broken."""

pytestmark = pytest.mark.django_db(transaction=True)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s for {what}"
        time.sleep(0.05)
    return found


class Process:
    """A command in a folder of its own; `said` is what it has written to stderr so far."""

    def __init__(self, folder: Path, database_url: str, *arguments: str) -> None:
        environ = {
            **os.environ,
            "DATABASE_URL": database_url,
            "SECRET_KEY": "of these tests",
            "LOG_LEVEL": "WARNING",
        }
        self.process = subprocess.Popen(
            [COMMAND, *arguments], cwd=folder, env=environ, stderr=subprocess.PIPE, text=True
        )
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line
        self.process.stderr.close()

    def until(self, pattern: str) -> re.Match[str]:
        def found() -> re.Match[str] | None:
            assert self.process.poll() is None or re.search(pattern, self.said), self.said
            return re.search(pattern, self.said)

        return wait_for(found, pattern)

    def end(self, signum: int | None = None) -> int:
        if signum is not None:
            self.process.send_signal(signum)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self._reader.join()


@pytest.fixture
def start(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def begin(*arguments: str) -> Process:
        started.append(Process(tmp_path, database_url, *arguments))
        return started[-1]

    yield begin
    for process in started:
        process.end(signal.SIGKILL) if process.process.poll() is None else None


def add(function: str, **context: Any) -> Schedule:
    assert samples.echo
    Community.objects.get_or_create(slug="default")
    new = NewSchedule(
        workflow=function,
        config={"schedule_type": "interval", "interval_seconds": 1, "max_executions": 1},
        context_data=context,
    )
    return commands.add_schedule(system_caller(), new)


def statuses() -> list[str]:
    return sorted(Run.objects.values_list("status", flat=True))


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_runs_what_is_due_and_ends_with_0_when_asked(
    start: Callable[..., Process], signum: int
) -> None:
    worker = start("worker")
    worker.until("worker is running")
    add("samples.echo", name="Ada")
    wait_for(lambda: statuses() == ["succeeded"], "the run")
    assert Run.objects.get().result == {"name": "Ada"}
    assert worker.end(signum) == 0, worker.said
    assert not Node.objects.filter(is_alive=True).exists()
    assert "Traceback" not in worker.said


def test_a_worker_that_is_asked_to_end_finishes_what_it_has_begun(
    start: Callable[..., Process],
) -> None:
    worker = start("worker")
    worker.until("worker is running")
    add("samples.sleep", seconds=1.0)
    wait_for(lambda: statuses() == ["running"], "the run to begin")
    assert worker.end(signal.SIGTERM) == 0, worker.said
    assert statuses() == ["succeeded"]


def test_what_does_not_finish_within_the_deadline_is_handed_back(
    start: Callable[..., Process],
) -> None:
    worker = start("worker", "--drain", "0.2")
    worker.until("worker is running")
    add("samples.sleep", seconds=600)
    wait_for(lambda: statuses() == ["running"], "the run to begin")
    assert worker.end(signal.SIGTERM) == 0, worker.said
    assert statuses() == ["queued"]


def test_a_server_answers_runs_what_is_due_and_ends_with_0(start: Callable[..., Process]) -> None:
    server = start("serve", "--port", "0")
    url = server.until(r"serving (http://\S+/)")[1]
    with urllib.request.urlopen(f"{url}api/v1/health", timeout=PATIENCE) as answer:
        health = json.load(answer)
    assert health["status"] == "healthy"
    add("samples.echo")
    wait_for(lambda: statuses() == ["succeeded"], "the run")
    assert server.end(signal.SIGTERM) == 0, server.said
    assert "Traceback" not in server.said


def test_a_server_without_an_engine_runs_nothing(start: Callable[..., Process]) -> None:
    server = start("serve", "--port", "0", "--no-engine")
    url = server.until(r"serving (http://\S+/)")[1]
    with urllib.request.urlopen(f"{url}sign-in", timeout=PATIENCE) as answer:
        assert answer.status == 200
    assert not Node.objects.exists()
    assert server.end(signal.SIGINT) == 0, server.said


def test_static_files_are_served_without_any_collecting(start: Callable[..., Process]) -> None:
    server = start("serve", "--port", "0", "--no-engine")
    url = server.until(r"serving (http://\S+/)")[1]
    for path in ("clockwright_console/console.css", "django_htmx/htmx-2.min.js"):
        with urllib.request.urlopen(f"{url}static/{path}", timeout=PATIENCE) as answer:
            assert answer.status == 200
    assert server.end(signal.SIGTERM) == 0
    assert "Warning" not in server.said


def test_a_taken_port_is_told_with_the_way_out(start: Callable[..., Process]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("serve", "--port", str(port))
        assert server.end() == 1
    assert (
        server.said
        == f"error: port {port} on 127.0.0.1 is taken; choose another with PORT={port + 1} or --port {port + 1}\n"
    )


ONE_BY_ONE = """
import contextlib, io, json, sys
from clockwright.server.cli import main
found = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        code = main(arguments)
    found.append((arguments, code, said.getvalue()))
print(json.dumps(found))
"""


def one_by_one(folder: Path, url: str, *commands: str) -> list[tuple[list[str], int, str]]:
    """What each command ends with and says, in a process that outlives them all: starting one is what takes time."""
    done = subprocess.run(
        [sys.executable, "-c", ONE_BY_ONE, json.dumps([command.split() for command in commands])],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url, "SECRET_KEY": "x", "LOG_LEVEL": "WARNING"},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stderr == ""
    found: list[tuple[list[str], int, str]] = json.loads(done.stdout)
    assert len(found) == len(commands)
    return found


def test_a_database_that_was_never_migrated_is_said_in_one_line_that_names_the_command(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    commands = ("serve --port 0", "schedule list", "runs", "nodes", "token create x", "doctor")
    found = one_by_one(tmp_path, url, *commands)
    worker = Process(tmp_path, url, "worker")
    found.append((["worker"], worker.end(), worker.said))
    for arguments, code, said in found:
        assert code == 5, (arguments, said)
        assert "clockwright migrate" in said, arguments
        assert "Traceback" not in said, arguments
        assert len(said.splitlines()) == 1, arguments


def test_a_database_that_is_down_is_unavailable_at_once(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    found = one_by_one(tmp_path, url, "migrate", "schedule list", "doctor")
    server = Process(tmp_path, url, "serve", "--port", "0")
    found.append((["serve"], server.end(), server.said))
    for arguments, code, said in found:
        assert code == 5, (arguments, said)
        assert "DATABASE_URL" in said, arguments
        assert len(said.splitlines()) == 1, arguments


def test_a_setting_that_makes_no_sense_is_a_usage_error(tmp_path: Path) -> None:
    process = Process(tmp_path, "mysql://somewhere", "schedule", "list")
    assert process.end() == 2
    assert "DATABASE_URL" in process.said
    assert "Traceback" not in process.said


def test_migrate_makes_no_schedules_and_is_silent_the_second_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    first = Process(tmp_path, url, "migrate")
    assert first.end() == 0
    assert "migrated" in first.said
    second = Process(tmp_path, url, "migrate")
    assert second.end() == 0
    assert second.said == ""
    done = subprocess.run(
        [COMMAND, "schedule", "list", "--json"],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": url, "SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"items": []}


def test_the_ledger_is_followed_as_it_grows(
    start: Callable[..., Process], database_url: str, tmp_path: Path
) -> None:
    worker = start("worker")
    worker.until("worker is running")
    schedule = add("samples.echo", name="Ada")
    with subprocess.Popen(
        [COMMAND, "runs", str(schedule.schedule_id), "--follow", "--json"],
        cwd=tmp_path,
        env={**os.environ, "DATABASE_URL": database_url, "SECRET_KEY": "of these tests"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        told = json.loads(follower.stdout.readline())
        follower.send_signal(signal.SIGINT)
        assert follower.wait(PATIENCE) == 0
    assert (told["status"], told["result"]) == ("succeeded", {"name": "Ada"})
    assert worker.end(signal.SIGTERM) == 0
