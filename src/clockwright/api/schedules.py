"""`/schedules`: what runs when. Thin: `commands` changes, `selectors` reads, `errors` says what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Body, Header, Query, Router, Status

from clockwright.access.callers import Right
from clockwright.api import selectors
from clockwright.api.bodies import run_body, schedule_body
from clockwright.api.errors import ReusedKey, Unacceptable
from clockwright.api.idempotency import RequestKey, is_alike, request_id_of
from clockwright.api.paging import Page
from clockwright.api.problems import FieldError
from clockwright.api.schemas import (
    ChangeSchedule,
    CreateSchedule,
    PageQuery,
    Removed,
    ReplaceSchedule,
    Run,
    RunQuery,
    Runs,
    Schedule,
    ScheduleQuery,
    Schedules,
    TriggerSchedule,
    WorkflowSchedules,
)
from clockwright.api.security import caller_of, needs
from clockwright.schedules import commands
from clockwright.schedules.drafts import Change, NewSchedule
from clockwright.schedules.errors import ScheduleNotFoundException
from clockwright.schedules.selectors import find_schedule

router = Router(tags=["schedules"])

_EDIT = needs(Right.EDIT)


@router.post(
    "",
    response={201: Schedule},
    operation_id="create_schedule",
    summary="Create a schedule",
    openapi_extra=_EDIT,
)
def create_schedule(
    request: HttpRequest, body: CreateSchedule, response: HttpResponse
) -> Status[dict[str, Any]]:
    """Make a schedule in the token's community (S4-84). `Location` says where it is."""
    caller = caller_of(request)
    row = commands.add_schedule(
        caller,
        NewSchedule(
            workflow=_workflow(body),
            config=body.schedule_config,
            context_data=body.context_data,
            key=body.key,
            name=body.name or "",
        ),
    )
    response.headers["Location"] = reverse(
        "clockwright-api:get_schedule", kwargs={"schedule_id": row.schedule_id}
    )
    return Status(201, schedule_body(row))


def _workflow(body: CreateSchedule) -> UUID | str:
    match body.workflow_id, body.workflow:
        case None, None:
            message = "is required: a workflow's id, or a function's key as `workflow`"
            raise Unacceptable(FieldError(pointer="/workflow_id", message=message))
        case UUID() as workflow_id, None:
            return workflow_id
        case None, str() as key:
            return key
        case _:
            message = "names a workflow beside workflow_id: give one of the two"
            raise Unacceptable(FieldError(pointer="/workflow", message=message))


@router.get("", response=Schedules, operation_id="list_schedules", summary="List schedules")
def list_schedules(
    request: HttpRequest, query: Annotated[ScheduleQuery, Query()]
) -> dict[str, Any]:
    """The schedules of the token's community, made last first; removed ones are not among them."""
    caller = caller_of(request)
    wanted = selectors.ScheduleFilter(
        status=query.status,
        schedule_type=query.type,
        workflow_id=query.workflow_id,
        key=query.key,
        q=query.q,
    )
    page = selectors.schedules_page(caller.community, wanted, query.limit, query.cursor)
    return _page(page, schedule_body)


def _page(page: Page[Any], body: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    return {"items": [body(row) for row in page.rows], "next": page.next}


@router.get(
    "/workflow/{workflow_id}",
    response=WorkflowSchedules,
    operation_id="list_workflow_schedules",
    summary="List a workflow's schedules",
)
def list_workflow_schedules(
    request: HttpRequest, workflow_id: UUID, query: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    """In the order of their next fire time (S4-88); none for a workflow that has no schedule here."""
    community = caller_of(request).community
    page = _page(
        selectors.workflow_page(community, workflow_id, query.limit, query.cursor),
        schedule_body,
    )
    count = selectors.count_of_workflow(community, workflow_id)
    return {
        "workflow_id": str(workflow_id),
        "schedules": page["items"],
        "count": count,
        **page,
    }


@router.get(
    "/{schedule_id}",
    response=Schedule,
    operation_id="get_schedule",
    url_name="get_schedule",
    summary="Get a schedule",
)
def get_schedule(request: HttpRequest, schedule_id: UUID) -> dict[str, Any]:
    """One schedule as it stands in the database (S4-85, C-26)."""
    row = find_schedule(caller_of(request).community, schedule_id)
    if row is None:
        raise ScheduleNotFoundException(schedule_id)
    return schedule_body(row)


@router.put(
    "/{schedule_id}",
    response=Schedule,
    operation_id="replace_schedule",
    summary="Replace a schedule",
    openapi_extra=_EDIT,
)
def put_schedule(request: HttpRequest, schedule_id: UUID, body: ReplaceSchedule) -> dict[str, Any]:
    """Replace `schedule_config` whole; `context_data` and `name` stay when they are left out (S4-86, R29)."""
    caller = caller_of(request)
    return schedule_body(commands.replace_schedule(caller, schedule_id, _change(body)))


@router.patch(
    "/{schedule_id}",
    response=Schedule,
    operation_id="change_schedule",
    summary="Change parts of a schedule",
    openapi_extra=_EDIT,
)
def patch_schedule(request: HttpRequest, schedule_id: UUID, body: ChangeSchedule) -> dict[str, Any]:
    """Merge what is given with what is there; the result is validated as a whole (R29, C-09)."""
    caller = caller_of(request)
    return schedule_body(commands.update_schedule(caller, schedule_id, _change(body)))


def _change(body: ReplaceSchedule | ChangeSchedule) -> Change:
    return Change(
        config=body.schedule_config,
        context_data=body.context_data,
        name=body.name,
        version=body.version,
    )


@router.delete(
    "/{schedule_id}",
    response=Removed,
    operation_id="remove_schedule",
    summary="Remove a schedule",
    openapi_extra=needs(Right.DELETE),
)
def delete_schedule(request: HttpRequest, schedule_id: UUID) -> dict[str, Any]:
    """Deactivate it for good (S4-87); what it ran stays in the ledger. A second time it is not found."""
    commands.remove_schedule(caller_of(request), schedule_id)
    return {"status": "removed", "schedule_id": str(schedule_id)}


@router.post(
    "/{schedule_id}/pause",
    response=Schedule,
    operation_id="pause_schedule",
    summary="Pause a schedule",
    openapi_extra=_EDIT,
)
def pause_schedule(request: HttpRequest, schedule_id: UUID) -> dict[str, Any]:
    """Fire times that pass meanwhile are recorded as skipped. Pausing twice changes nothing."""
    return schedule_body(commands.pause_schedule(caller_of(request), schedule_id))


@router.post(
    "/{schedule_id}/resume",
    response=Schedule,
    operation_id="resume_schedule",
    summary="Resume a schedule",
    openapi_extra=_EDIT,
)
def resume_schedule(request: HttpRequest, schedule_id: UUID) -> dict[str, Any]:
    """Let a paused schedule fire again."""
    return schedule_body(commands.resume_schedule(caller_of(request), schedule_id))


@router.post(
    "/{schedule_id}/trigger",
    response={202: Run},
    operation_id="trigger_schedule",
    summary="Run a schedule now",
    openapi_extra={**needs(Right.EXECUTE), "x-idempotent": True},
)
def trigger_schedule(
    request: HttpRequest,
    schedule_id: UUID,
    response: HttpResponse,
    body: Annotated[TriggerSchedule | None, Body()] = None,
    idempotency_key: Annotated[RequestKey | None, Header(alias="Idempotency-Key")] = None,
) -> Status[dict[str, Any]]:
    """Queue a run beside the schedule's fire times, also while it is paused.

    The same `Idempotency-Key` (or `request_id`) makes one run, however often it is sent.
    """
    caller = caller_of(request)
    asked = body or TriggerSchedule()
    request_id = request_id_of(asked.request_id, idempotency_key)
    run = commands.trigger_schedule(
        caller, schedule_id, request_id, asked.context_data, priority=asked.priority
    )
    is_other = asked.priority is not None and asked.priority != run.priority
    if request_id is not None and (is_other or not is_alike(run.context_data, asked.context_data)):
        raise ReusedKey(request_id)
    response.headers["Location"] = reverse("clockwright-api:get_run", kwargs={"run_id": run.run_id})
    return Status(202, run_body(run))


@router.get(
    "/{schedule_id}/runs", response=Runs, operation_id="list_runs", summary="List a schedule's runs"
)
def list_runs(
    request: HttpRequest, schedule_id: UUID, query: Annotated[RunQuery, Query()]
) -> dict[str, Any]:
    """What became of every fire time, newest first; also of a schedule that is removed by now."""
    community = caller_of(request).community
    wanted = selectors.RunFilter(schedule_id=schedule_id, states=tuple(query.status))
    page = selectors.runs_page(community, wanted, query.limit, query.cursor)
    if not page.rows and not selectors.is_schedule(community, schedule_id):
        raise ScheduleNotFoundException(schedule_id)
    return _page(page, run_body)
