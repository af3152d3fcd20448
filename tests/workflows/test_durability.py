"""What becomes of an execution whose node dies, is cancelled, or is cut off from its database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError

from clockwright.engine.ports import LetGo, RunContext
from clockwright.engine.registry import function_of
from clockwright.schedules import commands, engines, stores
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.models import Node, Run
from clockwright.testing import ManualEngine
from clockwright.testing.virtual import run_virtually
from clockwright.workflows import (
    ExecutionStatus,
    NodeExecutionException,
    UnknownExecutionException,
    UnknownWorkflowException,
    WorkflowConflictException,
    WorkflowTimeoutException,
    services,
)
from clockwright.workflows import store as stored
from clockwright.workflows.models import WorkflowExecution, WorkflowStep
from clockwright.workflows.upkeep import EVERY, ExecutionUpkeep
from tests.support.scheduling import OPERATOR
from tests.workflows.conftest import note, value

pytestmark = pytest.mark.django_db


class Death(BaseException):
    """A node that is no more."""


@pytest.fixture
def deadly(desk, functions):
    """`tests.deadly` kills its node the first time."""

    async def deadly(run: RunContext, **given):
        desk.calls.append((run.step, run.attempt))
        if run.attempt == 1:
            raise Death
        return given

    functions.register(function_of(deadly, "tests.deadly", exposed=True))


def die(desk, run_id):
    """Let the node begin the run and die over it; another one takes it over."""
    with pytest.raises(Death):
        desk.engine.step()
    Node.objects.update(is_alive=False)
    assert [run for run, _ in stores.sql_store().take_over()[0].runs] == [run_id]


def live_on(desk):
    with ManualEngine(stores.sql_store(), desk.workflows, desk.clock, node_id="second") as engine:
        engine.step()


def deadly_step(step_id, **more):
    return {"id": step_id, "kind": "function", "function": "tests.deadly", **more}


@pytest.mark.usefixtures("deadly")
def test_a_run_that_is_taken_over_goes_on_after_its_last_finished_step(desk):
    workflow = desk.publish(
        note("a", "b", n=1), deadly_step("b", next="c"), note("c", n=value("steps.a.n + 1"))
    )
    run_id = desk.start(workflow)
    die(desk, run_id)
    assert desk.steps(run_id) == {"a": "succeeded"}
    live_on(desk)
    run = desk.row(run_id)
    assert (run.status, run.result, run.takeovers) == ("succeeded", {"n": 2}, 1)
    assert desk.calls == [{"n": 1}, ("b", 1), ("b", 2), {"n": 2}]


@pytest.mark.usefixtures("deadly")
def test_what_branches_and_items_have_finished_is_not_done_again(desk):
    body = {"steps": [note("one", item=value("item"))]}
    branches = {
        "left": {"steps": [{"id": "each", "kind": "foreach", "items": "[1, 2]", "do": body}]},
        "right": {
            "steps": [{"id": "w", "kind": "delay", "seconds": 1, "next": "x"}, deadly_step("x")]
        },
    }
    workflow = desk.publish({"id": "p", "kind": "parallel", "branches": branches})
    run_id = desk.start(workflow)
    die(desk, run_id)
    live_on(desk)
    assert desk.row(run_id).status == "succeeded"
    assert desk.calls == [{"item": 1}, {"item": 2}, ("p/right/x", 1), ("p/right/x", 2)]


@pytest.mark.usefixtures("deadly")
def test_what_was_chosen_before_a_death_is_chosen_still(desk):
    """What started the execution is kept with it: a second attempt sees the first one's data."""
    choose = {
        "id": "choose",
        "kind": "condition",
        "if": "trigger.attempt == 1",
        "then": "die",
        "else": "other",
    }
    seen = deadly_step("die", arguments={"attempt": value("trigger.attempt")})
    run_id = desk.start(desk.publish(choose, seen, note("other")))
    die(desk, run_id)
    live_on(desk)
    assert desk.row(run_id).result == {"attempt": 1}


def test_retries_are_counted_over_the_death_of_a_node(desk, functions):
    async def fails_then_dies(run: RunContext):
        desk.calls.append(run.attempt)
        if len(desk.calls) == 2:
            raise Death
        raise ConnectionError("no")

    functions.register(function_of(fails_then_dies, "tests.bad", exposed=True))
    step = {"id": "f", "kind": "function", "function": "tests.bad", "retry": {"max_retries": 2}}
    run_id = desk.start(desk.publish(step))
    die(desk, run_id)
    live_on(desk)
    assert desk.row(run_id).status == "failed"
    assert desk.calls == [1, 1, 2, 2]
    assert WorkflowStep.objects.get().tries == 3


def test_a_function_that_starts_at_most_once_is_not_started_again(desk, functions):
    async def once():
        desk.calls.append("once")
        raise Death

    functions.register(function_of(once, "tests.once", exposed=True, at_most_once=True))
    run_id = desk.start(desk.publish({"id": "o", "kind": "function", "function": "tests.once"}))
    die(desk, run_id)
    assert desk.steps(run_id) == {"o": "running"}
    live_on(desk)
    run = desk.row(run_id)
    assert desk.calls == ["once"]
    assert run.status == "failed"
    assert "o: StepLost: tests.once had begun, and starts at most once" in run.error


def test_a_functions_own_time_limit_holds_in_a_step(desk, functions):
    async def slow():
        await asyncio.sleep(100)

    limit = timedelta(seconds=2)
    functions.register(function_of(slow, "tests.limited", exposed=True, timeout=limit))
    run = desk.run(desk.publish({"id": "l", "kind": "function", "function": "tests.limited"}))
    assert "l: FunctionTimedOut: tests.limited ran longer than 0:00:02" in run.error


def test_an_execution_that_ended_before_the_ledger_heard_ends_the_same_again(desk, monkeypatch):
    workflow = desk.publish(note("a", n=1))
    run_id = desk.start(workflow)
    finish = desk.engine._store.record_outcomes
    monkeypatch.setattr(desk.engine._store, "record_outcomes", lambda outcomes: _die())
    with pytest.raises(Death):
        desk.engine.step()
    monkeypatch.setattr(desk.engine._store, "record_outcomes", finish)
    assert desk.execution(run_id).status == "completed"
    Node.objects.update(is_alive=False)
    stores.sql_store().take_over()
    live_on(desk)
    assert (desk.row(run_id).status, desk.row(run_id).result) == ("succeeded", {"n": 1})
    assert desk.calls == [{"n": 1}]


def _die():
    raise Death


def test_a_node_that_was_declared_dead_writes_nothing_any_more(desk, functions):
    """The fence: whoever has the run has a higher attempt."""

    def loses():
        Run.objects.update(attempt=2)

    functions.register(function_of(loses, "tests.loses", exposed=True))
    lose = {"id": "lose", "kind": "function", "function": "tests.loses", "next": "z"}
    run_id = desk.start(desk.publish(lose, note("z")))
    desk.engine.step()
    assert desk.engine.outcomes == []
    assert desk.steps(run_id) == {}
    assert desk.calls == []
    assert desk.row(run_id).status == "running"


def test_each_write_is_behind_the_fence(desk):
    run_id = desk.start(desk.publish(note("a")))
    desk.engine.step()
    store = stored.ExecutionStore(desk.clock)
    for write in (
        lambda: store.finish(run_id, 1, ExecutionStatus.FAILED),
        lambda: store.put_down(run_id, 1, desk.clock.now()),
        lambda: store.begin(uuid4(), _run(run_id), 7),
    ):
        with pytest.raises(LetGo):
            write()
    assert desk.execution(run_id).status == "completed"


def _run(run_id):
    now = stores.sql_store().now()
    return RunContext(
        run_id=run_id,
        attempt=1,
        schedule_id=None,
        scheduled_for=now,
        triggered_at=now,
        trigger="call",
        community="default",
        context={},
    )


def test_a_database_that_is_away_for_a_while_costs_time_and_nothing_else(desk, monkeypatch):
    keep, tries = stored._write, []

    def away(*args):
        tries.append(args)
        if len(tries) < 4:
            raise OperationalError("server closed the connection unexpectedly")
        return keep(*args)

    monkeypatch.setattr(stored, "_write", away)
    run = desk.run(desk.publish(note("a")))
    assert (run.status, len(tries), desk.calls) == ("succeeded", 4, [{}])


def test_a_waiting_execution_is_cancelled_at_once(desk):
    wait = {"id": "wait", "kind": "delay", "seconds": 600, "next": "z"}
    run = desk.run(desk.publish(wait, note("z")))
    found = services.cancel_execution(OPERATOR, run.run_id)
    assert (found.status, found.error) == (ExecutionStatus.CANCELLED, "requested")
    desk.advance(hours=1)
    assert desk.calls == []
    assert desk.row(run.run_id).status == "cancelled"
    assert services.cancel_execution(OPERATOR, run.run_id).status == ExecutionStatus.CANCELLED


def test_a_running_execution_stops_where_it_is_and_ends_cancelled(desk, functions):
    """C-28: what has begun is not finished, nothing follows, and the status stays."""
    started = []

    async def slow(run: RunContext):
        started.append(run.run_id)
        assert await asyncio.to_thread(services.stop, run.run_id)
        desk.engine._executor.cancel(run.run_id)
        await asyncio.sleep(5)
        desk.calls.append("slow")

    functions.register(function_of(slow, "tests.slow", exposed=True))
    step = {"id": "s", "kind": "function", "function": "tests.slow", "next": "z"}
    run_id = desk.start(desk.publish(step, note("z")))
    desk.engine.step()
    run = desk.row(run_id)
    assert (run.status, run.reason) == ("cancelled", "requested")
    assert (started, desk.calls) == ([run_id], [])
    assert services.get_execution(OPERATOR, run_id).status == ExecutionStatus.CANCELLED


def test_an_unknown_workflow_fails_its_run_with_the_reason(desk):
    workflow = desk.publish(note("a"))
    run_id = desk.start(workflow)
    WorkflowExecution.objects.all().delete()
    Run.objects.update(workflow_id=uuid4())
    desk.engine.step()
    assert (desk.row(run_id).status, desk.row(run_id).reason) == ("failed", "unknown_function")


def test_a_call_needs_no_run_and_is_kept_like_one(desk):
    workflow = desk.publish(note("a", n=value("context.n")))
    execution_id = uuid4()
    call = desk.workflows.execute_workflow(
        workflow.workflow_id, {"execution_id": str(execution_id), "context": {"n": 1}}
    )
    result = run_virtually(call, desk.clock)
    assert (result.execution_id, result.status) == (execution_id, ExecutionStatus.COMPLETED)
    assert result.output == {"n": 1}
    found = run_virtually(desk.workflows.get_execution_status(execution_id), desk.clock)
    assert (found.status, [step.path for step in found.steps]) == ("completed", ["a"])
    assert not Run.objects.exists()


def test_a_call_is_told_what_went_wrong(desk):
    call = desk.workflows.execute_workflow
    with pytest.raises(UnknownWorkflowException):
        run_virtually(call(uuid4(), {}), desk.clock)
    fail = desk.publish({"id": "f", "kind": "function", "function": "tests.fail"})
    with pytest.raises(NodeExecutionException) as failed:
        run_virtually(call(fail.workflow_id, {}), desk.clock)
    assert (failed.value.node, type(failed.value.original)) == ("f", ValueError)
    slow = {"id": "wait", "kind": "delay", "seconds": 600}
    late = desk.publish(slow, name="late", timeout_seconds=60)
    with pytest.raises(WorkflowTimeoutException, match="ran longer than 0:01:00"):
        run_virtually(call(late.workflow_id, {}), desk.clock)
    draft = services.create_workflow(OPERATOR, "draft", {"steps": [note("a")]})
    with pytest.raises(WorkflowConflictException, match="publish it first"):
        run_virtually(call(draft.workflow_id, {}), desk.clock)


def test_a_call_is_cancelled_by_its_id(desk):
    workflow = desk.publish({"id": "wait", "kind": "delay", "seconds": 600})
    execution_id = uuid4()

    async def call_and_cancel():
        call = asyncio.create_task(
            desk.workflows.execute_workflow(workflow.workflow_id, {"execution_id": execution_id})
        )
        await asyncio.sleep(1)
        assert await desk.workflows.cancel_execution(execution_id)
        result = await call
        assert not await desk.workflows.cancel_execution(execution_id)
        return result

    result = run_virtually(call_and_cancel(), desk.clock)
    assert result.status is ExecutionStatus.CANCELLED
    assert desk.execution(execution_id).status == "cancelled"


def test_a_run_that_is_asked_to_stop_is_not_put_down(desk, functions):
    async def ask(run: RunContext):
        assert await asyncio.to_thread(services.stop, run.run_id)
        asyncio.get_running_loop().call_later(9, desk.engine._executor.cancel, run.run_id)

    functions.register(function_of(ask, "tests.ask", exposed=True))
    ask_then_wait = [
        {"id": "ask", "kind": "function", "function": "tests.ask", "next": "wait"},
        {"id": "wait", "kind": "delay", "seconds": 600},
    ]
    run = desk.run(desk.publish(*ask_then_wait))
    assert (run.status, run.reason) == ("cancelled", "requested")


def test_a_call_may_not_name_the_execution_of_something_else(desk):
    first, second = desk.publish(note("a")), desk.publish(note("b"), name="other")
    run_id = desk.start(first)
    call = desk.workflows.execute_workflow(second.workflow_id, {"execution_id": str(run_id)})
    with pytest.raises(UnknownWorkflowException):
        run_virtually(call, desk.clock)
    assert desk.execution(run_id).status == "pending"


def test_a_caller_that_is_cancelled_itself_hears_of_it(desk):
    workflow = desk.publish({"id": "wait", "kind": "delay", "seconds": 600})

    async def give_up():
        async with asyncio.timeout(1):
            await desk.workflows.execute_workflow(workflow.workflow_id, {})

    with pytest.raises(TimeoutError):
        run_virtually(give_up(), desk.clock)
    assert desk.workflows._calls == {}


def test_a_run_is_cancelled_by_its_id(desk):
    run = desk.run(desk.publish({"id": "wait", "kind": "delay", "seconds": 600}))
    cancel = desk.workflows.cancel_execution
    assert run_virtually(cancel(run.run_id), desk.clock)
    assert not run_virtually(cancel(run.run_id), desk.clock)
    assert not run_virtually(cancel(uuid4()), desk.clock)
    assert desk.row(run.run_id).status == "cancelled"


def test_the_run_of_a_function_is_an_execution_without_steps(desk):
    """S4-42."""
    config = {"schedule_type": "interval", "interval_seconds": 60}
    new = NewSchedule(workflow="tests.note", config=config, context_data={"n": 1})
    commands.add_schedule(OPERATOR, new)
    desk.advance(seconds=61)
    run = Run.objects.get()
    found = run_virtually(desk.workflows.get_execution_status(run.run_id), desk.clock)
    assert (found.status, found.output, found.version, found.steps) == (
        "completed",
        {"n": 1},
        None,
        (),
    )
    assert found.metrics.duration == timedelta(0)


def test_metrics_say_where_the_time_went(desk):
    flaky = {"id": "f", "kind": "function", "function": "tests.flaky", "arguments": {"times": 1}}
    workflow = desk.publish(
        flaky | {"next": "wait", "retry": {"max_retries": 1, "backoff_seconds": 1}},
        {"id": "wait", "kind": "delay", "seconds": 4, "next": "bad"},
        {"id": "bad", "kind": "end", "error": "no"},
    )
    run = desk.run(workflow)
    metrics = run_virtually(desk.workflows.get_execution_metrics(run.run_id), desk.clock)
    assert (metrics.steps, metrics.succeeded, metrics.failed, metrics.retries) == (3, 2, 1, 1)
    assert (metrics.slowest, metrics.slowest_duration) == ("wait", timedelta(seconds=4))
    assert metrics.duration == timedelta(seconds=5)
    with pytest.raises(UnknownExecutionException):
        run_virtually(desk.workflows.get_execution_metrics(uuid4()), desk.clock)


def test_what_the_ledger_ended_is_ended_and_what_is_past_its_retention_is_deleted(desk):
    wait = {"id": "wait", "kind": "delay", "seconds": 600}
    run = desk.run(desk.publish(wait))
    running = desk.run(desk.publish(wait, name="other"))
    stores.sql_store().cancel_run(run.run_id)
    upkeep = ExecutionUpkeep(stored.ExecutionStore(desk.clock), timedelta(hours=1))
    assert upkeep.step("n") == EVERY
    ended = desk.execution(run.run_id)
    assert (ended.status, ended.error) == ("cancelled", "requested")
    assert desk.execution(running.run_id).status == "running"
    desk.clock.advance(timedelta(minutes=61))
    upkeep.step("n")
    assert list(WorkflowExecution.objects.values_list("run_id", flat=True)) == [running.run_id]
    assert {step.execution_id for step in WorkflowStep.objects.all()} == {running.run_id}
    forever = ExecutionUpkeep(stored.ExecutionStore(desk.clock), None)
    forever.step("n")
    assert WorkflowExecution.objects.count() == 1


def test_every_engine_of_a_project_sees_to_executions():
    names = {make(engine_settings(), "default").name for make in engines._chores}
    assert "workflow executions" in names
