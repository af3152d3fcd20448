"""Engines that start by themselves, in real servers and programs (S2-03, S2-08…11, R5, C-40, C-41)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import urllib.request
from datetime import timedelta

import pytest
from django.db import connection

from clockwright.access.callers import system_caller
from clockwright.engine.clock import utc_now
from clockwright.engine.registry import default_registry
from clockwright.schedules import commands
from clockwright.schedules.catalog import REGISTERED
from clockwright.schedules.commands import NewSchedule
from clockwright.schedules.models import Node, Run
from clockwright.server import samples  # noqa: F401 - registers what is scheduled here
from tests.support.scheduling import eventually

pytestmark = pytest.mark.django_db(transaction=True)

PYTHON = [sys.executable, "-W", "error::RuntimeWarning"]
DJANGO = [*PYTHON, "-m", "django"]
APPLICATION = "clockwright.server.asgi:application"


@pytest.fixture
def start(communities, database_url, tmp_path):
    """Start a program in an empty folder; what still runs in the end is killed with all its children."""
    started = []
    with contextlib.ExitStack() as stack:

        def start(*command, **environ):
            log = stack.enter_context((tmp_path / f"log{len(started)}").open("w+"))
            process = subprocess.Popen(
                command,
                cwd=tmp_path,
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONUNBUFFERED": "1",
                    "DATABASE_URL": database_url,
                    "SECRET_KEY": "x" * 50,
                    "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
                    **environ,
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            process.log = lambda: (log.flush(), log.seek(0), log.read())[2]
            started.append(process)
            return process

        yield start
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def living():
    return {node.pid for node in Node.objects.filter(is_alive=True)}


def ended(process, number=None, within=60):
    """Its exit code, after a signal."""
    if number is not None:
        process.send_signal(number)
    return process.wait(within)


def nodes(count, process):
    """The processes whose engines live, once there are so many."""

    def found():
        assert process.poll() is None, process.log()
        pids = living()
        return pids if len(pids) >= count else None

    return eventually(found, within=60)


def test_runserver_has_an_engine_in_the_process_that_serves(start):
    server = start(*DJANGO, "runserver", "127.0.0.1:0", "--noreload", "--skip-checks")
    assert nodes(1, server) == {server.pid}
    eventually(lambda: "Quit the server" in server.log())
    assert ended(server, signal.SIGINT) == 0
    assert living() == set()
    assert "Traceback" not in server.log()


def test_the_watcher_of_runserver_has_none_and_its_child_has_one(start):
    """S2-09"""
    server = start(*DJANGO, "runserver", "127.0.0.1:0", "--skip-checks")
    (pid,) = nodes(1, server)
    assert pid != server.pid


def test_uvicorn_has_an_engine(start):
    server = start(*PYTHON, "-m", "uvicorn", APPLICATION, "--port", "0")
    assert nodes(1, server) == {server.pid}


def test_hypercorn_has_an_engine_in_its_worker(start):
    """S4-95: the documented deployment."""
    server = start(*PYTHON, "-m", "hypercorn", APPLICATION, "--bind", "127.0.0.1:0")
    assert len(nodes(1, server)) == 1


def test_many_workers_run_each_fire_time_once(start):
    """C-40: three web workers and a worker of its own beside them."""
    row = commands.add_schedule(
        system_caller(),
        NewSchedule(
            workflow="samples.echo",
            config={"schedule_type": "interval", "interval_seconds": 1, "max_executions": 3},
        ),
    )
    commands.pause_schedule(system_caller(), row.schedule_id)
    server = start(*PYTHON, "-m", "uvicorn", APPLICATION, "--port", "0", "--workers", "3")
    beside = start(*DJANGO, "runscheduler")
    assert len(nodes(4, server)) == 4
    commands.resume_schedule(system_caller(), row.schedule_id)
    runs = Run.objects.filter(schedule_id=row.schedule_id)
    eventually(lambda: runs.filter(status="succeeded").count() == 3)
    assert sorted(runs.filter(status="succeeded").values_list("attempt", flat=True)) == [1, 1, 1]
    fire_times = list(runs.values_list("scheduled_for", flat=True))
    assert len(fire_times) == len(set(fire_times))
    assert ended(beside, signal.SIGTERM) == 0


@pytest.mark.parametrize(
    "command",
    [
        [*DJANGO, "migrate", "--verbosity", "0"],
        [*DJANGO, "check"],
        [*DJANGO, "shell", "-c", "print(1)"],
        [*PYTHON, "-c", "import django; django.setup()"],
    ],
    ids=["migrate", "check", "shell", "script"],
)
def test_other_programs_have_none(start, command):
    """C-41"""
    assert ended(start(*command)) == 0
    assert not Node.objects.exists()


def test_a_server_that_is_told_not_to_has_none(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    server = start(*PYTHON, "-m", "uvicorn", APPLICATION, "--port", port, CLOCKWRIGHT_AUTOSTART="0")
    health = eventually(lambda: _health(port), within=60)
    assert (health["status"], health["scheduler_running"]) == ("degraded", False)
    assert server.poll() is None
    assert not Node.objects.exists()


def _health(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health") as answer:
            return json.load(answer)
    except OSError:
        return None


SCRIPT = """
    import django, time
    django.setup()
    from clockwright.schedules import autostart
    while not autostart.is_running():
        time.sleep(0.02)
    print("running", flush=True)
"""


def test_a_script_that_wishes_for_one_has_one_and_drains_it_at_its_end(start):
    script = start(*PYTHON, "-c", textwrap.dedent(SCRIPT), CLOCKWRIGHT_AUTOSTART="1")
    assert ended(script) == 0, script.log()
    assert "running" in script.log()
    assert "Traceback" not in script.log()
    (node,) = Node.objects.all()
    assert not node.is_alive


def test_a_setting_that_is_wrong_does_not_keep_the_program_from_starting(start):
    """S2-11"""
    script = start(
        *PYTHON, "-c", "import django; django.setup(); print('up')", CLOCKWRIGHT_AUTOSTART="maybe"
    )
    assert ended(script) == 0
    assert "Error starting scheduler: CLOCKWRIGHT_AUTOSTART: 'maybe'" in script.log()
    assert "up" in script.log()


MASTER = """
    import os, sys, time

    def load_and_fork():
        import django
        django.setup()
        from django.db import connection
        connection.ensure_connection()      # what a preloading master may well do
        mine = connection.connection
        child = os.fork()
        if child == 0:
            assert connection.connection is not mine
            time.sleep(60)
            os._exit(0)
        print("child", child, flush=True)
        with connection.cursor() as cursor:  # and the child did not take it away
            cursor.execute("SELECT 1")
        os.waitpid(child, 0)
"""


def test_a_server_that_loads_and_then_forks_has_engines_in_its_children_alone(start, tmp_path):
    """As gunicorn --preload does: after the fork, with fresh connections."""
    package = tmp_path / "gunicorn"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "arbiter.py").write_text(textwrap.dedent(MASTER))
    master = start(*PYTHON, "-c", "from gunicorn.arbiter import load_and_fork; load_and_fork()")
    (pid,) = nodes(1, master)
    assert f"child {pid}" in master.log()
    assert pid != master.pid


def test_an_engine_starts_as_soon_as_the_database_is_ready(start, tmp_path):
    """S2-11: the start is tried again, and the program goes on meanwhile."""
    if connection.vendor == "postgresql":
        url = _empty_database()
    else:
        url = f"sqlite:///{tmp_path}/new.sqlite3"
    script = textwrap.dedent(SCRIPT)
    waiting = start(*PYTHON, "-c", script, CLOCKWRIGHT_AUTOSTART="1", DATABASE_URL=url)
    eventually(lambda: "Error starting scheduler" in waiting.log(), within=60)
    assert waiting.poll() is None
    assert ended(start(*DJANGO, "migrate", "--verbosity", "0", DATABASE_URL=url)) == 0
    assert ended(waiting) == 0
    assert "running" in waiting.log()


def _empty_database():
    """Another database on the same server; it goes with the server."""
    name = f"empty_{os.getpid()}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    found = connection.settings_dict
    return f"postgresql://{found['USER']}@{found['HOST']}:{found['PORT']}/{name}"


def test_runscheduler_finishes_what_runs_and_ends_with_0(start):
    """R5, C-23"""
    row = commands.add_schedule(
        system_caller(),
        NewSchedule(
            workflow="samples.sleep",
            config={
                "schedule_type": "one_time",
                "scheduled_time": utc_now() + timedelta(days=1),
            },
            context_data={"seconds": 1.5},
        ),
    )
    scheduler = start(*DJANGO, "runscheduler")
    nodes(1, scheduler)
    commands.trigger_schedule(system_caller(), row.schedule_id)
    runs = Run.objects.filter(schedule_id=row.schedule_id)
    eventually(lambda: runs.filter(status="running").exists())
    assert ended(scheduler, signal.SIGTERM) == 0
    assert runs.get().status == "succeeded"
    assert living() == set()
    assert "scheduler is running" in scheduler.log()


def test_runscheduler_without_a_database_ends_with_1_and_says_why(start, tmp_path):
    scheduler = start(*DJANGO, "runscheduler", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert ended(scheduler) == 1
    assert "manage.py migrate" in scheduler.log()


SLOW = {
    "slow/__init__.py": "",
    "slow/jobs.py": """
        import time
        from clockwright.schedules import job

        @job("slow.sleep")
        def sleep():
            time.sleep(600)
    """,
    "slow_settings.py": """
        from clockwright.server.settings import *

        INSTALLED_APPS = [*INSTALLED_APPS, "slow"]
    """,
}


def test_a_function_that_does_not_end_does_not_keep_the_process(start, tmp_path):
    """R5: its run is handed back at the deadline, and the exit code is 0."""
    for name, text in SLOW.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))

    @default_registry.job("slow.sleep")
    def sleep():
        """Known here, so that it can be scheduled; executed there."""

    row = commands.add_schedule(
        system_caller(),
        NewSchedule(
            workflow="slow.sleep",
            config={"schedule_type": "interval", "interval_seconds": 3600},
        ),
        catalog=REGISTERED,
    )
    scheduler = start(
        *DJANGO, "runscheduler", "--drain", "0.2", DJANGO_SETTINGS_MODULE="slow_settings"
    )
    nodes(1, scheduler)
    commands.trigger_schedule(system_caller(), row.schedule_id)
    runs = Run.objects.filter(schedule_id=row.schedule_id)
    eventually(lambda: runs.filter(status="running").exists())
    assert ended(scheduler, signal.SIGTERM) == 0, scheduler.log()
    assert runs.get().status == "queued"
