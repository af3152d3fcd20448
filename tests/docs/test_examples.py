"""The examples that pages show run as whole programs (S4-56, S2-03…17)."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, pages

EXAMPLES = ROOT / "examples"
PATIENCE = 60.0
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if name not in {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH"}
}


def run(folder: Path, *arguments: str) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ledger(database: Path) -> list[tuple[str, str, str | None, str]]:
    """Key, state, result and zone of every run and its schedule."""
    query = """
        SELECT s.key, r.status, r.result, s.timezone FROM workflow_schedules s
        LEFT JOIN schedule_runs r ON r.schedule_id = s.schedule_id
    """
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("project", "key", "result", "others"),
    [
        ("django_min", "reports.pulse", '"still here"', {"reports.daily"}),
        ("apscheduler_min", "every_second", '{"days":1}', {"generate_upcoming_sessions"}),
    ],
)
def test_a_django_project_runs_its_jobs(tmp_path, project, key, result, others):
    folder = shutil.copytree(EXAMPLES / project, tmp_path / project)
    run(folder, "manage.py", "migrate", "--verbosity", "0")
    command = [sys.executable, "manage.py", "runscheduler"]
    with subprocess.Popen(command, cwd=folder, env=ENVIRON, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + PATIENCE
        try:
            while (key, "succeeded") not in {row[:2] for row in ledger(folder / "db.sqlite3")}:
                assert process.poll() is None, process.stderr.read().decode()
                assert time.monotonic() < until, ledger(folder / "db.sqlite3")
                time.sleep(0.1)  # between two looks at another process's work
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    rows = ledger(folder / "db.sqlite3")
    results = {row[2] for row in rows if row[:2] == (key, "succeeded")}
    assert results == {result}
    zones = {row[0]: row[3] for row in rows}
    assert {zones[other] for other in others} == {"Australia/Sydney"}


def test_the_asyncio_program_prints_what_became_of_its_runs(tmp_path):
    lines = run(tmp_path, str(EXAMPLES / "asyncio_min.py")).splitlines()
    # on a machine that stalls for seconds the two fire times are settled together, and the first is coalesced
    assert 1 <= len(lines) <= 3
    assert lines[0].endswith(" succeeded hello Ada")
    assert all(line.endswith((" succeeded hello Ada", " skipped None")) for line in lines)


USE_QUART = """
import asyncio, json, sys
from datetime import UTC, datetime, timedelta
sys.path.insert(0, {examples!r})
import quart_app

async def main():
    async with quart_app.app.test_app() as app:
        client = app.test_client()
        at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        made = await client.post("/reminders", json={{"at": at, "text": "tea"}})
        body = await made.get_json()
        while True:
            answer = await client.get(f"/reminders/{{body['schedule_id']}}/runs")
            items = (await answer.get_json())["items"]
            if items and items[0]["status"] == "succeeded":
                break
            await asyncio.sleep(0.1)
        past = await client.post("/reminders", json={{"at": "2001-01-01T00:00:00Z", "text": "late"}})
        print(json.dumps([made.status_code, items[0]["result"], past.status_code, await past.get_json()]))

asyncio.run(asyncio.wait_for(main(), 40))
"""


def test_the_quart_application_runs_a_reminder_and_refuses_the_past(tmp_path):
    out = run(tmp_path, "-W", "default", "-c", USE_QUART.format(examples=str(EXAMPLES)))
    assert out.splitlines()[-1] == (
        '[201, {"said": "tea"}, 400, {"error": "Invalid schedule configuration: '
        'scheduled_time must be in the future"}]'
    )


def test_every_example_is_shown_on_a_page():
    shown = {
        block.options["file"] for page in pages() for block in page.of("python") if block.options
    }
    programs = {path.relative_to(ROOT).as_posix() for path in EXAMPLES.glob("*.py")}
    assert programs <= shown
    projects = {path.name for path in EXAMPLES.iterdir() if (path / "manage.py").exists()}
    assert projects == {name.split("/")[1] for name in shown if name.count("/") > 1}
