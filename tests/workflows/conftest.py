"""Workflows on a virtual clock, with functions to call, and what became of their steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from clockwright.access.callers import Caller, Role
from clockwright.access.models import Community
from clockwright.engine.registry import default_registry, function_of
from clockwright.schedules import stores
from clockwright.schedules.models import Run
from clockwright.testing import ManualEngine, VirtualClock
from clockwright.workflows import WorkflowEngine, services
from clockwright.workflows.models import WorkflowExecution, WorkflowStep
from tests.support.scheduling import OPERATOR, START

STRANGER = Caller(actor="sam", community="elsewhere", role=Role.ADMIN)
VIEWER = Caller(actor="vera", community="default", role=Role.VIEWER)


@dataclass
class Desk:
    """A node that executes workflows on a virtual clock. `calls` is what `tests.note` was called with, in order."""

    clock: VirtualClock
    engine: ManualEngine
    workflows: WorkflowEngine
    calls: list = field(default_factory=list)

    def publish(self, *steps, name="w", **more):
        made = services.create_workflow(OPERATOR, name, {"steps": list(steps), **more})
        return services.publish_workflow(OPERATOR, made.workflow_id)

    def start(self, workflow, request_id=None, /, **context):
        made = services.execute_workflow(OPERATOR, workflow.workflow_id, context, request_id)
        return made.run_id

    def run(self, workflow, **context) -> Run:
        """Start it and live on until nothing of it is left to do at this instant."""
        run_id = self.start(workflow, **context)
        self.engine.step()
        return self.row(run_id)

    def row(self, run_id) -> Run:
        return Run.objects.get(run_id=run_id)

    def execution(self, run_id) -> WorkflowExecution:
        return WorkflowExecution.objects.get(run_id=run_id)

    def steps(self, run_id) -> dict[str, str]:
        rows = WorkflowStep.objects.filter(execution_id=run_id).order_by("id")
        return {row.path: row.status for row in rows}

    def advance(self, **by) -> None:
        self.engine.advance(timedelta(**by))


@pytest.fixture
def functions():
    """`tests.note`, `tests.fail`, `tests.flaky`: registered as exposed, and gone again after the test."""
    by_key, by_workflow = dict(default_registry._by_key), dict(default_registry._by_workflow)
    yield default_registry
    default_registry._by_key, default_registry._by_workflow = by_key, by_workflow


@pytest.fixture
def desk(functions, db):
    for slug in ("default", "elsewhere"):
        Community.objects.get_or_create(slug=slug)
    clock = VirtualClock(START)
    workflows = WorkflowEngine(functions, has_graphs=True)
    with (
        stores.on_clock(clock) as store,
        ManualEngine(store, workflows, clock) as engine,
    ):
        made = Desk(clock=clock, engine=engine, workflows=workflows)

        async def note(**given):
            made.calls.append(given)
            return given

        async def fail(why="no"):
            made.calls.append(why)
            raise ValueError(why)

        async def flaky(times):
            made.calls.append(len(made.calls) + 1)
            if len(made.calls) <= times:
                raise ConnectionError(f"try {len(made.calls)}")
            return len(made.calls)

        for key, call in (("tests.note", note), ("tests.fail", fail), ("tests.flaky", flaky)):
            functions.register(function_of(call, key, exposed=True))
        yield made
    workflows.shutdown()


def note(step_id, follows=None, **arguments):
    step = {"id": step_id, "kind": "function", "function": "tests.note", "arguments": arguments}
    return step | ({"next": follows} if follows else {})


def value(expression):
    return {"$": expression}


def at(text) -> datetime:
    return datetime.fromisoformat(text)
