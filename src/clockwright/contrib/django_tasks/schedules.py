"""`@periodic`: a schedule for a task, which is what Django's tasks lack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.tasks import Task

from clockwright.contrib.django_tasks.functions import key_of, register_task
from clockwright.contrib.django_tasks.types import AnyTask
from clockwright.engine.registry import Function, default_registry, rule_of
from clockwright.recurrence import Recurrence, RecurrenceError


def periodic(
    *,
    cron: str | None = None,
    every: timedelta | None = None,
    recurrence: Recurrence | None = None,
    tz: str = "UTC",
    key: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Callable[[AnyTask], AnyTask]:
    """Have a task run at the times of a rule, without arguments; to be written above `@task`.

    Give one of `cron` (a line), `every` and `recurrence`. `key`: the schedule's, by default that of the task's
    function; `options`: further schedule_config keys. The schedule is written when an engine starts, as one of `@job`
    is. Raises RecurrenceError for a bad rule, ValueError where none or two are given, TypeError for what is no task
    or needs arguments. The task is returned unchanged.
    """

    def decorate(task: AnyTask) -> AnyTask:
        if not isinstance(task, Task):
            raise TypeError(f"@periodic goes above @task: {task!r} is no task")
        rule = rule_of(task.module_path, cron=cron, every=every, recurrence=recurrence, tz=tz)
        function = _checked(task, rule)
        scheduled = replace(
            function,
            recurrence=rule,
            schedule_key=key or key_of(task),
            options=dict(options or {}),
        )
        default_registry.register(scheduled)
        return task

    return decorate


def _checked(task: AnyTask, rule: Recurrence | None) -> Function:
    """The task as a function that a schedule can call."""
    place = f"@periodic on {task.module_path}"
    if rule is None:
        raise ValueError(f"{place}: give cron, every or recurrence")
    if not rule.is_possible():
        raise RecurrenceError(f"{place}: {rule!r} never fires; choose another day")
    function = register_task(task)
    why = function.payload_error((), {})
    if why is not None:
        raise TypeError(f"{place}: it is called without arguments: {why}")
    return function
