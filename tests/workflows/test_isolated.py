"""Functions with `isolation="process"`, end to end: a node over a real database, and what the ledger says (S4-42)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from clockwright.engine.engine import Engine, EngineThread
from clockwright.engine.model import Policy, Schedule
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import ManualRun
from clockwright.engine.registry import Registry, function_of, workflow_id_of
from clockwright.recurrence import Once
from clockwright.schedules.models import Run
from clockwright.schedules.store import SqlStore
from clockwright.schedules.wakeup import wakeup_for
from clockwright.workflows import WorkflowEngine
from clockwright.workflows.functions import Functions
from clockwright.workflows.isolated import BOOTSTRAP, UnknownFunction, call
from clockwright.workflows.threads import FunctionThreads
from tests.support.isolated.calling import a_run, lives
from tests.support.isolated.functions import add, register, traces
from tests.support.scheduling import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Project:
    """A node whose functions run in processes of their own, which know the same project."""

    store: SqlStore

    def ask_for(self, function: str, timeout: float | None = None, **context: object) -> UUID:
        """A run of a function, now."""
        now = self.store.now()
        policy = Policy(timeout=timeout and timedelta(seconds=timeout), max_retries=0)
        schedule = Schedule(
            schedule_id=uuid4(),
            workflow_id=workflow_id_of(f"isolated.{function}"),
            recurrence=Once(now + timedelta(days=1)),
            settled_until=now,
            policy=policy,
            context=context,
            key=function,
        )
        self.store.add_schedule(schedule)
        return self.store.trigger_run(schedule.schedule_id, ManualRun(request_id="now")).run_id

    def ended(self, run_id: UUID) -> Run:
        eventually(lambda: Run.objects.final().filter(run_id=run_id).exists())
        return Run.objects.get(run_id=run_id)


@pytest.fixture
def project(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.support.isolated.settings")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SECRET_KEY", "of these tests")
    monkeypatch.setenv("CLOCKWRIGHT_AUTOSTART", "1")  # which must not start an engine in a child
    workflows = WorkflowEngine(register(Registry()))
    made = Project(SqlStore())
    thread = EngineThread(
        lambda: Engine(made.store, workflows, wakeup_for(), EngineOptions(capacity=4))
    )
    thread.start()
    yield made
    thread.stop()
    workflows.shutdown()


def test_an_isolated_function_works_in_its_projects_database_and_is_killed_when_it_must_end(
    project, tmp_path
):
    path = tmp_path / "traces"
    found = project.ended(project.ask_for("in_database", key="in_database"))
    assert (found.status, found.result["status"]) == ("succeeded", "active"), found.traceback
    assert found.result["pid"] != os.getpid()

    refused = project.ended(project.ask_for("unfit"))
    assert (refused.status, refused.reason) == ("failed", "invalid_result")
    assert refused.error.startswith("isolated.unfit returned object, which is not JSON")

    deaf = project.ask_for("loop", path=str(path))
    eventually(lambda: traces(path) == [str(found.result["pid"])])
    project.store.cancel_run(deaf)
    cancelled = project.ended(deaf)
    assert (cancelled.status, cancelled.reason) == ("cancelled", "requested")

    late = project.ended(project.ask_for("tidy", timeout=0.2, path=str(path)))
    assert (late.status, late.reason) == ("timed_out", "timeout")
    assert late.error == "ran longer than 0:00:00.200000"
    first, second, *more = traces(path)
    assert first != second
    assert not lives(int(first))
    assert not lives(int(second))
    assert more == ["tidied up"]
    assert project.store.nodes()[0].node_id == late.node
    assert len(project.store.nodes()) == 1


def test_a_handler_says_where_its_function_is_found_and_others_stay_in_the_nodes_process():
    registry = Registry()
    workflows = WorkflowEngine(registry)
    apart = registry.register(function_of(add, "apart", isolation="process"))
    beside = registry.register(function_of(add, "beside"))
    handler = workflows.resolve(apart.workflow_id)
    assert (handler.process.bootstrap, handler.process.key) == (BOOTSTRAP, "apart")
    assert handler.process.module == "tests.support.isolated.functions"
    assert workflows.resolve(beside.workflow_id).process is None


def test_a_function_that_no_module_registers_is_named():
    with pytest.raises(UnknownFunction, match=r"nowhere\.known is not registered in a process"):
        call("nowhere.known", a_run(), ())


def test_functions_of_the_program_itself_are_found_without_running_it(tmp_path):
    """A program without a project: its own file is imported, not run, in the worker process."""
    program = tmp_path / "bot.py"
    program.write_text(BOT)
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    said = subprocess.check_output([sys.executable, program], cwd=tmp_path, env=environ, text=True)
    assert said == "succeeded {'name': '__mp_main__', 'greeting': 'hello'}\n"


BOT = """
import asyncio

from clockwright import embed


@embed.job("bot.greet", isolation="process")
def greet(greeting: str) -> dict[str, str]:
    return {"name": __name__, "greeting": greeting}


async def main() -> None:
    async with embed.open("sqlite:///bot.sqlite3") as schedules:
        from clockwright.schedules.models import Run

        await schedules.add_schedule(
            "bot.greet",
            {"schedule_type": "interval", "interval_seconds": 1, "max_executions": 1},
            context_data={"greeting": "hello"},
        )
        while not (run := await Run.objects.filter(finished_at__isnull=False).afirst()):
            await asyncio.sleep(0.05)
        print(run.status, run.result or run.traceback)


if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_a_function_in_a_process_of_its_own_is_one_in_a_step_too(monkeypatch):
    """Which ends with the loop: nothing is left over, or this test would be warned."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.support.isolated.settings")
    monkeypatch.setenv("SECRET_KEY", "of these tests")
    registry = Registry()
    registry.register(function_of(add, "isolated.add", isolation="process", exposed=True))
    functions = Functions(registry, FunctionThreads("none"))
    found = await functions.call("isolated.add", replace(a_run(left=2, right=3), step="s"))
    assert found["sum"] == 5
    assert found["pid"] != os.getpid()
