"""The page about growing, followed: tables move to another database, and an example's functions to a queue."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import django
import pytest

from tests.docs.markdown import ROOT
from tests.support.broker import Valkey, wait_for

ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
}
# the commands of the page, in one process a database
PROGRAM = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "clockwright.server.settings"
import django
from clockwright.server.cli import main
from django.core.management import call_command
django.setup()
call_command("migrate", verbosity=0)
"""
BEFORE = """
main("schedule add --workflow samples.echo --key nightly --every 1h --tz UTC".split())
main("schedule trigger nightly".split())
from clockwright.access.callers import system_caller
from clockwright.workflows import services
made = services.create_workflow(system_caller(), "w", {"steps": [{"id": "a", "kind": "end"}]})
services.publish_workflow(system_caller(), made.workflow_id)
apps = ["clockwright_access", "clockwright_audit", "clockwright_schedules", "clockwright_workflows"]
call_command("dumpdata", *apps, format="xml", output="all.xml")
"""
AFTER = 'call_command("loaddata", "all.xml")'


def run(folder: Path, *command: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=ENVIRON | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def asked(database: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def as_values(row: tuple[object, ...]) -> list[object]:
    """With JSON read: spaces in it may differ."""
    return [
        json.loads(value) if isinstance(value, str) and value[:1] in {"{", "["} else value
        for value in row
    ]


def test_the_tables_of_one_database_are_taken_along_to_another(tmp_path):
    old, new = tmp_path / "old.sqlite3", tmp_path / "new.sqlite3"
    secret = {"SECRET_KEY": "of this test"}
    for database, steps in ((old, BEFORE), (new, AFTER)):
        run(tmp_path, "-c", PROGRAM + steps, **secret, DATABASE_URL=f"sqlite:///{database}")
    for table in ("workflow_schedules", "schedule_runs", "audit_entries", "workflow_versions"):
        rows = f"SELECT * FROM {table}"
        assert asked(old, rows)
        assert [as_values(row) for row in asked(old, rows)] == [
            as_values(row) for row in asked(new, rows)
        ]


def test_the_functions_of_the_example_go_where_the_page_says(tmp_path):
    folder = shutil.copytree(ROOT / "examples/django_celery", tmp_path / "django_celery")
    run(folder, "manage.py", "migrate", "--verbosity", "0")
    database = folder / "db.sqlite3"
    ran = """
        SELECT DISTINCT s.key, r.node LIKE 'celery:%' FROM schedule_runs r
        JOIN workflow_schedules s ON s.schedule_id = r.schedule_id WHERE r.status = 'succeeded'
    """
    worker = "-m celery -A clockwright.contrib.celery worker -Q reports --concurrency 1"
    with tempfile.TemporaryDirectory(prefix="cw-valkey-") as place:
        broker = Valkey(Path(place))
        broker.start()
        environ = ENVIRON | {
            "CLOCKWRIGHT_CELERY_BROKER": broker.url,
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
        }
        processes = [
            subprocess.Popen(
                [sys.executable, *command.split()],
                cwd=folder,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for command in ("manage.py runscheduler", worker)
        ]
        try:
            wait_for(lambda: len(asked(database, ran)) == 2, "both functions to have run")
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            codes = [process.wait(60) for process in processes]
            broker.stop()
    assert set(asked(database, ran)) == {("reports.render", 1), ("reports.pulse", 0)}
    assert codes == [0, 0]


@pytest.mark.skipif(django.VERSION < (6, 0), reason="django.tasks came with Django 6.0")
def test_the_tasks_of_the_example_run_and_run_again(tmp_path):
    folder = shutil.copytree(ROOT / "examples/django_tasks", tmp_path / "django_tasks")
    run(folder, "manage.py", "migrate", "--verbosity", "0")
    enqueue = "from letters.tasks import send; print(send.enqueue('ada').id)"
    run(folder, "manage.py", "shell", "-v0", "-c", enqueue)
    engine = subprocess.Popen(
        [sys.executable, "manage.py", "runscheduler"], cwd=folder, env=ENVIRON
    )
    results = "SELECT DISTINCT result FROM schedule_runs WHERE status = 'succeeded'"
    wanted = {('"sent to ada"',), ('"sorted"',)}
    try:
        wait_for(lambda: set(asked(folder / "db.sqlite3", results)) == wanted, "both to have run")
    finally:
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(60) == 0
