"""The schedule service of documents 1 and 3 (S1-32…36, S4-01…23, R22): async methods over the synchronous commands.

May be imported before Django is set up; the first call then sets it up by DJANGO_SETTINGS_MODULE. No method runs a
query on the event loop: everything blocking goes through `offload`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import UUID

from clockwright.engine.model import ScheduleStatus
from clockwright.engine.offload import offload
from clockwright.schedules import foresight, setup
from clockwright.schedules.errors import (
    InvalidCronExpression,
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
    ScheduleServiceException,
)
from clockwright.schedules.kinds import ScheduleType

if TYPE_CHECKING:
    from clockwright.access.callers import Caller
    from clockwright.audit.actions import Action, Category
    from clockwright.engine.engine import Engine
    from clockwright.engine.ports import RunContext, WorkflowResolver
    from clockwright.schedules.catalog import Catalog
    from clockwright.schedules.conf import EngineSettings
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


class ExecutesWorkflows(Protocol):
    """A workflow engine of the host's own: `execute_workflow(workflow_id, trigger_data)` is called for each run."""

    async def execute_workflow(
        self, workflow_id: UUID, trigger_data: Mapping[str, Any], context: RunContext | None = None
    ) -> Any:
        """Execute it; what it returns, or the `output` of what it returns, is the run's result."""


class ScheduleService:
    """Durable schedules for an asyncio program.

    `dal`: kept for those who ask for it; the database is Django's. `workflow_engine`: what runs execute; None means
    the registered functions. `grace_period_minutes`: how late the schedules added here may start unless they say so.
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
        self.logger.debug("schedule service made, grace period %s minutes", grace_period_minutes)

    # life

    @property
    def _is_running(self) -> bool:
        """Whether this service's engine runs (S4-90)."""
        return self._engine is not None and self._engine.is_running

    @property
    def _active_schedules(self) -> ActiveSchedules:
        """The active schedules, read when looked at (S4-91)."""
        setup.ensure_django()
        from clockwright.schedules.views import ActiveSchedules

        return ActiveSchedules()

    @property
    def scheduler(self) -> SchedulerView:
        """`.running` and `.get_jobs()`, read when looked at (S4-92)."""
        setup.ensure_django()
        from clockwright.schedules.views import SchedulerView

        return SchedulerView(lambda: self._is_running)

    async def start_scheduler(self) -> bool:
        """Start an engine on this event loop; what is active in the database is thereby loaded (S4-08).

        False, with a warning, when it runs already. Raises ScheduleServiceException when it cannot start, such as
        without a database (C-13).
        """
        async with self._starting:
            if self._is_running:
                self.logger.warning("the scheduler is running already")
                return False
            try:
                await self._start()
            except Exception as error:
                self.logger.exception("the scheduler cannot be started")
                raise ScheduleServiceException(
                    f"Failed to start scheduler: {type(error).__name__}: {error}"
                ) from error
            return True

    async def stop_scheduler(self, deadline: float = 30.0) -> bool:
        """Claim nothing more and let running work finish for `deadline` seconds (S4-09); False when it did not run."""
        async with self._starting:
            engine, self._engine = self._engine, None
            if engine is None or not engine.is_running:
                return False
            await engine.stop(deadline)
        if self._errands:
            await asyncio.wait(self._errands, timeout=deadline)
        return True

    async def _start(self) -> None:
        await offload(setup.ensure_django)
        from clockwright.schedules import engines

        await offload(engines.prepare)
        engine = engines.make_engine(self._resolver())
        await engine.start()
        self._engine = engine

    # changing schedules

    async def add_schedule(
        self,
        workflow_id: UUID | str,
        schedule_config: Mapping[str, Any],
        user_id: str,
        community_id: str,
        context_data: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        """Make a schedule (S4-10, S4-58); `details` are `key` and `name`. Returns the documented keys and more.

        `workflow_id`: a UUID, or a registered function's key. Raises InvalidScheduleException,
        ScheduleConflictException for a key that is taken.
        """

        def work(caller: Caller) -> dict[str, Any]:
            from clockwright.schedules import catalog, commands
            from clockwright.schedules.documents import schedule_document

            new = commands.NewSchedule(
                workflow=catalog.workflow_reference(workflow_id),
                config=schedule_config,
                context_data=context_data,
                **details,
            )
            row = commands.add_schedule(
                caller, new, catalog=self._catalog(), settings=self._settings()
            )
            return schedule_document(row)

        return await self._told(
            "SCHEDULE_CREATE", partial(_as_caller, work, user_id, community_id), user_id=user_id
        )

    async def update_schedule(
        self,
        schedule_id: UUID | str,
        schedule_config: Mapping[str, Any] | None,
        user_id: str,
        context_data: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Merge a configuration with the schedule's (R29, C-09); raises as `add_schedule`, and not found."""

        def work(caller: Caller, known: UUID) -> dict[str, Any]:
            from clockwright.schedules import commands
            from clockwright.schedules.documents import schedule_document

            change = commands.Change(config=schedule_config, context_data=context_data)
            row = commands.update_schedule(
                caller, known, change, catalog=self._catalog(), settings=self._settings()
            )
            return schedule_document(row)

        return await self._on("SCHEDULE_UPDATE", schedule_id, user_id, work)

    async def remove_schedule(self, schedule_id: UUID | str, user_id: str) -> bool:
        """Deactivate a schedule for good (S4-11); True. Raises ScheduleNotFoundException, also the second time."""

        def work(caller: Caller, known: UUID) -> bool:
            from clockwright.schedules import commands

            commands.remove_schedule(caller, known)
            return True

        return await self._on("SCHEDULE_REMOVE", schedule_id, user_id, work)

    async def pause(
        self, schedule_id: UUID | str, user_id: str, reason: str | None = None
    ) -> dict[str, Any]:
        """Let it fire no more until it is resumed."""

        def work(caller: Caller, known: UUID) -> dict[str, Any]:
            from clockwright.schedules import commands
            from clockwright.schedules.documents import schedule_document

            return schedule_document(commands.pause_schedule(caller, known, reason))

        return await self._on("SCHEDULE_PAUSE", schedule_id, user_id, work)

    async def resume(self, schedule_id: UUID | str, user_id: str) -> dict[str, Any]:
        """Let a paused schedule fire again."""

        def work(caller: Caller, known: UUID) -> dict[str, Any]:
            from clockwright.schedules import commands
            from clockwright.schedules.documents import schedule_document

            return schedule_document(commands.resume_schedule(caller, known))

        return await self._on("SCHEDULE_RESUME", schedule_id, user_id, work)

    async def trigger(
        self,
        schedule_id: UUID | str,
        user_id: str,
        request_id: str | None = None,
        context_data: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Run it now, beside its fire times; the same `request_id` makes one run. Returns the run."""

        def work(caller: Caller, known: UUID) -> dict[str, Any]:
            from clockwright.schedules import commands
            from clockwright.schedules.documents import run_document

            run = commands.trigger_schedule(
                caller, known, request_id, context_data, catalog=self._catalog()
            )
            return run_document(run)

        return await self._on("SCHEDULE_TRIGGER", schedule_id, user_id, work)

    # looking

    async def get_schedule(self, schedule_id: UUID | str) -> dict[str, Any]:
        """A schedule as it stands; raises ScheduleNotFoundException."""

        def work() -> dict[str, Any]:
            from clockwright.schedules.documents import schedule_document

            return schedule_document(_known(schedule_id))

        return await self._offloaded(work)

    async def runs(
        self, schedule_id: UUID | str, limit: int = 50, cursor: str | None = None
    ) -> dict[str, Any]:
        """A page of a schedule's runs, newest first, skipped and missed ones included: `{"items": […], "next"}`."""

        def work() -> dict[str, Any]:
            from clockwright.schedules import selectors
            from clockwright.schedules.documents import run_document

            row = _known(schedule_id)
            most = min(max(limit, 1), selectors.LARGEST_PAGE)
            page = selectors.runs_page(row.community_id, row.schedule_id, most, cursor)
            return {"items": [run_document(run) for run in page.rows], "next": page.next}

        return await self._offloaded(work)

    async def check_due_schedules(self) -> list[dict[str, Any]]:
        """Settle what is due now and trigger it (S4-13, S4-43); does not wait for the runs (S4-41).

        Returns `{schedule_id, workflow_id, execution_id, triggered_at}` for each run, oldest due first. While this
        service's engine runs it executes them, and has usually been faster; otherwise they are executed in the
        background here, unless another node takes them.
        """

        def work() -> list[dict[str, Any]]:
            from clockwright.schedules.checking import settle_now

            return settle_now()

        found = await self._told("CHECK_DUE_SCHEDULES", work)
        if found and not self._is_running:
            errand = asyncio.create_task(self._execute([UUID(run["execution_id"]) for run in found]))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)
        return found

    async def _execute(self, run_ids: list[UUID]) -> None:
        from clockwright.schedules import checking, engines

        try:
            await checking.run_to_the_end(engines.make_engine(self._resolver()), run_ids)
        except Exception:
            # nobody waits for this task; the runs stay queued for the next engine
            self.logger.exception("due runs could not be executed here")

    # before anything is saved

    @staticmethod
    def calculate_next_execution(
        schedule_type: str,
        cron_expression: str | None = None,
        interval_seconds: int | None = None,
        scheduled_time: datetime | str | None = None,
        timezone: str = "UTC",
    ) -> datetime:
        """When such a schedule would fire first, aware, in UTC (S4-14); raises InvalidScheduleException."""
        config = {
            "schedule_type": schedule_type,
            "cron_expression": cron_expression,
            "interval_seconds": interval_seconds,
            "scheduled_time": scheduled_time,
            "timezone": timezone,
        }
        return foresight.next_execution(config)

    @staticmethod
    def preview(cron_expr: str, count: int = 10, tz: str = "UTC") -> list[datetime]:
        """The next `count` (clamped to 1…100) fire times of a cron line, aware, in `tz` (S1-32…36).

        Raises ValueError, with exactly "Invalid cron expression" for a line that is invalid or never fires.
        """
        return foresight.upcoming(cron_expr, count, tz)

    # how it is done

    def _settings(self) -> EngineSettings:
        from clockwright.schedules.conf import engine_settings

        minutes = self.grace_period_minutes
        if minutes is _DEFAULT_GRACE:
            return engine_settings()
        grace = None if minutes is None else timedelta(minutes=minutes)
        return replace(engine_settings(), grace=grace)

    def _catalog(self) -> Catalog:
        from clockwright.schedules.catalog import REGISTERED, OpenCatalog

        return REGISTERED if self.workflow_engine is None else OpenCatalog()

    def _resolver(self) -> WorkflowResolver | None:
        if self.workflow_engine is None:
            return None
        from clockwright.schedules.hosting import HostedWorkflows

        return HostedWorkflows(self.workflow_engine)

    async def _on(
        self,
        action: str,
        schedule_id: UUID | str,
        user_id: str,
        work: Callable[[Caller, UUID], R],
    ) -> R:
        """Do something to a schedule as a user of the community it belongs to."""

        def found() -> R:
            row = _known(schedule_id)
            return _as_caller(
                lambda caller: work(caller, row.schedule_id), user_id, row.community_id
            )

        return await self._told(action, found, user_id=user_id)

    async def _told(self, action: str, work: Callable[[], R], *, user_id: str = "system") -> R:
        """Do it; a failure that is not the caller's is logged as the documents say (S4-48)."""
        try:
            return await self._offloaded(work)
        except ScheduleServiceException as error:
            self._log_failure(action, error, user_id)
            raise

    async def _offloaded(self, work: Callable[[], R]) -> R:
        def with_django() -> R:
            setup.ensure_django()
            return work()

        return await offload(with_django)

    def _log_failure(self, action: str, error: ScheduleServiceException, user_id: str) -> None:
        from clockwright.audit.actions import Action, Category, Result
        from clockwright.audit.trail import log_event

        log_event(
            Category.ERROR,
            Action[action],
            actor=str(user_id),
            result=Result.FAILURE,
            message=error.message,
            status=error.status_code,
        )
