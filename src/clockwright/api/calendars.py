"""`/calendars`: which days are business days, by name."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Router, Status

from clockwright.access.callers import Right
from clockwright.api.calendar_schemas import (
    Calendar,
    CalendarName,
    CalendarRemoved,
    Calendars,
    CalendarSaved,
    PutCalendar,
)
from clockwright.api.security import caller_of, needs
from clockwright.schedules import calendars
from clockwright.schedules.calendars import calendar_document

router = Router(tags=["calendars"])

Name = Annotated[CalendarName, Path()]
_EDIT = needs(Right.EDIT)


@router.get("", response=Calendars, operation_id="list_calendars", summary="List calendars")
def list_calendars(request: HttpRequest) -> dict[str, Any]:
    """The calendars of the token's community, by name."""
    rows = calendars.list_calendars(caller_of(request))
    return {"items": [calendar_document(row) for row in rows], "next": None}


@router.get("/{name}", response=Calendar, operation_id="get_calendar", summary="Get a calendar")
def get_calendar(request: HttpRequest, name: Name) -> dict[str, Any]:
    """One calendar as it is kept."""
    return calendar_document(calendars.get_calendar(caller_of(request), name))


@router.put(
    "/{name}",
    response={200: CalendarSaved, 201: CalendarSaved},
    operation_id="put_calendar",
    summary="Make or replace a calendar",
    openapi_extra=_EDIT,
)
def put_calendar(request: HttpRequest, name: Name, body: PutCalendar) -> Status[dict[str, Any]]:
    """Replace it whole. Every schedule that has a calendar of that name is changed with it; `schedules` says which."""
    caller = caller_of(request, Right.EDIT)
    data = body.model_dump(exclude={"version"}, exclude_unset=True)
    put = calendars.put_calendar(caller, name, data, body.version)
    told = {**calendar_document(put.row), "schedules": [str(one) for one in put.schedules]}
    return Status(201 if put.created else 200, told)


@router.delete(
    "/{name}",
    response=CalendarRemoved,
    operation_id="remove_calendar",
    summary="Remove a calendar",
    openapi_extra=_EDIT,
)
def delete_calendar(request: HttpRequest, name: Name) -> dict[str, Any]:
    """Keep it no longer; refused while a schedule has it."""
    calendars.remove_calendar(caller_of(request, Right.EDIT), name)
    return {"status": "removed", "name": name}
