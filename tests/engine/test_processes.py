"""Functions in processes of their own: real processes, which end when they must (S4-42, promise 2)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from clockwright.engine import processes as module
from clockwright.engine.engine import Engine, EngineOptions
from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.memory import MemoryStore
from clockwright.engine.model import Claim, Outcome, Policy, Reason, Run, RunState, Trigger
from clockwright.engine.ports import InvalidPayload, InvalidResult, ManualRun, ProcessCall
from clockwright.engine.processes import (
    FunctionFailed,
    ProcessDied,
    Processes,
    ProcessNotStarted,
)
from clockwright.engine.wakeup import LocalWakeup
from tests.engine.situations import HOURLY, T0, schedule
from tests.support.isolated.calling import BOOTSTRAP, Isolated, a_run, begun, eventually, lives
from tests.support.isolated.functions import traces

SHORT = 0.1
"""Seconds of grace where a test waits for the kill that comes after them."""


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes() -> AsyncIterator[Processes]:
    """Of all tests here: one that is left idle serves the next."""
    made = Processes(grace=SHORT)
    yield made
    await made.close()
    assert not made.pids


async def called(
    processes: Processes, key: str, *args: Any, bootstrap: str = BOOTSTRAP, **context: Any
) -> Any:
    call = ProcessCall(bootstrap=bootstrap, key=key)
    return await processes.call(call, a_run(**context), args, lambda: None)


async def executed(
    processes: Processes, name: str, policy: Policy | None = None, **context: Any
) -> Outcome:
    executor, asked = executor_of(processes, name), claim_of(policy, context)
    outcome = await executor.execute(asked, lambda: datetime.now(UTC))
    assert outcome is not None
    return outcome


def executor_of(processes: Processes, name: str) -> InProcessExecutor:
    async def announce(_start: object) -> bool:
        return True

    return InProcessExecutor(
        Isolated(name), threads=1, timeout=None, announce=announce, processes=processes
    )


def claim_of(policy: Policy | None, context: dict[str, Any]) -> Claim:
    return Claim(
        run_id=uuid4(), attempt=1, retries=0, takeovers=0, node_id="n", schedule_id=uuid4(), workflow_id=uuid4(),
        scheduled_for=T0, claimed_at=T0, trigger=Trigger.SCHEDULE, policy=policy or Policy(max_retries=0), args=(),
        context=context, community="default",
    )  # fmt: skip


async def test_arguments_context_and_run_go_in_and_the_result_comes_back(
    processes: Processes,
) -> None:
    run = a_run(more=["ü", None, {"a": 1.5}])
    call = ProcessCall(bootstrap=BOOTSTRAP, key="add")
    ready: list[frozenset[int]] = []
    found = await processes.call(call, run, (3, 4), lambda: ready.append(processes.pids))
    assert found["pid"] in ready[0]
    assert (found["sum"], found["more"]) == (7, ["ü", None, {"a": 1.5}])
    assert found["run"] == [str(run.run_id), 2, "2026-03-02T09:00:00+00:00", "schedule"]
    assert found["trigger_data"] == run.trigger_data
    assert found["on_main_thread"]
    assert found["pid"] != os.getpid()


async def test_calls_at_the_same_time_have_a_process_each(processes: Processes) -> None:
    found = await asyncio.gather(*(called(processes, "add", number) for number in range(2)))
    pids = {each["pid"] for each in found}
    assert len(pids) == 2
    assert pids <= processes.pids


async def test_one_is_started_when_it_is_needed_and_replaced_after_its_share_of_calls() -> None:
    processes = Processes(runs_each=2)
    assert processes.pids == frozenset()
    found = [(await called(processes, "add", 1))["pid"] for _ in range(3)]
    assert found[0] == found[1] != found[2]
    await eventually(lambda: processes.pids == {found[2]})
    await processes.close()


async def test_a_process_without_work_is_ended() -> None:
    processes = Processes(idle=0.0)
    pid = (await called(processes, "add", 1))["pid"]
    await eventually(lambda: not processes.pids)
    assert not lives(pid)
    assert (await called(processes, "add", 1))["pid"] != pid
    await processes.close()


async def test_what_the_function_raises_fails_the_run_with_its_own_traceback(
    processes: Processes,
) -> None:
    outcome = await executed(processes, "refuse", why="not today")
    assert (outcome.state, outcome.reason) == (RunState.FAILED, Reason.ERROR)
    assert outcome.error == "PermissionError: not today"
    assert "raise PermissionError(why)" in (outcome.traceback or "")
    with pytest.raises(FunctionFailed, match="SystemExit: 4"):
        await called(processes, "quit_politely")
    assert (await called(processes, "add", 1))["pid"] in processes.pids


async def test_arguments_that_do_not_fit_and_results_that_are_not_json_are_told_apart(
    processes: Processes,
) -> None:
    for name, reason in (
        ("add", Reason.INVALID_PAYLOAD),
        ("unfit", Reason.INVALID_RESULT),
    ):
        outcome = await executed(processes, name, Policy(max_retries=5))
        assert (outcome.state, outcome.reason) == (RunState.FAILED, reason)
    with pytest.raises(InvalidPayload, match="missing a required argument: 'left'"):
        await called(processes, "add")
    with pytest.raises(InvalidResult, match="object is not JSON"):
        await called(processes, "unfit")


async def test_payloads_larger_than_a_pipe_go_through(processes: Processes) -> None:
    length, text = await called(processes, "huge", size=700_000, text="y" * 600_000)
    assert (length, len(text)) == (600_000, 700_000)


async def test_what_it_writes_goes_to_the_log_and_not_into_its_replies(
    caplog: pytest.LogCaptureFixture,
) -> None:
    processes = Processes()
    with caplog.at_level(logging.INFO, logger=module.__name__):
        assert await called(processes, "speak", text="hello") == ""
        await processes.close()
    told = [record.getMessage().partition(" of speak: ")[2] for record in caplog.records]
    assert told == ["out hello", "err hello", "program hello", "bare"]


async def test_a_function_that_is_deaf_is_killed_when_its_time_is_over(
    processes: Processes, tmp_path: Path
) -> None:
    path = tmp_path / "traces"
    policy = Policy(timeout=timedelta(milliseconds=300), max_retries=0)
    outcome = await executed(processes, "loop", policy, path=str(path))
    assert (outcome.state, outcome.reason) == (RunState.TIMED_OUT, Reason.TIMEOUT)
    (pid,) = await begun(path)
    assert not lives(pid)
    assert pid not in processes.pids


async def test_a_function_that_is_deaf_is_killed_when_its_run_is_cancelled(
    processes: Processes, tmp_path: Path
) -> None:
    path = tmp_path / "traces"
    executor, asked = executor_of(processes, "loop"), claim_of(None, {"path": str(path)})
    running = asyncio.create_task(executor.execute(asked, lambda: datetime.now(UTC)))
    (pid,) = await begun(path)
    executor.cancel(asked.run_id)
    outcome = await running
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (RunState.CANCELLED, Reason.REQUESTED)
    assert not lives(pid)
    assert (await called(processes, "add", 1))["pid"] != pid


async def test_one_that_listens_may_tidy_up_first(tmp_path: Path) -> None:
    path, processes = tmp_path / "traces", Processes()
    running = asyncio.create_task(called(processes, "tidy", path=str(path)))
    (pid,) = await begun(path)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert traces(path) == [str(pid), "tidied up"]
    assert not lives(pid)


async def test_what_a_function_started_ends_with_it(processes: Processes, tmp_path: Path) -> None:
    path = tmp_path / "traces"
    running = asyncio.create_task(called(processes, "with_a_child", path=str(path)))
    pids = await begun(path, 2)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: not any(lives(pid) for pid in pids))


async def test_a_call_that_is_cancelled_while_its_process_starts_leaves_none() -> None:
    processes = Processes(grace=SHORT)
    hanging = BOOTSTRAP.replace(":", ":hanging_")
    running = asyncio.create_task(called(processes, "add", 1, bootstrap=hanging))
    await eventually(lambda: len(processes.pids) == 1)
    (pid,) = processes.pids
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not lives(pid)


async def test_a_process_that_dies_fails_its_run_and_the_next_try_has_another(
    processes: Processes, tmp_path: Path
) -> None:
    path = str(tmp_path / "traces")
    outcome = await executed(processes, "crash", Policy(max_retries=1), path=path, until=1)
    assert (outcome.state, outcome.reason) == (RunState.RETRYING, Reason.ERROR)
    assert (outcome.error or "").startswith("ProcessDied: the process of run ")
    assert (outcome.error or "").endswith(" of crash ended before it answered: SIGKILL")
    outcome = await executed(processes, "crash", path=path, until=1)
    assert (outcome.state, outcome.result) == (RunState.SUCCEEDED, "survived")
    assert len(set(traces(path))) == 2
    with pytest.raises(ProcessDied, match="exit code 3"):
        await called(processes, "leave")


async def test_a_process_that_dies_between_two_calls_is_not_given_a_third(
    processes: Processes,
) -> None:
    pid = (await called(processes, "add", 1))["pid"]
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: pid not in processes.pids)
    assert (await called(processes, "add", 1))["pid"] != pid


@pytest.mark.parametrize(
    ("bootstrap", "says"),
    [
        (BOOTSTRAP.replace(":", ":broken_"), "RuntimeError: no settings here"),
        ("tests.nowhere:bootstrap", "ModuleNotFoundError: No module named 'tests.nowhere'"),
        (BOOTSTRAP.replace(":", ":hanging_"), "was not ready within 0.5 s"),
    ],
)
async def test_a_process_that_cannot_be_made_ready_says_why(bootstrap: str, says: str) -> None:
    processes = Processes(grace=SHORT, start=0.5 if "hanging" in bootstrap else 60.0)
    with pytest.raises(ProcessNotStarted, match=says):
        await called(processes, "add", 1, bootstrap=bootstrap)
    assert not processes.pids


async def test_an_interpreter_that_is_not_there_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    outcome = await executed(Processes(), "add")
    assert (outcome.state, outcome.reason) == (RunState.FAILED, Reason.ERROR)
    assert "ProcessNotStarted: a worker process could not be started" in (outcome.error or "")


async def test_a_program_that_contains_python_is_not_taken_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/usr/bin/uwsgi")
    assert Path(module.interpreter()).parent == Path(sys.exec_prefix, "bin")
    processes = Processes()
    assert (await called(processes, "add", 1))["sum"] == 1
    await processes.close()


async def test_an_engine_that_stops_leaves_no_process_and_hands_the_run_back(
    tmp_path: Path,
) -> None:
    path = tmp_path / "traces"
    store = MemoryStore(Now())
    engine = Engine(store, Isolated("loop"), LocalWakeup(), EngineOptions())
    await engine.start()
    run = asked_for(store, path=str(path))
    engine.look()
    (pid,) = await begun(path)
    await engine.stop(deadline=0.0)
    assert not lives(pid)
    assert store.get_run(run.run_id).state is RunState.QUEUED


async def test_a_run_that_somebody_cancels_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "traces"
    store = MemoryStore(Now())
    engine = Engine(store, Isolated("tidy"), LocalWakeup(), EngineOptions())
    await engine.start()
    run = asked_for(store, path=str(path))
    engine.look()
    (pid,) = await begun(path)
    store.cancel_run(run.run_id)
    await eventually(lambda: store.get_run(run.run_id).state.is_final)
    await engine.stop()
    ended = store.get_run(run.run_id)
    assert (ended.state, ended.reason) == (RunState.CANCELLED, Reason.REQUESTED)
    assert traces(path) == [str(pid), "tidied up"]
    assert not lives(pid)


async def test_a_node_that_is_killed_leaves_no_orphan(tmp_path: Path) -> None:
    path = tmp_path / "traces"
    command = [sys.executable, "-m", "tests.support.isolated.node", str(path)]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    node = await asyncio.create_subprocess_exec(*command, env=environ)
    try:
        (pid,) = await begun(path)
    finally:
        node.kill()
        await node.wait()
    await eventually(lambda: not lives(pid))


class Now:
    """The machine's clock: processes take real time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def asked_for(store: MemoryStore, **context: Any) -> Run:
    """A run that somebody asked for now."""
    added = store.add_schedule(schedule(HOURLY, context=context))
    return store.trigger_run(added.schedule_id, ManualRun(request_id="now"))
