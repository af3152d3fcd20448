"""`/schedules/{schedule_id}/backfills`: the fire times of a past range, run after all."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Header, Query, Router, Status

from clockwright.access.callers import Right
from clockwright.api import selectors
from clockwright.api.backfill_schemas import (
    Backfill,
    Backfills,
    ForeseenBackfill,
    StartBackfill,
)
from clockwright.api.errors import ReusedKey
from clockwright.api.idempotency import RequestKey, request_id_of
from clockwright.api.paging import BadCursor
from clockwright.api.schemas import PageQuery
from clockwright.api.security import caller_of, needs
from clockwright.schedules import backfills
from clockwright.schedules.documents import backfill_document, foreseen_document
from clockwright.schedules.errors import ScheduleNotFoundException
from clockwright.schedules.selectors import backfill_counts, backfills_page

router = Router(tags=["schedules"])

_EXECUTE = needs(Right.EXECUTE)
_SENT_ONCE = frozenset({"dry_run", "request_id"})


@router.post(
    "/{schedule_id}/backfills",
    response={200: ForeseenBackfill, 202: Backfill},
    by_alias=True,
    operation_id="start_backfill",
    summary="Run a past range",
    openapi_extra={**_EXECUTE, "x-idempotent": True},
)
def start_backfill(
    request: HttpRequest,
    schedule_id: UUID,
    body: StartBackfill,
    response: HttpResponse,
    idempotency_key: Annotated[RequestKey | None, Header(alias="Idempotency-Key")] = None,
) -> Status[dict[str, Any]]:
    """Have the fire times of a past range run that did not, also while the schedule is paused.

    With `dry_run` nothing is saved, and the answer says what would become of each. The same `Idempotency-Key` (or
    `request_id`) makes one backfill, however often it is sent.
    """
    caller = caller_of(request)
    asked = body.model_dump(by_alias=True, exclude=set(_SENT_ONCE))
    if body.dry_run:
        foreseen = backfills.foresee_backfill(caller, schedule_id, asked)
        return Status(200, foreseen_document(foreseen))
    request_id = request_id_of(body.request_id, idempotency_key)
    made = backfills.start_backfill(caller, schedule_id, asked, request_id)
    if request_id is not None and not backfills.is_answer(made, asked):
        raise ReusedKey(request_id)
    response.headers["Location"] = reverse(
        "clockwright-api:get_backfill",
        kwargs={"schedule_id": schedule_id, "backfill_id": made.backfill_id},
    )
    return Status(202, _told(made))


@router.get(
    "/{schedule_id}/backfills",
    response=Backfills,
    by_alias=True,
    operation_id="list_backfills",
    summary="List a schedule's backfills",
)
def list_backfills(
    request: HttpRequest, schedule_id: UUID, query: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    """Asked for last first, with how far each is; also of a schedule that is removed by now."""
    community = caller_of(request).community
    try:
        page = backfills_page(community, schedule_id, query.limit, query.cursor)
    except ValueError as error:
        raise BadCursor("this is no cursor of this list: take it from `next`") from error
    if not page.rows and not selectors.is_schedule(community, schedule_id):
        raise ScheduleNotFoundException(schedule_id)
    counts = backfill_counts([row.backfill_id for row in page.rows])
    items = [backfill_document(row, counts[row.backfill_id]) for row in page.rows]
    return {"items": items, "next": page.next}


@router.get(
    "/{schedule_id}/backfills/{backfill_id}",
    response=Backfill,
    by_alias=True,
    operation_id="get_backfill",
    url_name="get_backfill",
    summary="Get a backfill",
)
def get_backfill(request: HttpRequest, schedule_id: UUID, backfill_id: UUID) -> dict[str, Any]:
    """One backfill, and how far it is."""
    return _told(backfills.find_backfill(caller_of(request), schedule_id, backfill_id))


@router.post(
    "/{schedule_id}/backfills/{backfill_id}/cancel",
    response=Backfill,
    by_alias=True,
    operation_id="cancel_backfill",
    summary="Cancel a backfill",
    openapi_extra=_EXECUTE,
)
def cancel_backfill(request: HttpRequest, schedule_id: UUID, backfill_id: UUID) -> dict[str, Any]:
    """Make no more of it and cancel its runs that have not begun; one that has ended stays as it is."""
    return _told(backfills.cancel_backfill(caller_of(request), schedule_id, backfill_id))


def _told(row: Any) -> dict[str, Any]:
    return backfill_document(row, backfill_counts([row.backfill_id])[row.backfill_id])
