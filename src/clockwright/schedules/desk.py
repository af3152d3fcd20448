"""What `ScheduleService` does, synchronously and with Django at hand: commands and questions, told as documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from clockwright.access.callers import Caller, Role
from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.trail import log_event
from clockwright.engine.engine import Engine
from clockwright.schedules import checking, commands, engines, selectors
from clockwright.schedules.catalog import REGISTERED, Catalog, OpenCatalog, workflow_reference
from clockwright.schedules.conf import EngineSettings, engine_settings
from clockwright.schedules.documents import run_document, schedule_document
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleNotFoundException,
    ScheduleServiceException,
)
from clockwright.schedules.hosting import ExecutesWorkflows, resolver_of
from clockwright.schedules.views import ActiveSchedules, SchedulerView

R = TypeVar("R")

Document = dict[str, Any]


class Desk:
    """The work of one service. Every method blocks, and raises the errors of `schedules.errors`.

    `grace`: minutes, None for any; only where it was given does it stand above the environment's.
    """

    def __init__(
        self,
        workflow_engine: ExecutesWorkflows | None,
        grace: float | None,
        *,
        is_grace_given: bool,
    ) -> None:
        self._workflow_engine = workflow_engine
        self._grace = grace
        self._is_grace_given = is_grace_given

    def caller(self, user: object, community: object) -> Caller:
        """A user of this program as a caller: the program vouches for both."""
        return Caller(actor=str(user), community=str(community), role=Role.OPERATOR)

    def prepare(self) -> Engine:
        """See that the database is there and write what code wants; an engine that has not started."""
        engines.prepare()
        return self.engine()

    def engine(self) -> Engine:
        """An engine for this service's workflows."""
        hosted = self._workflow_engine
        return engines.make_engine(None if hosted is None else resolver_of(hosted))

    def add(
        self,
        caller: Caller,
        workflow: UUID | str,
        config: Mapping[str, Any],
        context: Mapping[str, Any] | None,
        details: Mapping[str, Any],
    ) -> Document:
        """See `ScheduleService.add_schedule`."""
        new = commands.NewSchedule(
            workflow=workflow_reference(workflow), config=config, context_data=context, **details
        )
        row = commands.add_schedule(caller, new, catalog=self._catalog, settings=self._settings)
        return schedule_document(row)

    def update(
        self,
        schedule_id: UUID | str,
        user: str,
        config: Mapping[str, Any] | None,
        context: Mapping[str, Any] | None,
    ) -> Document:
        """See `ScheduleService.update_schedule`."""
        caller, known = self._owner(schedule_id, user)
        change = commands.Change(config=config, context_data=context)
        row = commands.update_schedule(
            caller, known, change, catalog=self._catalog, settings=self._settings
        )
        return schedule_document(row)

    def remove(self, schedule_id: UUID | str, user: str) -> bool:
        """See `ScheduleService.remove_schedule`."""
        commands.remove_schedule(*self._owner(schedule_id, user))
        return True

    def pause(self, schedule_id: UUID | str, user: str, reason: str | None) -> Document:
        """See `ScheduleService.pause`."""
        return schedule_document(commands.pause_schedule(*self._owner(schedule_id, user), reason))

    def resume(self, schedule_id: UUID | str, user: str) -> Document:
        """See `ScheduleService.resume`."""
        return schedule_document(commands.resume_schedule(*self._owner(schedule_id, user)))

    def trigger(
        self,
        schedule_id: UUID | str,
        user: str,
        request_id: str | None,
        context: Mapping[str, Any] | None,
        priority: int | None,
    ) -> Document:
        """See `ScheduleService.trigger`."""
        caller, known = self._owner(schedule_id, user)
        run = commands.trigger_schedule(
            caller, known, request_id, context, priority=priority, catalog=self._catalog
        )
        return run_document(run)

    def get(self, schedule_id: UUID | str) -> Document:
        """See `ScheduleService.get_schedule`."""
        row = selectors.find_schedule(None, _uuid(schedule_id))
        if row is None:
            raise ScheduleNotFoundException(schedule_id)
        return schedule_document(row)

    def runs(self, schedule_id: UUID | str, limit: int, cursor: str | None) -> Document:
        """See `ScheduleService.runs`."""
        row = selectors.find_schedule(None, _uuid(schedule_id))
        if row is None:
            raise ScheduleNotFoundException(schedule_id)
        try:
            most = min(max(int(limit), 1), selectors.LARGEST_PAGE)
            page = selectors.runs_page(row.community_id, row.schedule_id, most, cursor)
        except (TypeError, ValueError) as error:
            raise InvalidScheduleException.of(
                "/cursor", f"limit is a whole number, cursor is the `next` of a page: {error}"
            ) from error
        return {"items": [run_document(run) for run in page.rows], "next": page.next}

    def settle(self) -> list[Document]:
        """See `ScheduleService.check_due_schedules`."""
        return checking.settle_now()

    def active_schedules(self) -> ActiveSchedules:
        """A view of what is active."""
        return ActiveSchedules()

    def scheduler(self, is_running: Callable[[], bool]) -> SchedulerView:
        """A view of the jobs."""
        return SchedulerView(is_running)

    def log_made(self, grace: float | None) -> None:
        """The line that the documents promise (S4-49)."""
        log_event(
            Category.SYSTEM,
            Action.SERVICE_INIT,
            message="schedule service made",
            grace_period_minutes=grace,
        )

    def log_failure(self, action: str, error: ScheduleServiceException, user: str) -> None:
        """The line that the documents promise (S4-48)."""
        log_event(
            Category.ERROR,
            Action(action),
            actor=user,
            result=Result.FAILURE,
            message=error.message,
            status=error.status_code,
        )

    @property
    def _catalog(self) -> Catalog:
        return REGISTERED if self._workflow_engine is None else OpenCatalog()

    @property
    def _settings(self) -> EngineSettings:
        if not self._is_grace_given:
            return engine_settings()
        grace = None if self._grace is None else timedelta(minutes=self._grace)
        return replace(engine_settings(), grace=grace)

    def _owner(self, schedule_id: UUID | str, user: str) -> tuple[Caller, UUID]:
        """The user in the community that the schedule belongs to: never one that a caller names (B3.5)."""
        row = selectors.find_schedule(None, _uuid(schedule_id))
        if row is None:
            raise ScheduleNotFoundException(schedule_id)
        return self.caller(user, row.community_id), row.schedule_id


def _uuid(schedule_id: UUID | str) -> UUID:
    try:
        return schedule_id if isinstance(schedule_id, UUID) else UUID(str(schedule_id))
    except ValueError:
        raise ScheduleNotFoundException(schedule_id) from None
