"""Executing function workflows: what is called, with what, and what becomes of what it returns or raises."""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from clockwright.engine.ports import InvalidPayload, InvalidResult, RunContext
from clockwright.engine.registry import Registry, function_of
from clockwright.workflows import (
    ExecutionStatus,
    NodeExecutionException,
    UnknownWorkflowException,
    WorkflowEngine,
    WorkflowEngineException,
    WorkflowTimeoutException,
)
from clockwright.workflows.calling import FunctionExited

WHEN = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def engine(registry):
    made = WorkflowEngine(registry)
    yield made
    made.shutdown()


@pytest.fixture
def define(registry):
    def define(call, key="f", **settings):
        return registry.register(function_of(call, key, **settings)).workflow_id

    return define


def a_run(**context) -> RunContext:
    return RunContext(
        run_id=uuid4(),
        attempt=2,
        schedule_id=uuid4(),
        scheduled_for=WHEN,
        triggered_at=WHEN + timedelta(seconds=1),
        trigger="schedule",
        community="default",
        context=context,
    )


async def test_a_function_is_called_with_its_context_and_its_result_is_the_output(engine, define):
    """S4-38, S4-39"""

    async def add(a, b):
        return a + b

    run = a_run(a=1, b=2)
    result = await engine.execute_workflow(define(add), run.trigger_data, run)
    assert (result.output, result.status) == (3, ExecutionStatus.COMPLETED)
    assert result.execution_id == run.run_id
    assert result.duration >= timedelta(0)


async def test_a_plain_function_runs_in_a_thread_of_its_own(engine, define):
    """S4-15: the loop goes on."""

    def where():
        return threading.current_thread().name

    result = await engine.execute_workflow(define(where), {})
    assert result.output.startswith("clockwright-function")


async def test_a_parameter_annotated_run_context_is_filled_in(engine, define):
    def look(name, run: RunContext):
        return [name, run.attempt, str(run.run_id)]

    run = a_run(name="Ada")
    result = await engine.execute_workflow(define(look), run.trigger_data, run)
    assert result.output == ["Ada", 2, str(run.run_id)]


async def test_stored_arguments_come_before_the_context(engine, define):
    def both(first, second, third):
        return [first, second, third]

    run = a_run(third=3)
    handler = engine.resolve(define(both))
    assert await handler.call(run, [1, 2]) == [1, 2, 3]


async def test_a_direct_call_needs_no_run(engine, define):
    async def echo(**context):
        return context

    workflow_id = define(echo)
    assert (await engine.execute_workflow(workflow_id, {"a": 1})).output == {"a": 1}
    nested = {"schedule_id": "x", "execution_id": "y", "context": {"b": 2}}
    assert (await engine.execute_workflow(workflow_id, nested)).output == {"b": 2}


async def test_what_a_function_raises_is_told_with_its_cause(engine, define):
    async def fail():
        raise KeyError("missing")

    with pytest.raises(NodeExecutionException) as failed:
        await engine.execute_workflow(define(fail), {})
    assert isinstance(failed.value, WorkflowEngineException)
    assert failed.value.node == "f"
    assert isinstance(failed.value.original, KeyError)


async def test_the_ledger_gets_the_functions_own_error(engine, define):
    async def fail():
        try:
            {}["cause"]
        except KeyError as error:
            raise RuntimeError("effect") from error

    with pytest.raises(RuntimeError, match="effect") as failed:
        await engine.resolve(define(fail)).call(a_run(), [])
    assert isinstance(failed.value.__cause__, KeyError)


async def test_an_unknown_workflow_resolves_to_nothing(engine):
    unknown = uuid4()
    assert engine.resolve(unknown) is None
    with pytest.raises(UnknownWorkflowException, match=str(unknown)):
        await engine.execute_workflow(unknown, {})


async def test_arguments_that_do_not_fit_are_an_invalid_payload(engine, define):
    called = []

    async def one(a):
        called.append(a)

    with pytest.raises(InvalidPayload, match=r"f\(a\) does not take this"):
        await engine.resolve(define(one)).call(a_run(b=1), [])
    assert called == []


@pytest.mark.parametrize(
    "result",
    [object(), {1, 2}, float("nan"), b"x", "x" * 1_100_000],
    ids=lambda r: type(r).__name__,
)
async def test_a_result_must_be_json_of_bearable_size(engine, define, result):
    """Promise 4"""
    with pytest.raises(InvalidResult, match="f returned"):
        await engine.resolve(define(lambda: result)).call(a_run(), [])


async def test_a_function_longer_than_its_own_timeout_is_stopped_when_called_directly(
    engine, define
):
    async def dawdle():
        await asyncio.sleep(60)

    workflow_id = define(dawdle, timeout=timedelta(milliseconds=20))
    with pytest.raises(WorkflowTimeoutException, match="f ran longer"):
        await engine.execute_workflow(workflow_id, {})
    assert engine.resolve(workflow_id).timeout == timedelta(milliseconds=20)


async def test_a_functions_settings_are_its_handlers(engine, define):
    handler = engine.resolve(define(lambda: None, "once", at_most_once=True, max_retries=1))
    assert (handler.name, handler.at_most_once, handler.max_retries) == ("once", True, 1)
    assert handler.is_coroutine


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("leave", [sys.exit, interrupt])
async def test_a_function_that_exits_fails_and_the_process_lives(engine, define, leave):
    async def go():
        leave()

    def go_in_a_thread():
        leave()

    for key, call in (("coroutine", go), ("plain", go_in_a_thread)):
        with pytest.raises(NodeExecutionException) as failed:
            await engine.execute_workflow(define(call, key), {})
        assert isinstance(failed.value.original, FunctionExited)


async def test_a_plain_function_that_raises_stop_iteration_fails_like_any_other(engine, define):
    def stop():
        raise StopIteration

    with pytest.raises(NodeExecutionException, match="StopIteration"):
        await engine.execute_workflow(define(stop), {})


async def test_a_callable_that_hands_back_a_coroutine_is_awaited(engine, define):
    class Later:
        async def __call__(self):
            return "done"

    assert (await engine.execute_workflow(define(Later()), {})).output == "done"


@pytest.mark.django_db(transaction=True)
def test_a_function_leaves_no_database_connection_behind(engine, define):
    left = []

    def query():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        left.append(connection.connection is not None)

    def look():
        left.append(connection.connection is not None)

    async def both():
        await engine.execute_workflow(define(query, "query"), {})
        engine_threads = [engine.execute_workflow(define(look, "look"), {}) for _ in range(4)]
        await asyncio.gather(*engine_threads)

    asyncio.run(both())
    assert left == [True, False, False, False, False]
