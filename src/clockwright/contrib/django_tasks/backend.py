"""The backend: enqueueing is inserting a run without a schedule, and a result is what the ledger says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import TaskResultDoesNotExist
from django.tasks.signals import task_enqueued
from django.utils.json import normalize_json

from clockwright.contrib.django_tasks.functions import Registered, register_task, task_of
from clockwright.contrib.django_tasks.store import TaskRuns, Turn, result_of
from clockwright.contrib.django_tasks.types import AnyResult, AnyTask
from clockwright.engine.registry import default_registry
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.reading import read_context, read_json

_OPTIONS: Final = frozenset({"MAX_RETRIES", "TIMEOUT_SECONDS", "COMMUNITY", "DATABASE"})


class ClockwrightBackend(BaseTaskBackend):
    """Tasks as runs of the ledger, executed by any engine on the database.

    OPTIONS: `MAX_RETRIES` (0) after a failure; `TIMEOUT_SECONDS` (the node's) of an attempt; `COMMUNITY` (default);
    `DATABASE` (default), an alias. A task's priority is its run's: of those that wait the highest starts first.
    A queue other than `default` is the name of a Celery queue, where `clockwright.contrib.celery` is installed.
    """

    supports_defer = True
    supports_async_task = True
    supports_get_result = True
    supports_priority = True

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        super().__init__(alias, params)
        unknown = sorted(set(self.options) - _OPTIONS)
        if unknown:
            raise ImproperlyConfigured(
                f"TASKS[{alias!r}]['OPTIONS']: {', '.join(unknown)} is not known; "
                f"there are {', '.join(sorted(_OPTIONS))}"
            )
        seconds = self.options.get("TIMEOUT_SECONDS")
        self._registered = Registered(
            max_retries=int(self.options.get("MAX_RETRIES", 0)),
            timeout=None if seconds is None else timedelta(seconds=seconds),
        )
        self._community = str(self.options.get("COMMUNITY", "default"))
        self._database = str(self.options.get("DATABASE", "default"))

    def validate_task(self, task: AnyTask) -> None:
        """As Django does; then the engines of this process know the task."""
        super().validate_task(task)
        register_task(task, self._registered)

    def enqueue(  # type: ignore[override]
        self, task: AnyTask, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> AnyResult:
        """Insert a run, in the caller's transaction if there is one.

        Raises TypeError for arguments that are not JSON or do not fit the function, ValueError for too many bytes.
        """
        self.validate_task(task)
        function = register_task(task, self._registered)
        stored: Any = normalize_json(list(args))
        named: Any = normalize_json(dict(kwargs))
        why = function.payload_error(stored, named)
        if why is not None:
            raise TypeError(f"{task.module_path}: {why}")
        try:
            read_json(stored, "/args"), read_context(named, "/kwargs")
        except InvalidScheduleException as error:
            raise ValueError(f"{task.module_path}: {error.message}") from error
        row = self._runs().insert(
            function.workflow_id,
            community=self._community,
            args=stored,
            context=named,
            when=Turn(run_after=task.run_after, priority=task.priority),
        )
        result = result_of(row, task, self.alias)
        task_enqueued.send(type(self), task_result=result)
        return result

    def get_result(self, result_id: str) -> AnyResult:
        """What the ledger says of a run of a task, periodic ones included; raises TaskResultDoesNotExist."""
        try:
            run_id = UUID(str(result_id))
        except ValueError:
            raise TaskResultDoesNotExist(result_id) from None
        row = self._runs().find(run_id)
        task = None if row is None else task_of(default_registry.by_workflow(row.workflow_id))
        if row is None or task is None or row.community_id != self._community:
            raise TaskResultDoesNotExist(result_id)
        return result_of(row, task, self.alias)

    def _runs(self) -> TaskRuns:
        return TaskRuns(self._database)
