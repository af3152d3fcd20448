"""What may run, and how one attempt ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clockwright.engine.executors import Announce, InProcessExecutor
from clockwright.engine.model import Claim, Outcome, Policy, Reason, RunState, Trigger
from clockwright.engine.ports import DoNotRetry, Handler, InvalidResult, RunContext
from clockwright.engine.registry import (
    DuplicateFunction,
    Isolation,
    Registry,
    function_of,
    workflow_id_of,
)
from clockwright.recurrence import Cron, RecurrenceError
from tests.engine.situations import T0


class Fixed:
    """A resolver with one handler."""

    def __init__(self, handler: Handler | None) -> None:
        self.handler = handler

    def resolve(self, workflow_id: UUID) -> Handler | None:
        return self.handler


def claim(**policy: Any) -> Claim:
    return Claim(
        run_id=uuid4(), attempt=1, retries=0, takeovers=0, node_id="n", schedule_id=uuid4(), workflow_id=uuid4(),
        scheduled_for=T0, claimed_at=T0, trigger=Trigger.SCHEDULE, policy=Policy(**policy), args=(), context={},
        community="default",
    )  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


async def executed(
    handler: Handler | None, *, is_open: bool = True, **policy: Any
) -> Outcome | None:
    async def announce(_start: object) -> bool:
        return is_open

    return await executed_as(handler, claim(**policy), announce)


async def always_open(_start: object) -> bool:
    return True


async def executed_as(
    handler: Handler | None, mine: Claim, announce: Announce = always_open
) -> Outcome | None:
    executor = InProcessExecutor(
        Fixed(handler), threads=2, timeout=timedelta(minutes=1), announce=announce
    )
    try:
        return await executor.execute(mine, now)
    finally:
        executor.shutdown()


def plain(call: Any, **settings: Any) -> Handler:
    return Handler(name="plain", call=lambda run, args: call(), is_coroutine=False, **settings)


async def test_a_plain_function_runs_in_a_thread_and_does_not_hold_up_the_loop() -> None:
    threads: list[str] = []
    outcome = await executed(plain(lambda: threads.append(threading.current_thread().name)))
    assert outcome is not None
    assert outcome.state is RunState.SUCCEEDED
    assert threads[0].startswith("clockwright-run")


async def test_a_plain_function_that_overruns_is_recorded_at_once() -> None:
    release = threading.Event()
    outcome = await executed(
        plain(lambda: release.wait(20)), timeout=timedelta(milliseconds=50), max_retries=0
    )
    release.set()
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (RunState.TIMED_OUT, Reason.TIMEOUT)


async def test_the_time_of_a_plain_function_begins_when_a_thread_takes_it_up() -> None:
    release, called = threading.Event(), threading.Event()
    resolver = Fixed(plain(lambda: release.wait(20)))
    executor = InProcessExecutor(resolver, threads=1, timeout=None, announce=always_open)
    brief = timedelta(milliseconds=50)
    try:
        first = await executor.execute(claim(timeout=brief, max_retries=0), now)
        assert first is not None
        assert first.state is RunState.TIMED_OUT
        resolver.handler = plain(called.set)
        second = asyncio.create_task(executor.execute(claim(timeout=brief, max_retries=0), now))
        done, _ = await asyncio.wait({second}, timeout=0.2)
        assert not done, "the one thread is held by the first, which cannot be stopped"
        release.set()
        outcome = await second
        assert outcome is not None
        assert outcome.state is RunState.SUCCEEDED
        assert called.is_set()
    finally:
        release.set()
        executor.shutdown()


async def test_a_timeout_error_of_the_handlers_own_is_a_failure_not_a_timeout() -> None:
    def raises() -> None:
        raise TimeoutError("the remote end")

    outcome = await executed(plain(raises), max_retries=0)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (RunState.FAILED, Reason.ERROR)


async def test_a_result_that_is_not_json_fails_without_a_retry() -> None:
    def raises() -> None:
        raise InvalidResult("object() is not JSON")

    outcome = await executed(plain(raises))
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (RunState.FAILED, Reason.INVALID_RESULT)


class Refused(ValueError):
    """An error of an application's own."""


class Final(DoNotRetry):
    """One that says of itself that another try is no use."""


@pytest.mark.parametrize(
    ("error", "named", "state"),
    [
        (Refused("no"), (), RunState.RETRYING),
        (Refused("no"), ("KeyError", "other.Refused"), RunState.RETRYING),
        (Refused("no"), ("Refused",), RunState.FAILED),
        (Refused("no"), (f"{__name__}.Refused",), RunState.FAILED),
        (Refused("no"), ("KeyError", "ValueError"), RunState.FAILED),
        (Final("no"), (), RunState.FAILED),
    ],
)
async def test_an_error_that_is_named_or_says_so_itself_is_not_tried_again(
    error: Exception, named: tuple[str, ...], state: RunState
) -> None:
    def raises() -> None:
        raise error

    outcome = await executed(plain(raises), no_retry_on=named)
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (state, Reason.ERROR)


async def test_the_pause_before_a_retry_depends_on_the_run_and_the_attempt_alone() -> None:
    """A replay comes to the same instants, and what failed together does not come back together."""

    def raises() -> None:
        raise OSError("away")

    policy = Policy(retry_backoff=timedelta(seconds=100), retry_jitter=0.5)
    first, second = replace(claim(), policy=policy), replace(claim(), policy=policy)
    pauses = []
    for each in (first, first, second, replace(first, attempt=2)):
        outcome = await executed_as(plain(raises), each)
        assert outcome is not None
        assert outcome.ready_at is not None
        pauses.append((outcome.ready_at - outcome.finished_at).total_seconds())
    assert pauses[0] == pauses[1]
    assert len(set(pauses)) == 3
    assert all(50 < pause <= 100 for pause in pauses)


async def test_an_at_most_once_handler_is_not_called_when_the_fence_has_closed() -> None:
    called: list[int] = []
    handler = plain(lambda: called.append(1), at_most_once=True)
    assert await executed(handler, is_open=False) is None
    assert called == []
    assert await executed(handler, is_open=True) is not None
    assert called == [1]


async def test_a_cancelled_attempt_is_recorded_as_cancelled() -> None:
    begun = asyncio.Event()

    async def sleep(_run: RunContext, _args: Sequence[Any]) -> None:
        begun.set()
        await asyncio.sleep(60)

    async def announce(_start: object) -> bool:
        return True

    executor = InProcessExecutor(
        Fixed(Handler(name="slow", call=sleep, is_coroutine=True)),
        threads=1,
        timeout=None,
        announce=announce,
    )
    asked = claim()
    running = asyncio.create_task(executor.execute(asked, now))
    await begun.wait()
    executor.cancel(asked.run_id)
    outcome = await running
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (RunState.CANCELLED, Reason.REQUESTED)


def test_a_job_is_registered_under_its_key_with_its_schedule() -> None:
    registry = Registry()

    @registry.job("reports.daily", cron="0 5 * * *", tz="Australia/Sydney", exposed=True)
    def report(name: str, run: RunContext) -> str:
        return f"{name} {run.attempt}"

    function = registry.get("reports.daily")
    assert function is not None
    assert function.recurrence == Cron("0 5 * * *", "Australia/Sydney")
    assert function.workflow_id == workflow_id_of("reports.daily")
    assert registry.by_workflow(function.workflow_id) is function
    assert function.context_parameter == "run"
    assert function.payload_error((), {"name": "x"}) is None
    assert "name" in (function.payload_error((), {}) or "")
    assert "run" in (function.payload_error((), {"name": "x", "run": 1}) or "")


def test_a_key_names_one_callable() -> None:
    registry = Registry()
    registry.register(function_of(test_a_key_names_one_callable, "a"))
    registry.register(function_of(test_a_key_names_one_callable, "a"))
    with pytest.raises(DuplicateFunction, match="'a' is already"):
        registry.register(
            function_of(test_a_job_is_registered_under_its_key_with_its_schedule, "a")
        )


def test_a_job_with_two_rules_or_a_bad_one_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="cron and every: give one"):
        Registry().job("a", cron="* * * * *", every=timedelta(seconds=5))
    with pytest.raises(RecurrenceError):
        Registry().job("a", cron="61 * * * *")


def test_the_context_cannot_hide_a_system_key() -> None:
    """C-16."""
    run = RunContext(
        run_id=uuid4(), attempt=2, schedule_id=None, scheduled_for=T0, triggered_at=T0, trigger="manual",
        community="default", context={"attempt": 99, "execution_id": "x", "colour": "red"},
    )  # fmt: skip
    assert run.trigger_data["attempt"] == 2
    assert run.trigger_data["execution_id"] == str(run.run_id)
    assert run.trigger_data["colour"] == "red"
    assert run.trigger_data["context"]["execution_id"] == "x"


def test_isolation_is_for_plain_functions_and_says_so() -> None:
    registry = Registry()

    @registry.job("plain", isolation="process")
    def plain() -> None: ...

    async def coroutine() -> None: ...

    found = registry.get("plain")
    assert found is not None
    assert found.isolation is Isolation.PROCESS
    with pytest.raises(ValueError, match="'process' is for plain functions"):
        function_of(coroutine, "coroutine", isolation="process")
    with pytest.raises(ValueError, match="'thread' is not known; give 'none' or 'process'"):
        function_of(plain, "plain", isolation="thread")
