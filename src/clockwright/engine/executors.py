"""Running one attempt on this node: coroutines on the loop, plain functions in threads, or in processes of their own.

The listing of `execute` is the specification: resolve, announce (at most once), call under the timeout, judge.
"""

from __future__ import annotations

import asyncio
import contextvars
import traceback as tracebacks
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clockwright.engine.deadlines import Deadlines
from clockwright.engine.model import Claim, Outcome, Policy, Reason, RunState, Start
from clockwright.engine.ports import (
    Handler,
    InvalidPayload,
    InvalidResult,
    LetGo,
    NotRegistered,
    RunContext,
    RunTimedOut,
    WorkflowResolver,
)
from clockwright.engine.processes import FunctionFailed, Processes
from clockwright.engine.retry import is_hopeless, retry_at
from clockwright.engine.spread import stable_fraction

_ERROR_LENGTH = 10_000
_TRACEBACK_LENGTH = 50_000

Announce = Callable[[Start], Awaitable[bool]]
"""Commits an attempt's start before its handler is called; False when the fence is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    state: RunState
    reason: Reason | None = None
    result: Any = None
    error: str | None = None
    traceback: str | None = None
    raised: BaseException | None = None


_SUCCEEDED = _Ending(state=RunState.SUCCEEDED)


class InProcessExecutor:
    """Runs handlers in this process. `timeout` is the node's default for handlers and schedules without their own.

    Cancelling is cooperative: a coroutine is cancelled at its next await; a thread cannot be stopped, so a plain
    function that overruns or is cancelled is recorded so at once and its late return is ignored. One whose handler
    says `process` runs in one of `processes`, if there are any; it is recorded when its process is gone.
    """

    def __init__(
        self,
        resolver: WorkflowResolver,
        *,
        threads: int,
        timeout: timedelta | None,
        announce: Announce,
        processes: Processes | None = None,
    ) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._announce = announce
        self._processes = processes
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="clockwright-run")
        self._calls: dict[int, asyncio.Task[Any]] = {}
        self._asked_to_stop: set[int] = set()
        self._deadlines = Deadlines()

    async def execute(self, claim: Claim, now: Callable[[], datetime]) -> Outcome | None:
        """What the attempt came to; None when it was passed on or put down, or its fence was closed before it began."""
        started_at = now()
        try:
            handler = self._resolver.resolve(claim.workflow_id)
        except Exception as error:  # noqa: BLE001 - a resolver that fails is the run's outcome
            return _outcome(claim, _failed(error), started_at, now())
        if handler is None:
            return _outcome(claim, _unknown(claim), started_at, now())
        if handler.pass_on is not None:
            await handler.pass_on(claim)
            return None
        if handler.at_most_once and not await self._announce(_start(claim, started_at)):
            return None
        try:
            ending = await self._call(handler, claim, started_at)
        except LetGo:
            return None
        return _ended(claim, handler, ending, started_at, now())

    def cancel(self, run_id: UUID) -> None:
        """Ask the running attempt of a run to stop; nothing happens when it has ended."""
        call = self._calls.get(run_id.int)
        if call is not None:
            self._asked_to_stop.add(run_id.int)
            call.cancel()

    async def end_processes(self) -> None:
        """End the worker processes, also those whose calls were cancelled a moment ago; returns when they are gone."""
        if self._processes is not None:
            await self._processes.close()

    def shutdown(self) -> None:
        """Let go of the threads; those that run on are not waited for. Worker processes are killed."""
        if self._processes is not None:
            self._processes.kill()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._deadlines.close()

    async def _call(self, handler: Handler, claim: Claim, started_at: datetime) -> _Ending:
        timeout = claim.policy.timeout or handler.timeout or self._timeout
        run = claim.run_id.int
        task = self._calls[run] = _current_task()
        cancelled_before = task.cancelling()

        def begin() -> None:
            if timeout is not None and self._calls.get(run) is task:  # it may have ended
                self._deadlines.set(task, timeout.total_seconds())

        try:
            result = await self._begin(handler, claim, _context_of(claim, started_at), begin)
        except asyncio.CancelledError as error:
            if self._is_asked_to_stop(run, task):
                task.uncancel()
                return _Ending(state=RunState.CANCELLED, reason=Reason.REQUESTED)
            if self._deadlines.is_over(task):
                task.uncancel()
                why = f"ran longer than {timeout}"
                return _Ending(state=RunState.TIMED_OUT, reason=Reason.TIMEOUT, error=why)
            if task.cancelling() > cancelled_before:
                raise  # the node lets go of the run
            # the handler raised it by itself, from something else it waited for
            return _failed(error)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is the run's outcome
            return _failed(error)
        except (SystemExit, KeyboardInterrupt) as error:
            return _failed(error)
        finally:
            self._deadlines.clear(task)
            if self._calls.get(run) is task:  # else a later attempt has its place
                del self._calls[run]
                self._asked_to_stop.discard(run)
        return _SUCCEEDED if result is None else _Ending(state=RunState.SUCCEEDED, result=result)

    def _is_asked_to_stop(self, run: int, task: asyncio.Task[Any]) -> bool:
        return run in self._asked_to_stop and self._calls.get(run) is task

    def _begin(
        self, handler: Handler, claim: Claim, run: RunContext, begin: Callable[[], None]
    ) -> Awaitable[Any]:
        if handler.process is not None and self._processes is not None:
            return self._processes.call(handler.process, run, claim.args, begin)
        if handler.is_coroutine:
            begin()
            awaitable: Awaitable[Any] = handler.call(run, claim.args)
            return awaitable
        context, loop = contextvars.copy_context(), asyncio.get_running_loop()

        def call() -> Any:
            # only now: every thread may have been held by calls that overran
            loop.call_soon_threadsafe(begin)
            return context.run(handler.call, run, claim.args)

        return loop.run_in_executor(self._pool, call)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:  # pragma: no cover - a coroutine is always run by a task
        raise RuntimeError("an attempt is executed in a task")
    return task


def _context_of(claim: Claim, triggered_at: datetime) -> RunContext:
    return RunContext(
        run_id=claim.run_id,
        attempt=claim.attempt,
        schedule_id=claim.schedule_id,
        scheduled_for=claim.scheduled_for,
        triggered_at=triggered_at,
        trigger=claim.trigger.value,
        community=claim.community,
        context=claim.context,
    )


def _start(claim: Claim, started_at: datetime) -> Start:
    return Start(
        run_id=claim.run_id,
        attempt=claim.attempt,
        node_id=claim.node_id,
        started_at=started_at,
        at_most_once=True,
    )


def _unknown(claim: Claim) -> _Ending:
    why = f"no function or workflow is registered under {claim.workflow_id} in this process"
    return _Ending(state=RunState.FAILED, reason=Reason.UNKNOWN_FUNCTION, error=why)


def _failed(error: BaseException) -> _Ending:
    if isinstance(error, InvalidPayload):
        return _Ending(state=RunState.FAILED, reason=Reason.INVALID_PAYLOAD, error=str(error))
    if isinstance(error, InvalidResult):
        return _Ending(state=RunState.FAILED, reason=Reason.INVALID_RESULT, error=str(error))
    if isinstance(error, NotRegistered):
        return _Ending(state=RunState.FAILED, reason=Reason.UNKNOWN_FUNCTION, error=str(error))
    if isinstance(error, RunTimedOut):
        why = str(error)
        return _Ending(state=RunState.TIMED_OUT, reason=Reason.TIMEOUT, error=why, raised=error)
    if isinstance(error, FunctionFailed):  # its own error is in another process
        why, lines = error.why, error.traceback
    else:
        why = f"{type(error).__name__}: {error}"
        lines = "".join(tracebacks.format_exception(error))
    return _Ending(
        state=RunState.FAILED,
        reason=Reason.ERROR,
        error=why[:_ERROR_LENGTH],
        traceback=lines[-_TRACEBACK_LENGTH:],
        raised=error,
    )


def _capped(policy: Policy, handler: Handler) -> Policy:
    """What starts at most once is not tried again, whatever its schedule says."""
    most = 0 if handler.at_most_once else handler.max_retries
    return policy if most is None else replace(policy, max_retries=min(policy.max_retries, most))


def _ended(
    claim: Claim, handler: Handler, ending: _Ending, started_at: datetime, finished_at: datetime
) -> Outcome:
    if ending.state is RunState.SUCCEEDED:
        return _outcome(claim, ending, started_at, finished_at)
    policy = _capped(claim.policy, handler)
    return _judged(claim, ending, policy, started_at=started_at, finished_at=finished_at)


def _judged(
    claim: Claim, ending: _Ending, policy: Policy, *, started_at: datetime, finished_at: datetime
) -> Outcome:
    """The outcome, as a retry where the policy allows one more try."""
    outcome = _outcome(claim, ending, started_at, finished_at)
    if is_hopeless(policy, ending.raised):
        return outcome
    again = retry_at(
        policy,
        state=ending.state,
        reason=ending.reason,
        tries=claim.retries + 1,
        now=finished_at,
        fraction=stable_fraction(claim.run_id, claim.attempt) if policy.retry_jitter else 0.0,
    )
    return outcome if again is None else replace(outcome, state=RunState.RETRYING, ready_at=again)


def _outcome(claim: Claim, ending: _Ending, started_at: datetime, finished_at: datetime) -> Outcome:
    return Outcome(
        run_id=claim.run_id,
        attempt=claim.attempt,
        node_id=claim.node_id,
        state=ending.state,
        reason=ending.reason,
        started_at=started_at,
        finished_at=finished_at,
        result=ending.result,
        error=ending.error,
        traceback=ending.traceback,
    )
