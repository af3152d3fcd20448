"""Schedules inside asyncio programs: Django out of sight, start and stop as hooks (S4-56)."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from django.db import connection

from clockwright import embed
from clockwright.access.models import Community
from clockwright.engine.offload import offload
from clockwright.engine.registry import default_registry, function_of
from clockwright.schedules.errors import ScheduleServiceException
from clockwright.schedules.models import Run
from clockwright.schedules.seam import borrowed
from tests.support.scheduling import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def greet(name):
    return f"hello {name}"


@pytest.fixture(autouse=True)
def functions(db):
    Community.objects.get_or_create(slug="default")
    default_registry.register(function_of(greet, "embed.greet"))


@pytest.fixture
def dsn(database_url, tmp_path):
    """A database for another process: empty where that is cheap."""
    return (
        database_url if connection.vendor == "postgresql" else f"sqlite:///{tmp_path}/new.sqlite3"
    )


def run(program, folder, *arguments, **environ):
    """A program in a process of its own, without any of this one's settings; what it printed as JSON."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(file), *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environ},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_program_without_django_schedules_and_runs(dsn, tmp_path):
    program = """
        import asyncio, json, sys
        from clockwright import embed

        @embed.job("reports.build")
        def build(name, run: embed.RunContext):
            return f"{name} {run.attempt}"

        async def main():
            async with embed.open(sys.argv[1]) as schedules:
                made = await schedules.add_schedule(
                    "reports.build",
                    {"schedule_type": "interval", "interval_seconds": 1, "max_executions": 1},
                    context_data={"name": "daily"},
                )
                while not (runs := (await schedules.runs(made["schedule_id"]))["items"]) or not runs[0]["finished_at"]:
                    await asyncio.sleep(0.05)
                counts = [len(schedules._active_schedules), schedules._is_running]
            print(json.dumps([runs[0]["status"], runs[0]["result"], *counts, schedules._is_running]))

        asyncio.run(main())
    """
    assert run(program, tmp_path, dsn) == ["succeeded", "daily 1", 0, True, False]


def test_a_quart_application_starts_and_stops_it(dsn, tmp_path):
    """S4-56: the startup handler calls start, the shutdown handler stop."""
    program = """
        import asyncio, json, sys
        from clockwright import embed
        from quart import Quart, jsonify, request

        app = Quart(__name__)
        schedules = embed.open(sys.argv[1])
        done = []

        @embed.job("shop.remind")
        async def remind(customer):
            done.append(customer)

        app.before_serving(schedules.start)
        app.after_serving(schedules.stop)

        @app.post("/reminders")
        async def add():
            body = await request.get_json()
            made = await schedules.add_schedule(
                "shop.remind",
                {"schedule_type": "interval", "interval_seconds": 1, "max_executions": 1},
                context_data={"customer": body["customer"]},
            )
            return jsonify(made), 201

        async def main():
            async with app.test_app() as serving:
                client = serving.test_client()
                answer = await client.post("/reminders", json={"customer": "Ada"})
                running = schedules._is_running
                while not done:
                    await asyncio.sleep(0.05)
            print(json.dumps([answer.status_code, running, done, schedules._is_running]))

        asyncio.run(main())
    """
    assert run(program, tmp_path, dsn) == [201, True, ["Ada"], False]


def test_the_documented_service_itself_sets_django_up_by_its_settings(dsn, tmp_path):
    """R21: importing the six names takes nothing; the first call finds DJANGO_SETTINGS_MODULE."""
    program = """
        import asyncio, json
        from clockwright.schedules.services import (
            InvalidScheduleException, ScheduleNotFoundException, ScheduleService,
            ScheduleServiceException, ScheduleStatus, ScheduleType,
        )

        async def main():
            service = ScheduleService()
            dates = service.preview("0 5 * * *", 2, "Australia/Sydney")
            try:
                await service.get_schedule("nothing")
            except ScheduleNotFoundException as error:
                print(json.dumps([len(dates), error.message]))

        asyncio.run(main())
    """
    found = run(
        program,
        tmp_path,
        DJANGO_SETTINGS_MODULE="clockwright.server.settings",
        DATABASE_URL=dsn,
        SECRET_KEY="x" * 50,
        LOG_LEVEL="CRITICAL",
    )
    assert found == [2, "Schedule not found: nothing"]


def test_without_any_settings_it_says_what_to_do(tmp_path):
    program = """
        import asyncio, json
        from clockwright.schedules.services import ScheduleService, ScheduleServiceException

        async def main():
            try:
                await ScheduleService().start_scheduler()
            except ScheduleServiceException as error:
                print(json.dumps(error.message))

        asyncio.run(main())
    """
    assert "clockwright.embed.open(dsn)" in run(program, tmp_path)


def test_a_database_that_is_not_there_fails_the_start(tmp_path):
    """C-13"""
    program = """
        import asyncio, json, logging
        from clockwright import embed

        logging.disable()

        async def main():
            schedules = embed.open("postgresql://nobody@127.0.0.1:1/nothing")
            try:
                await schedules.start()
            except embed.ScheduleServiceException as error:
                print(json.dumps([error.status_code, schedules._is_running]))

        asyncio.run(main())
    """
    assert run(program, tmp_path) == [500, False]


async def test_in_a_django_project_it_uses_the_projects_database():
    async with embed.open() as schedules:
        made = await schedules.add_schedule(
            "embed.greet",
            {"schedule_type": "cron", "cron_expression": "0 5 * * *"},
            context_data={"name": "Ada"},
        )
        await schedules.trigger(made["schedule_id"], "me")
        await offload(eventually, _results)
        assert await offload(_results) == ["hello Ada"]


def _results():
    with borrowed():
        return list(Run.objects.filter(status="succeeded").values_list("result", flat=True))


async def test_one_that_only_adds_runs_nothing():
    async with embed.open(runs=False) as schedules:
        assert not schedules._is_running
        assert await schedules.add_schedule(
            "embed.greet",
            {"schedule_type": "cron", "cron_expression": "0 5 * * *"},
            context_data={"name": "Ada"},
        )


def test_one_process_has_one_database(tmp_path):
    with pytest.raises(ScheduleServiceException, match="another database"):
        embed.open(f"sqlite:///{tmp_path}/other.sqlite3")
