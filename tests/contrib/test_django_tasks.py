"""Django's tasks as runs of the ledger (Django 6.0 and later), and what is said where there are none."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import django
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test import override_settings

from clockwright.engine.clock import utc_now
from clockwright.engine.engine import EngineThread
from clockwright.engine.registry import default_registry
from clockwright.recurrence import Cron
from clockwright.schedules.engines import make_engine, prepare
from clockwright.schedules.models import Run, Schedule
from clockwright.schedules.store import SqlStore

HAS_TASKS = django.VERSION >= (6, 0)
with_tasks = pytest.mark.skipif(not HAS_TASKS, reason="django.tasks came with Django 6.0")
BACKEND = "clockwright.contrib.django_tasks.ClockwrightBackend"
PATIENCE = 60.0

asked = threading.Event()
heard: list[tuple[str, str]] = []


def add(left, right=1):
    return {"sum": left + right}


async def greet(name):
    await asyncio.sleep(0)
    return f"hello {name}"


class OutOfPaper(Exception):
    pass


def refuse():
    raise OutOfPaper("tray 2: empty\nValueError: not me")


def tell(context, what):
    return [context.task_result.id, context.attempt, what]


def tick():
    asked.set()


def pair():
    return (1, 2)


def secret():
    return object()


@pytest.fixture
def tasks(transactional_db) -> Iterator[None]:
    """Our backend is the default one, with a retry."""
    options = {"default": {"BACKEND": BACKEND}}
    with override_settings(TASKS=options):
        yield
    for function in [each for each in default_registry if each.key.startswith("task:")]:
        # the registry is the process's: other tests list what is in it
        del default_registry._by_key[function.key]
        del default_registry._by_workflow[function.workflow_id.int]


@pytest.fixture
def engine(tasks) -> Iterator[None]:
    thread = EngineThread(make_engine)
    thread.start()
    yield
    thread.stop()


def task(function, **settings):
    from django.tasks import task as decorate

    return decorate(**settings)(function)


def finished(result):
    deadline = time.monotonic() + PATIENCE
    while not result.is_finished:
        assert time.monotonic() < deadline, f"waited for {result}"
        time.sleep(0.02)
        result.refresh()
    return result


def test_without_django_s_tasks_the_bridge_says_so_by_name():
    if HAS_TASKS:
        assert importlib.import_module("clockwright.contrib.django_tasks").ClockwrightBackend
        return
    with pytest.raises(ImproperlyConfigured, match=r"came with Django 6\.0, and this is 5\.2"):
        importlib.import_module("clockwright.contrib.django_tasks")


@with_tasks
class TestEnqueueing:
    """A task that is enqueued is a run without a schedule."""

    def test_a_task_runs_and_its_result_is_read_by_its_id(self, engine):
        enqueued = task(add).enqueue(2, right=3)
        assert enqueued.status == "READY"
        assert (enqueued.args, enqueued.kwargs) == ([2], {"right": 3})
        result = finished(task(add).get_result(enqueued.id))
        assert (result.status, result.return_value) == ("SUCCESSFUL", {"sum": 5})
        assert result.enqueued_at <= result.started_at <= result.finished_at
        assert (result.attempts, result.errors) == (1, [])
        row = Run.objects.get(run_id=result.id)
        assert (row.schedule_id, row.trigger, row.status) == (None, "call", "succeeded")

    def test_a_coroutine_is_a_task_as_well_and_may_be_enqueued_by_one(self, engine):
        result = asyncio.run(task(greet).aenqueue("Ada"))
        assert finished(result).return_value == "hello Ada"
        again = asyncio.run(task(greet).aget_result(result.id))
        assert again.return_value == "hello Ada"

    def test_it_is_there_when_and_only_when_the_transaction_is_committed(self, engine):
        with transaction.atomic():
            task(add).enqueue(1)
            transaction.set_rollback(True)
        assert not Run.objects.exists()
        with transaction.atomic():
            result = task(add).enqueue(1)
        assert finished(result).return_value == {"sum": 2}

    def test_it_starts_no_sooner_than_run_after(self, engine):
        later = utc_now() + timedelta(seconds=0.5)
        result = finished(task(add).using(run_after=later).enqueue(1))
        assert result.started_at >= later

    def test_a_task_that_takes_its_context_is_given_it(self, engine):
        result = finished(task(tell, takes_context=True).enqueue("hello"))
        assert result.return_value == [result.id, 1, "hello"]

    def test_arguments_that_do_not_fit_or_are_not_json_are_refused_at_once(self, tasks):
        with pytest.raises(TypeError, match="left"):
            task(add).enqueue()
        with pytest.raises(TypeError):
            task(add).enqueue(object())
        with pytest.raises(ValueError, match="bytes"):
            task(add).enqueue("x" * 100_000)
        assert not Run.objects.exists()

    def test_the_priority_of_a_task_is_that_of_its_run(self, tasks):
        from django.tasks.exceptions import InvalidTask

        for priority in (5, -100, 0, 100):
            task(add, priority=priority).enqueue(priority)
        ready = Run.objects.claimable(utc_now())
        assert [run.args for run in ready] == [[100], [5], [0], [-100]]
        with pytest.raises(InvalidTask, match="priority"):
            task(add, priority=101)

    def test_a_queue_is_said_once_and_is_the_function_s(self, tasks):
        from django.tasks.exceptions import InvalidTask

        with override_settings(
            TASKS={"default": {"BACKEND": BACKEND, "QUEUES": ["default", "slow"]}}
        ):
            slow = task(add, queue_name="slow")
            assert default_registry.get(f"task:{__name__}.add").queue == "slow"
            with pytest.raises(InvalidTask, match="cannot be 'default'"):
                slow.using(queue_name="default")

    def test_an_unknown_option_is_named(self, tasks):
        with (
            override_settings(TASKS={"default": {"BACKEND": BACKEND, "OPTIONS": {"RETRY": 1}}}),
            pytest.raises(ImproperlyConfigured, match="RETRY is not known"),
        ):
            task(add)


@with_tasks
class TestResults:
    """What the ledger says, in Django's words."""

    def test_an_error_is_told_with_its_class_and_traceback(self, engine):
        result = finished(task(refuse).enqueue())
        assert result.status == "FAILED"
        (error,) = result.errors
        assert error.exception_class is OutOfPaper
        assert "in refuse" in error.traceback
        with pytest.raises(ValueError, match="Task failed"):
            _ = result.return_value

    def test_a_retried_task_has_an_error_for_each_try(self, tasks):
        with override_settings(
            TASKS={"default": {"BACKEND": BACKEND, "OPTIONS": {"MAX_RETRIES": 1}}}
        ):
            thread = EngineThread(make_engine)
            thread.start()
            try:
                result = finished(task(refuse).enqueue())
            finally:
                thread.stop()
            assert [error.exception_class for error in result.errors] == [OutOfPaper] * 2
            assert result.attempts == 2

    def test_what_is_json_after_a_fashion_is_normalised_and_what_is_not_fails(self, engine):
        assert finished(task(pair).enqueue()).return_value == [1, 2]
        failed = finished(task(secret).enqueue())
        assert failed.errors[0].exception_class is TypeError

    def test_a_cancelled_task_has_failed_without_having_run(self, tasks):
        from clockwright.contrib.django_tasks import TaskDidNotRun

        result = task(add).enqueue(1)
        SqlStore().cancel_run(Run.objects.get().run_id)
        result.refresh()
        assert (result.status, result.worker_ids) == ("FAILED", [])
        assert result.errors[0].exception_class is TaskDidNotRun
        assert result.errors[0].traceback == "cancelled: requested"

    @pytest.mark.parametrize("unknown", ["", "x", "00000000-0000-7000-8000-000000000000"])
    def test_an_id_of_nothing_is_told_from_one_of_another_task(self, tasks, unknown):
        from django.tasks.exceptions import TaskResultDoesNotExist, TaskResultMismatch

        with pytest.raises(TaskResultDoesNotExist):
            task(add).get_result(unknown)
        with pytest.raises(TaskResultMismatch):
            task(greet).get_result(task(add).enqueue(1).id)

    def test_django_s_signals_tell_of_it(self, engine):
        from django.tasks import signals

        def listener(name):
            def hear(sender, task_result, **_):
                heard.append((name, str(task_result.status)))

            return hear

        kept = [listener(name) for name in ("enqueued", "started", "finished")]
        heard.clear()
        for signal, hear in zip(
            (signals.task_enqueued, signals.task_started, signals.task_finished), kept, strict=True
        ):
            signal.connect(hear)
        finished(task(add).enqueue(1))
        assert heard == [("enqueued", "READY"), ("started", "RUNNING"), ("finished", "SUCCESSFUL")]


@with_tasks
class TestPeriodic:
    """What Django's tasks lack: a schedule."""

    def test_a_periodic_task_fires_at_the_times_of_its_rule(self, tasks):
        from clockwright.contrib.django_tasks import periodic

        asked.clear()
        decorated = periodic(every=timedelta(seconds=1), key="ticks")(task(tick))
        prepare()
        thread = EngineThread(make_engine)
        thread.start()
        try:
            assert asked.wait(PATIENCE)
            runs = Run.objects.filter(trigger="schedule", status="running") | Run.objects.filter(
                trigger="schedule", status="succeeded"
            )
            result = finished(decorated.get_result(str(runs.earliest("run_id").run_id)))
        finally:
            thread.stop()
        assert result.status == "SUCCESSFUL"
        schedule = Schedule.objects.get(key="ticks")
        assert schedule.is_active

    def test_a_cron_line_in_a_zone_is_a_schedule_of_the_task_s_name(self, tasks):
        from clockwright.contrib.django_tasks import periodic

        periodic(cron="0 5 * * *", tz="Europe/Berlin", options={"overlap": "skip"})(task(tick))
        function = default_registry.get(f"task:{__name__}.tick")
        assert function.recurrence == Cron("0 5 * * *", "Europe/Berlin")
        assert (function.schedule_key, function.options) == (function.key, {"overlap": "skip"})

    def test_what_cannot_be_periodic_is_refused_where_it_is_written(self, tasks):
        from clockwright.contrib.django_tasks import periodic

        with pytest.raises(TypeError, match="left"):
            periodic(cron="0 5 * * *")(task(add))
        with pytest.raises(TypeError, match="above @task"):
            periodic(cron="0 5 * * *")(tick)
        with pytest.raises(ValueError, match="give cron, every or recurrence"):
            periodic()(task(tick))
        with pytest.raises(ValueError, match="never fires"):
            periodic(cron="0 0 30 2 *")(task(tick))


@with_tasks
def test_every_process_knows_the_tasks_of_the_installed_apps(tmp_path):
    app = tmp_path / "letters"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "tasks.py").write_text(
        "from django.tasks import task\n\n\n@task\ndef send(to):\n    return to\n"
    )
    program = (
        "from clockwright.server.settings import *\n"
        "INSTALLED_APPS += ['clockwright.contrib.django_tasks', 'letters']\n"
        f"TASKS = {{'default': {{'BACKEND': '{BACKEND}'}}}}\n"
    )
    (tmp_path / "letter_settings.py").write_text(program)
    asking = (
        "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'letter_settings'; django.setup()\n"
        "from clockwright.engine.registry import default_registry\n"
        "assert 'task:letters.tasks.send' in default_registry"
    )
    done = subprocess.run([sys.executable, "-c", asking], cwd=tmp_path, check=False)
    assert done.returncode == 0
