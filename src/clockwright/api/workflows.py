"""`/workflows`: graphs of steps, their versions and their executions. Thin: `workflows.services` does it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Body, Header, Path, Query, Router, Status

from clockwright.access.callers import Right
from clockwright.api import paging
from clockwright.api.errors import ReusedKey
from clockwright.api.idempotency import RequestKey, is_alike, request_id_of
from clockwright.api.schemas import PageQuery
from clockwright.api.security import caller_of, needs
from clockwright.api.workflow_schemas import (
    AcceptedExecution,
    ChangeWorkflow,
    CreateWorkflow,
    ExecuteWorkflow,
    ExecutionInFull,
    Executions,
    PublishWorkflow,
    TestWorkflow,
    Trace,
    VersionQuery,
    WorkflowInFull,
    WorkflowQuery,
    Workflows,
    WorkflowVersion,
    WorkflowVersions,
)
from clockwright.workflows import documents, services

router = Router(tags=["workflows"])

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
_EDIT, _EXECUTE = needs(Right.EDIT), needs(Right.EXECUTE)


@router.post(
    "",
    response={201: WorkflowInFull},
    operation_id="create_workflow",
    summary="Create a workflow",
    openapi_extra=_EDIT,
)
def create_workflow(
    request: HttpRequest, body: CreateWorkflow, response: HttpResponse
) -> Status[dict[str, Any]]:
    """Keep a draft. It is checked whole: `errors` names every flaw with its pointer."""
    row = services.create_workflow(caller_of(request), body.name, body.definition, body.description)
    response.headers["Location"] = reverse(
        "clockwright-api:get_workflow", kwargs={"workflow_id": row.workflow_id}
    )
    return Status(201, documents.workflow_in_full(row))


@router.get("", response=Workflows, operation_id="list_workflows", summary="List workflows")
def list_workflows(
    request: HttpRequest, query: Annotated[WorkflowQuery, Query()]
) -> dict[str, Any]:
    """The workflows of the token's community, made last first."""
    after = None
    if query.cursor is not None:
        at, workflow_id = paging.position_of(query.cursor, paging.read_instant, paging.read_uuid)
        after = (at, workflow_id)
    rows = services.list_workflows(
        caller_of(request), status=query.status, after=after, limit=query.limit + 1
    )
    page = paging.page_of(
        rows, query.limit, lambda row: paging.cursor_of(row.created_at, row.workflow_id)
    )
    return {"items": [documents.workflow_document(row) for row in page.rows], "next": page.next}


@router.get(
    "/executions/{execution_id}",
    response=ExecutionInFull,
    operation_id="get_execution",
    url_name="get_execution",
    summary="Get an execution",
)
def get_execution(request: HttpRequest, execution_id: UUID) -> dict[str, Any]:
    """How it stands: its steps, and where the time went."""
    return documents.execution_in_full(services.get_execution(caller_of(request), execution_id))


@router.post(
    "/executions/{execution_id}/cancel",
    response=ExecutionInFull,
    operation_id="cancel_execution",
    summary="Cancel an execution",
    openapi_extra=_EXECUTE,
)
def cancel_execution(request: HttpRequest, execution_id: UUID) -> dict[str, Any]:
    """Stop it: at once where it waits, else as soon as its node hears of it. One that has ended stays as it is."""
    return documents.execution_in_full(services.cancel_execution(caller_of(request), execution_id))


@router.get(
    "/{workflow_id}",
    response=WorkflowInFull,
    operation_id="get_workflow",
    url_name="get_workflow",
    summary="Get a workflow",
)
def get_workflow(request: HttpRequest, workflow_id: UUID) -> dict[str, Any]:
    """One workflow with what is worked on."""
    return documents.workflow_in_full(services.get_workflow(caller_of(request), workflow_id))


@router.patch(
    "/{workflow_id}",
    response=WorkflowInFull,
    operation_id="change_workflow",
    summary="Change a workflow's draft",
    openapi_extra=_EDIT,
)
def patch_workflow(request: HttpRequest, workflow_id: UUID, body: ChangeWorkflow) -> dict[str, Any]:
    """Change what is worked on; the version that runs stays as it is."""
    change = services.Change(**body.model_dump())
    row = services.update_workflow(caller_of(request), workflow_id, change)
    return documents.workflow_in_full(row)


@router.post(
    "/{workflow_id}/publish",
    response=WorkflowInFull,
    operation_id="publish_workflow",
    summary="Publish a workflow",
    openapi_extra=_EDIT,
)
def publish_workflow(
    request: HttpRequest,
    workflow_id: UUID,
    body: Annotated[PublishWorkflow | None, Body()] = None,
) -> dict[str, Any]:
    """Make the draft the version that runs from now on; runs that began keep theirs.

    Of an archived workflow the schedules are resumed that archiving paused.
    """
    revision = body.revision if body else None
    row = services.publish_workflow(caller_of(request), workflow_id, revision)
    return documents.workflow_in_full(row)


@router.post(
    "/{workflow_id}/archive",
    response=WorkflowInFull,
    operation_id="archive_workflow",
    summary="Archive a workflow",
    openapi_extra=needs(Right.DELETE),
)
def archive_workflow(request: HttpRequest, workflow_id: UUID) -> dict[str, Any]:
    """Nothing of it starts any more; its schedules are paused with the reason `workflow archived`."""
    return documents.workflow_in_full(services.archive_workflow(caller_of(request), workflow_id))


@router.post(
    "/{workflow_id}/execute",
    response={202: AcceptedExecution},
    operation_id="execute_workflow",
    summary="Execute a workflow",
    openapi_extra={**_EXECUTE, "x-idempotent": True},
)
def execute_workflow(
    request: HttpRequest,
    workflow_id: UUID,
    response: HttpResponse,
    body: Annotated[ExecuteWorkflow | None, Body()] = None,
    idempotency_key: Annotated[RequestKey | None, Header(alias="Idempotency-Key")] = None,
) -> Status[dict[str, Any]]:
    """Queue a run of the published version. `Location` says where it can be looked at.

    The same `Idempotency-Key` (or `request_id`) makes one run, however often it is sent.
    """
    asked = body or ExecuteWorkflow()
    request_id = request_id_of(asked.request_id, idempotency_key)
    caller = caller_of(request)
    made = services.execute_workflow(caller, workflow_id, asked.context_data, request_id)
    started_with = made.trigger_data["context"]
    if request_id is not None and not is_alike(started_with, asked.context_data or {}):
        raise ReusedKey(request_id)
    response.headers["Location"] = reverse(
        "clockwright-api:get_execution", kwargs={"execution_id": made.run_id}
    )
    return Status(202, documents.accepted_document(made))


@router.post(
    "/{workflow_id}/test",
    response=Trace,
    operation_id="test_workflow",
    summary="Try a workflow out",
    openapi_extra=_EXECUTE,
)
def rehearse_workflow(
    request: HttpRequest, workflow_id: UUID, body: Annotated[TestWorkflow | None, Body()] = None
) -> dict[str, Any]:
    """Walk through the draft without calling, waiting for or writing anything; answers what would happen."""
    asked = body or TestWorkflow()
    found = services.rehearse_workflow(
        caller_of(request), workflow_id, asked.context_data, asked.outputs
    )
    return documents.rehearsal_document(found)


@router.get(
    "/{workflow_id}/versions",
    response=WorkflowVersions,
    operation_id="list_workflow_versions",
    summary="List a workflow's versions",
)
def list_versions(
    request: HttpRequest, workflow_id: UUID, query: Annotated[VersionQuery, Query()]
) -> dict[str, Any]:
    """What was published, the latest first."""
    before = None
    if query.cursor is not None:
        (before,) = paging.position_of(query.cursor, paging.read_serial)
    rows = services.list_versions(
        caller_of(request), workflow_id, before=before, limit=query.limit + 1
    )
    page = paging.page_of(rows, query.limit, lambda row: paging.cursor_of(row.number))
    return {"items": [documents.version_document(row) for row in page.rows], "next": page.next}


@router.get(
    "/{workflow_id}/versions/{number}",
    response=WorkflowVersion,
    operation_id="get_workflow_version",
    summary="Get a workflow's version",
)
def get_version(request: HttpRequest, workflow_id: UUID, number: Number) -> dict[str, Any]:
    """One version as it was published."""
    return documents.version_document(services.get_version(caller_of(request), workflow_id, number))


@router.get(
    "/{workflow_id}/executions",
    response=Executions,
    operation_id="list_executions",
    summary="List a workflow's executions",
)
def list_executions(
    request: HttpRequest, workflow_id: UUID, query: Annotated[PageQuery, Query()]
) -> dict[str, Any]:
    """Newest first, without their steps."""
    before = None
    if query.cursor is not None:
        (before,) = paging.position_of(query.cursor, paging.read_uuid)
    found = services.list_executions(
        caller_of(request), workflow_id, before=before, limit=query.limit + 1
    )
    page = paging.page_of(found, query.limit, lambda view: paging.cursor_of(view.execution_id))
    return {"items": [documents.execution_document(view) for view in page.rows], "next": page.next}
