"""Tasks as registered functions: what a run calls, and how its task hears of it."""

from __future__ import annotations

import inspect
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from django.tasks import DEFAULT_TASK_QUEUE_NAME, TaskContext, TaskResult, TaskResultStatus
from django.tasks.exceptions import InvalidTask
from django.tasks.signals import task_finished, task_started
from django.utils.json import normalize_json

from clockwright.contrib.django_tasks.types import AnyContext, AnyResult, AnyTask
from clockwright.engine.clock import utc_now
from clockwright.engine.ids import created_at
from clockwright.engine.ports import RunContext
from clockwright.engine.registry import Function, default_registry

KEY_PREFIX: Final = "task:"
_RUN: Final = "clockwright_run"


def key_of(task: AnyTask) -> str:
    """Under which a task's function is registered: where it is defined, as it is known to every process."""
    return f"{KEY_PREFIX}{task.module_path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the functions of a backend's tasks have in common."""

    max_retries: int = 0
    timeout: timedelta | None = None


def register_task(task: AnyTask, settings: Registered | None = None) -> Function:
    """The function of a task, registered with its first mention; `settings` None: as its backend says, if it is ours.

    Raises InvalidTask for another queue than was said first.
    """
    queue = None if task.queue_name == DEFAULT_TASK_QUEUE_NAME else task.queue_name
    known = default_registry.get(key_of(task))
    if known is None:
        found = settings or Registered()
        return default_registry.register(
            Function(
                key=key_of(task),
                call=_call_of(task),
                queue=queue,
                max_retries=found.max_retries,
                timeout=found.timeout,
                signature=_signature(task),
                context_parameter=_RUN,
            )
        )
    if known.queue != queue:
        raise InvalidTask(
            f"{task.module_path}: its queue is {known.queue or DEFAULT_TASK_QUEUE_NAME!r} and cannot be "
            f"{task.queue_name!r} too; say it in @task(queue_name=…)"
        )
    return known


def task_of(function: Function | None) -> AnyTask | None:
    """The task behind a function, or None."""
    return getattr(function.call, "task", None) if function is not None else None


def _signature(task: AnyTask) -> inspect.Signature:
    """What is stored of a call: the function's own parameters, without the context."""
    own = list(inspect.signature(task.func).parameters.values())
    if task.takes_context:
        own = own[1:]
    run = inspect.Parameter(_RUN, inspect.Parameter.KEYWORD_ONLY, annotation=RunContext)
    place = len(own) - bool(own and own[-1].kind is inspect.Parameter.VAR_KEYWORD)
    return inspect.Signature([*own[:place], run, *own[place:]])


def _call_of(task: AnyTask) -> Callable[..., Any]:
    """The task's function as an engine calls it, which tells Django's signals of its begin and end."""
    sender = type(task.get_backend())

    def begun(run: RunContext, args: Any, kwargs: Any) -> tuple[AnyResult, list[AnyContext]]:
        result = _running(task, run, list(args), kwargs)
        return result, [TaskContext(task_result=result)] if task.takes_context else []

    def call(*args: Any, clockwright_run: RunContext, **kwargs: Any) -> Any:
        result, lead = begun(clockwright_run, args, kwargs)
        task_started.send(sender, task_result=result)
        try:
            value = normalize_json(task.func(*lead, *args, **kwargs))
        except BaseException:
            task_finished.send(sender, task_result=_ended(result, TaskResultStatus.FAILED))
            raise
        task_finished.send(sender, task_result=_ended(result, TaskResultStatus.SUCCESSFUL, value))
        return value

    async def acall(*args: Any, clockwright_run: RunContext, **kwargs: Any) -> Any:
        result, lead = begun(clockwright_run, args, kwargs)
        await task_started.asend(sender, task_result=result)
        try:
            value = normalize_json(await task.func(*lead, *args, **kwargs))
        except BaseException:
            await task_finished.asend(sender, task_result=_ended(result, TaskResultStatus.FAILED))
            raise
        await task_finished.asend(
            sender, task_result=_ended(result, TaskResultStatus.SUCCESSFUL, value)
        )
        return value

    made: Any = acall if inspect.iscoroutinefunction(task.func) else call
    made.__module__, made.__qualname__ = task.func.__module__, task.func.__qualname__
    made.task = task
    return made  # type: ignore[no-any-return]


def _running(task: AnyTask, run: RunContext, args: list[Any], kwargs: dict[str, Any]) -> AnyResult:
    """The result as it stands while the function runs; `attempt` counts its worker ids."""
    return TaskResult(
        task=task,
        id=str(run.run_id),
        status=TaskResultStatus.RUNNING,
        enqueued_at=created_at(run.run_id),
        started_at=run.triggered_at,
        last_attempted_at=run.triggered_at,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=task.backend,
        errors=[],
        worker_ids=[f"{socket.gethostname()}:{os.getpid()}"] * run.attempt,
    )


def _ended(result: AnyResult, status: TaskResultStatus, value: Any = None) -> AnyResult:
    ended = replace(result, status=status, finished_at=utc_now())
    object.__setattr__(ended, "_return_value", value)
    return ended
