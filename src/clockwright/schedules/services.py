"""The schedule service of documents 1 and 3 (S1-32…36, S4-01…23, R22): async methods over the synchronous commands.

May be imported before Django is set up; the first call then sets it up by DJANGO_SETTINGS_MODULE. No method runs a
query on the event loop: everything blocking goes through `offload`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from django.apps import apps

from clockwright.engine.model import ScheduleStatus
from clockwright.engine.offload import offload
from clockwright.schedules import foresight
from clockwright.schedules.errors import (
    InvalidCronExpression,
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
    ScheduleServiceException,
)
from clockwright.schedules.seam import borrowed
from clockwright.schedules.setup import ensure_django
from clockwright.schedules.store.projection import ScheduleType

if TYPE_CHECKING:
    from clockwright.engine.engine import Engine
    from clockwright.schedules.desk import Desk
    from clockwright.schedules.hosting import ExecutesWorkflows
    from clockwright.schedules.views import ActiveSchedules, SchedulerView

__all__ = [
    "InvalidCronExpression",
    "InvalidScheduleException",
    "ScheduleConflictException",
    "ScheduleNotFoundException",
    "ScheduleService",
    "ScheduleServiceException",
    "ScheduleStatus",
    "ScheduleType",
]

R = TypeVar("R")


class _FromEnvironment(int):
    """The documented default, told from the same number given on purpose: SCHEDULE_GRACE_PERIOD_MINUTES decides."""


_DEFAULT_GRACE: Final = _FromEnvironment(15)


class ScheduleService:
    """Durable schedules for an asyncio program.

    `dal`: kept for those who ask for it; the database is Django's. `workflow_engine`: what runs execute; None means
    the registered functions. `grace_period_minutes`: how late the schedules added here may start unless they say so;
    None means however late.
    """

    def __init__(
        self,
        dal: Any = None,
        workflow_engine: ExecutesWorkflows | None = None,
        grace_period_minutes: float | None = _DEFAULT_GRACE,
        logger_instance: logging.Logger | None = None,
    ) -> None:
        self.dal = dal
        self.workflow_engine = workflow_engine
        self.grace_period_minutes = grace_period_minutes
        self.logger = logger_instance or logging.getLogger("clockwright.schedules")
        self._engine: Engine | None = None
        self._starting = asyncio.Lock()
        self._errands: set[asyncio.Task[None]] = set()
        self._tell_made()

    @property
    def _is_running(self) -> bool:
        """Whether this service's engine runs (S4-90)."""
        return self._engine is not None and self._engine.is_running

    @property
    def _active_schedules(self) -> ActiveSchedules:
        """The active schedules by id, read when looked at (S4-91)."""
        return self._desk().active_schedules()

    @property
    def scheduler(self) -> SchedulerView:
        """`.running` and `.get_jobs()`, read when looked at (S4-92)."""
        return self._desk().scheduler(lambda: self._is_running)

    async def start_scheduler(self) -> bool:
        """Start an engine on this event loop; what is active in the database is thereby loaded (S4-08).

        False, with a warning, when it runs already. Raises ScheduleServiceException when it cannot start, such as
        without a database (C-13).
        """
        async with self._starting:
            if self._is_running:
                self.logger.warning("the scheduler is running already")
                return False
            engine = await self._call("scheduler_start", lambda desk: desk.prepare())
            try:
                await engine.start()
            except Exception as error:
                self.logger.exception("the scheduler cannot be started")
                raise ScheduleServiceException(f"Failed to start scheduler: {error}") from error
            self._engine = engine
            return True

    async def stop_scheduler(self, deadline: float = 30.0) -> bool:
        """Claim nothing more and let running work finish for `deadline` seconds (S4-09); False when it did not run."""
        async with self._starting:
            engine, self._engine = self._engine, None
            was_running = engine is not None and engine.is_running
            if engine is not None and was_running:
                await engine.stop(deadline)
        if self._errands:
            await asyncio.wait(self._errands, timeout=deadline)
        return was_running

    async def add_schedule(
        self,
        workflow_id: UUID | str,
        schedule_config: Mapping[str, Any],
        user_id: object,
        community_id: object,
        context_data: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        """Make a schedule (S4-10, S4-58); `details` are `key` and `name`. Returns the documented keys and more.

        `workflow_id`: a UUID, or a registered function's key. Raises InvalidScheduleException,
        ScheduleConflictException for a key that is taken.
        """
        if unknown := set(details) - {"key", "name"}:
            raise TypeError(f"add_schedule() does not know {', '.join(sorted(unknown))}")

        def work(desk: Desk) -> dict[str, Any]:
            caller = desk.caller(user_id, community_id)
            return desk.add(caller, workflow_id, schedule_config, context_data, details)

        return await self._call("schedule_create", work, user_id)

    async def update_schedule(
        self,
        schedule_id: UUID | str,
        schedule_config: Mapping[str, Any] | None,
        user_id: object,
        context_data: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Merge a configuration with the schedule's (R29, C-09); what is left out stays. Returns the schedule.

        Raises InvalidScheduleException, ScheduleNotFoundException.
        """
        return await self._call(
            "schedule_update",
            lambda desk: desk.update(schedule_id, str(user_id), schedule_config, context_data),
            user_id,
        )

    async def remove_schedule(self, schedule_id: UUID | str, user_id: object) -> bool:
        """Deactivate a schedule for good (S4-11); True. Raises ScheduleNotFoundException, also the second time."""
        return await self._call(
            "schedule_remove", lambda desk: desk.remove(schedule_id, str(user_id)), user_id
        )

    async def pause(
        self, schedule_id: UUID | str, user_id: object, reason: str | None = None
    ) -> dict[str, Any]:
        """Let it fire no more until it is resumed; raises ScheduleNotFoundException."""
        return await self._call(
            "schedule_pause", lambda desk: desk.pause(schedule_id, str(user_id), reason), user_id
        )

    async def resume(self, schedule_id: UUID | str, user_id: object) -> dict[str, Any]:
        """Let a paused schedule fire again; raises ScheduleNotFoundException."""
        return await self._call(
            "schedule_resume", lambda desk: desk.resume(schedule_id, str(user_id)), user_id
        )

    async def trigger(
        self,
        schedule_id: UUID | str,
        user_id: object,
        request_id: str | None = None,
        context_data: Mapping[str, Any] | None = None,
        priority: int | None = None,
    ) -> dict[str, Any]:
        """Run it now, beside its fire times; the same `request_id` makes one run. Returns the run.

        Without `context_data` or `priority` the schedule's own are taken.
        """
        return await self._call(
            "schedule_trigger",
            lambda desk: desk.trigger(
                schedule_id, str(user_id), request_id, context_data, priority
            ),
            user_id,
        )

    async def get_schedule(self, schedule_id: UUID | str) -> dict[str, Any]:
        """A schedule as it stands; raises ScheduleNotFoundException."""
        return await self._call("load_schedules", lambda desk: desk.get(schedule_id))

    async def runs(
        self, schedule_id: UUID | str, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page of a schedule's runs, newest first, skipped and missed ones included: `{"items": […], "next"}`.

        `limit` is clamped to 1…200.
        """
        return await self._call(
            "load_schedules", lambda desk: desk.runs(schedule_id, limit, cursor)
        )

    async def check_due_schedules(self) -> list[dict[str, Any]]:
        """Settle what is due now and trigger it (S4-13, S4-43); does not wait for the runs (S4-41).

        Returns `{schedule_id, workflow_id, execution_id, triggered_at}` for each run, oldest due first. While this
        service's engine runs it executes them, and has usually been faster; otherwise they are executed in the
        background here, unless another node takes them.
        """
        found = await self._call("check_due_schedules", lambda desk: desk.settle())
        if found and not self._is_running:
            run_ids = [UUID(run["execution_id"]) for run in found]
            errand = asyncio.create_task(self._execute(run_ids), name="clockwright due runs")
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)
        return found

    @staticmethod
    def calculate_next_execution(
        schedule_type: str,
        cron_expression: str | None = None,
        interval_seconds: int | None = None,
        scheduled_time: datetime | str | None = None,
        timezone: str = "UTC",
    ) -> datetime:
        """When such a schedule would fire first, aware, in UTC (S4-14); raises InvalidScheduleException."""
        return foresight.next_execution(
            {
                "schedule_type": schedule_type,
                "cron_expression": cron_expression,
                "interval_seconds": interval_seconds,
                "scheduled_time": scheduled_time,
                "timezone": timezone,
            }
        )

    @staticmethod
    def preview(cron_expr: str, count: int = 10, tz: str = "UTC") -> list[datetime]:
        """The next `count` (clamped to 1…100) fire times of a cron line, aware, in `tz` (S1-32…36).

        Raises ValueError, with exactly "Invalid cron expression" for a line that is invalid or never fires.
        """
        return foresight.upcoming(cron_expr, count, tz)

    async def _execute(self, run_ids: list[UUID]) -> None:
        try:
            checking = import_module("clockwright.schedules.checking")
            await checking.run_to_the_end(self._desk().engine(), run_ids)
        except Exception:
            # nobody waits for this task; the runs stay queued for the next engine
            self.logger.exception("due runs could not be executed here")

    async def _call(self, action: str, work: Callable[[Desk], R], user_id: object = "system") -> R:
        """Do it off the loop. A failure is logged with what was tried, and is always one of the documented kinds."""

        def with_desk() -> R:
            desk = self._desk()
            try:
                with borrowed():
                    return work(desk)
            except ScheduleServiceException as error:
                desk.log_failure(action, error, str(user_id))
                raise

        try:
            return await offload(with_desk)
        except ScheduleServiceException:
            raise
        except Exception as error:
            self.logger.exception("%s failed", action)
            raise ScheduleServiceException(
                f"{action} failed: {type(error).__name__}: {error}"
            ) from error

    def _tell_made(self) -> None:
        """The line that the documents promise (S4-49); before Django is set up it has no trail to go to."""
        if apps.ready:
            self._desk().log_made(self.grace_period_minutes)
        else:
            self.logger.info("schedule service made, grace %s min", self.grace_period_minutes)

    def _desk(self) -> Desk:
        """The synchronous half, which needs Django; raises ScheduleServiceException when that is not set up."""
        ensure_django()
        desk: Desk = import_module("clockwright.schedules.desk").Desk(
            self.workflow_engine,
            self.grace_period_minutes,
            is_grace_given=self.grace_period_minutes is not _DEFAULT_GRACE,
        )
        return desk
