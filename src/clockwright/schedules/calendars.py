"""Calendars that a community keeps: put, read, remove.

A schedule holds its calendar as a value (ADR 0013). So a changed calendar is brought to each schedule that has one of
its name, as an amendment like any other: the old rule is settled first, one transaction and one audit entry a schedule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.access.store import is_community
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.recurrence import RecurrenceError, calendar_from_json, from_json
from clockwright.recurrence.calendars import is_calendar_name
from clockwright.schedules import commands, selectors, stores
from clockwright.schedules.calendar_names import calendars_in, is_named, replaced
from clockwright.schedules.drafts import Change
from clockwright.schedules.errors import (
    CalendarNotFoundException,
    InvalidScheduleException,
    ScheduleConflictException,
)

if TYPE_CHECKING:
    from clockwright.schedules.calendar_models import ScheduleCalendar
    from clockwright.schedules.models import Schedule

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """What came of putting a calendar: its row, whether it is new, and the schedules that were changed by it."""

    row: ScheduleCalendar
    created: bool
    schedules: Sequence[UUID]


def put_calendar(
    caller: Caller, name: str, data: Mapping[str, Any], version: int | None = None
) -> Put:
    """Keep a calendar under a name, and bring it to every schedule that has one of that name.

    `data` is the calendar as JSON, without its name. `version`: refuse unless it still has that one. Where a schedule
    would never fire again nothing is changed. Putting the same again finishes what was interrupted. Needs an operator.
    """
    policy.require(caller, Right.EDIT)
    calendar = _calendar(name, data)

    def work() -> tuple[ScheduleCalendar, bool]:
        row = selectors.lock_calendar(caller.community, name)
        if version not in (None, row.version if row else 0):
            raise ScheduleConflictException(
                f"version: the calendar is at version {row.version if row else 0}; read it again"
            )
        for schedule in _users(caller, name):
            _check(schedule, name, calendar)
        return _written(caller, name, row, calendar), row is None

    row, created = stores.in_transaction(work)
    users = [schedule.schedule_id for schedule in _users(caller, name)]
    changed = [schedule_id for schedule_id in users if _bring(caller, schedule_id, name)]
    return Put(row=row, created=created, schedules=changed)


def get_calendar(caller: Caller, name: str) -> ScheduleCalendar:
    """The calendar of a name; raises CalendarNotFoundException."""
    row = selectors.find_calendar(caller.community, name)
    if row is None:
        raise CalendarNotFoundException(name)
    return row


def list_calendars(caller: Caller) -> list[ScheduleCalendar]:
    """The community's calendars by name."""
    return selectors.calendars_of(caller.community)


def remove_calendar(caller: Caller, name: str) -> ScheduleCalendar:
    """Keep it no longer; refused while a schedule has it. Needs an operator."""
    policy.require(caller, Right.EDIT)

    def work() -> ScheduleCalendar:
        row = selectors.lock_calendar(caller.community, name)
        if row is None:
            raise CalendarNotFoundException(name)
        users = [schedule.key or str(schedule.schedule_id) for schedule in _users(caller, name)]
        if users:
            counted = "1 schedule" if len(users) == 1 else f"{len(users)} schedules"
            told = ", ".join(users[:_NAMED]) + (", …" if len(users) > _NAMED else "")
            raise ScheduleConflictException(
                f"calendar: {name} is used by {counted}: {told}; change or remove what uses it first"
            )
        stores.delete_calendar(row)
        _record(caller, Action.CALENDAR_REMOVE, name, version=row.version)
        return row

    return stores.in_transaction(work)


def calendar_document(row: ScheduleCalendar) -> dict[str, Any]:
    """A calendar as every entrance shows it."""
    lists = {key: row.data.get(key, []) for key in _LISTS}
    return {
        "name": row.name,
        **lists,
        "version": row.version,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


_LISTS = ("weekend", "holidays", "yearly", "easter", "nth_weekdays")


def _calendar(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    if not is_calendar_name(name):
        raise InvalidScheduleException.of(
            "/name", f"name: {name[:80]!r} is not a name; give 1 to 64 letters, digits and ._-"
        )
    try:
        return calendar_from_json({**data, "name": name}).to_json()
    except RecurrenceError as error:
        raise InvalidScheduleException.of(f"/{error.field or ''}", str(error)) from error


def _users(caller: Caller, name: str) -> list[Schedule]:
    """The schedules that live and have a calendar of that name."""
    return [
        row
        for row in selectors.living_schedules_with(caller.community, name)
        if any(is_named(calendar, name) for calendar in calendars_in(row.recurrence))
    ]


def _changed(schedule: Schedule, name: str, calendar: Mapping[str, Any]) -> Any:
    return replaced(schedule.recurrence, lambda given: calendar if is_named(given, name) else given)


def _check(schedule: Schedule, name: str, calendar: Mapping[str, Any]) -> None:
    """Raises InvalidScheduleException where the schedule could not live with the calendar."""
    known = schedule.key or schedule.schedule_id
    try:
        rule = from_json(_changed(schedule, name, calendar))
    except RecurrenceError as error:
        raise InvalidScheduleException.of("", f"schedule {known}: {error}") from error
    if rule.next_after(stores.sql_store().now()) is None:
        raise InvalidScheduleException.of(
            "", f"schedule {known} would never fire again; change or remove it first"
        )


def _written(
    caller: Caller, name: str, row: ScheduleCalendar | None, calendar: dict[str, Any]
) -> ScheduleCalendar:
    if row is None:
        if not is_community(caller.community):
            raise InvalidScheduleException.of(
                "/community_id", f"community_id: there is no community {caller.community!r}"
            )
        row = stores.make_calendar(caller.community, calendar)
        _record(caller, Action.CALENDAR_PUT, name, version=1, after=calendar)
    elif row.data != calendar:
        before = row.data
        stores.change_calendar(row, calendar)
        _record(
            caller, Action.CALENDAR_PUT, name, version=row.version, before=before, after=calendar
        )
    return row


def _bring(caller: Caller, schedule_id: UUID, name: str) -> bool:
    """Amend a schedule by the calendar as it is now; whether there was something to amend."""

    def work() -> bool:
        kept = selectors.lock_calendar(caller.community, name)
        schedule = selectors.lock_schedule(caller.community, schedule_id)
        if kept is None or schedule is None or schedule.status not in selectors.LIVING:
            return False
        rule = _changed(schedule, name, kept.data)
        if rule == schedule.recurrence:
            return False
        commands.update_schedule(caller, schedule_id, Change(config={"recurrence": rule}))
        return True

    return stores.in_transaction(work)


def _record(caller: Caller, action: Action, name: str, **facts: Any) -> None:
    trail.record(Category.AUDIT, action, caller=caller, calendar=name, **facts)
