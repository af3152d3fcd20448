"""Changing workflows and starting them: synchronous, one transaction each, whoever asks (HTTP, CLI, Django).

Each checks the caller's right, records itself in the audit trail in the same transaction, and wakes the engines once it
is committed. Raise `Forbidden` and the errors of `workflows.errors`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction

from clockwright.access import policy
from clockwright.access.callers import Caller, Right, Role
from clockwright.access.grants import own
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.model import Reason, ScheduleStatus
from clockwright.engine.ports import UnknownRun
from clockwright.engine.registry import workflow_id_of
from clockwright.schedules import commands as schedule_commands
from clockwright.schedules import stores
from clockwright.schedules.drafts import checked_request_id
from clockwright.schedules.errors import ConfigProblem, InvalidScheduleException
from clockwright.schedules.reading import read_context
from clockwright.workflows import selectors
from clockwright.workflows import stores as writing
from clockwright.workflows.definitions import Definition
from clockwright.workflows.errors import (
    Flaw,
    InvalidWorkflowException,
    UnknownExecutionException,
    UnknownWorkflowException,
    WorkflowConflictException,
)
from clockwright.workflows.models import Workflow, WorkflowExecution, WorkflowVersion
from clockwright.workflows.reading import read_definition
from clockwright.workflows.rehearsal import Rehearsal, rehearse
from clockwright.workflows.rights import locked, permitted
from clockwright.workflows.selectors import ExecutionView
from clockwright.workflows.states import WorkflowStatus

T = TypeVar("T")

ARCHIVED = "workflow archived"
"""Why schedules are paused whose workflow is archived; those alone are resumed when it is published again."""

_LONGEST_NAME = 255
_LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; None stays. `revision`: refuse unless the workflow still has it."""

    name: str | None = None
    description: str | None = None
    definition: Any = None
    revision: int | None = None


def create_workflow(caller: Caller, name: str, definition: Any, description: str = "") -> Workflow:
    """A draft. Raises InvalidWorkflowException with every flaw, WorkflowConflictException for a name that is taken."""
    policy.require(caller, Right.EDIT)
    functions = _read(definition).functions
    fields = {"name": _name(name), "description": _description(description), "draft": definition}

    def work() -> Workflow:
        _require_callable(caller, functions)
        with _name_free(caller, fields["name"]):
            row = writing.insert_workflow(
                workflow_id=uuid4(),
                community_id=caller.community,
                created_by=caller.actor[:255],
                **fields,
            )
        own(caller, row.workflow_id)
        _record(caller, Action.WORKFLOW_CREATE, row, name=row.name)
        return row

    return stores.in_transaction(work)


def update_workflow(caller: Caller, workflow_id: UUID, change: Change) -> Workflow:
    """Change what is worked on; what is published runs as before until `publish_workflow`.

    A function that the published version does not call takes the right to execute it, here and when it is published.
    """
    functions = frozenset[str]()
    if change.definition is not None:
        functions = _read(change.definition).functions
    given = {
        "name": None if change.name is None else _name(change.name),
        "description": None if change.description is None else _description(change.description),
        "draft": change.definition,
    }
    fields = {column: value for column, value in given.items() if value is not None}

    def work() -> Workflow:
        row = _at_revision(locked(caller, workflow_id, Right.EDIT), change.revision)
        changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
        if not changed:
            return row
        if "draft" in changed:
            _require_callable(caller, functions, row)
        with _name_free(caller, changed.get("name")):
            writing.change_workflow(row, **changed, revision=row.revision + 1)
        _record(caller, Action.WORKFLOW_UPDATE, row, changed=sorted(changed), revision=row.revision)
        return row

    return stores.in_transaction(work)


def publish_workflow(caller: Caller, workflow_id: UUID, revision: int | None = None) -> Workflow:
    """Make what is worked on the version that runs from now on; runs that began keep theirs.

    Publishing what is published already changes nothing. Of an archived workflow the schedules are resumed that
    archiving paused.
    """

    def work() -> Workflow:
        row = _at_revision(locked(caller, workflow_id, Right.EDIT), revision)
        functions = _read(row.draft).functions  # one may be gone since it was saved
        _require_callable(caller, functions, row)
        current = selectors.find_version(row, row.version)
        was_archived = row.status == WorkflowStatus.ARCHIVED
        if current is None or current.definition != row.draft:
            writing.insert_version(row, caller.actor[:255])
        elif row.status == WorkflowStatus.PUBLISHED:
            return row
        writing.change_workflow(row, status=WorkflowStatus.PUBLISHED.value, version=row.version)
        _record(caller, Action.WORKFLOW_PUBLISH, row, version=row.version)
        if was_archived:
            _resume_schedules(caller, row)
        return row

    return stores.in_transaction(work)


def archive_workflow(caller: Caller, workflow_id: UUID) -> Workflow:
    """Nothing of it starts any more, and its schedules are paused with that reason (C-20); what runs goes on."""

    def work() -> Workflow:
        row = locked(caller, workflow_id, Right.DELETE)
        if row.status == WorkflowStatus.ARCHIVED:
            return row
        writing.change_workflow(row, status=WorkflowStatus.ARCHIVED.value)
        paused = _pause_schedules(caller, row)
        _record(caller, Action.WORKFLOW_ARCHIVE, row, schedules_paused=paused)
        return row

    return stores.in_transaction(work)


def execute_workflow(
    caller: Caller,
    workflow_id: UUID,
    context_data: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> WorkflowExecution:
    """Queue a run of the version that is published now. The same `request_id` makes one run, however often it is sent.

    Raises WorkflowConflictException for one that is not published, InvalidWorkflowException for a context that is no
    JSON object or too large.
    """
    context = _context(context_data)
    if request_id is not None:
        request_id = _told(lambda: checked_request_id(request_id))

    def work() -> WorkflowExecution:
        row = (locked if request_id else permitted)(caller, workflow_id, Right.EXECUTE)
        known = selectors.execution_of_request(row, request_id) if request_id else None
        if known is not None:
            return known
        version = _published(row)
        made = writing.enqueue(row, version, context, request_id)
        _record(
            caller, Action.WORKFLOW_EXECUTE, row, execution_id=made.run_id, request_id=request_id
        )
        return made

    return stores.in_transaction(work)


def rehearse_workflow(
    caller: Caller,
    workflow_id: UUID,
    context_data: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> Rehearsal:
    """What the draft would do: nothing is called, waited for or written, the trail aside."""
    context = _context(context_data)
    row = permitted(caller, workflow_id, Right.EXECUTE)
    definition = _read(row.draft)
    now = stores.sql_store().now()
    return asyncio.run(rehearse(definition, context=context, outputs=outputs or {}, now=now))


def get_workflow(caller: Caller, workflow_id: UUID) -> Workflow:
    """The workflow as it stands."""
    return permitted(caller, workflow_id, Right.VIEW)


def list_workflows(
    caller: Caller,
    *,
    status: WorkflowStatus | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> Sequence[Workflow]:
    """Up to `limit` workflows of the community after a place in the order, newest first; without a status none that is archived."""
    policy.require(caller, Right.VIEW)
    return selectors.workflows_page(caller.community, status=status, after=after, limit=limit)


def list_executions(
    caller: Caller, workflow_id: UUID, *, before: UUID | None = None, limit: int = 50
) -> Sequence[ExecutionView]:
    """Up to `limit` executions of a workflow that are older than one, newest first, without their steps."""
    row = permitted(caller, workflow_id, Right.VIEW)
    return selectors.executions_page(row, before=before, limit=limit)


def list_versions(
    caller: Caller, workflow_id: UUID, *, before: int | None = None, limit: int = 20
) -> Sequence[WorkflowVersion]:
    """Up to `limit` that were published before one, the latest first."""
    row = permitted(caller, workflow_id, Right.VIEW)
    return selectors.versions_page(row, before=before, limit=limit)


def get_version(caller: Caller, workflow_id: UUID, number: int) -> WorkflowVersion:
    """A published version; raises UnknownWorkflowException where it was never published."""
    row = permitted(caller, workflow_id, Right.VIEW)
    found = selectors.find_version(row, number)
    if found is None:
        raise UnknownWorkflowException(workflow_id, f"Version not found: {number} of {workflow_id}")
    return found


def get_execution(caller: Caller, execution_id: UUID) -> ExecutionView:
    """An execution with its steps; raises UnknownExecutionException."""
    found = selectors.find_execution(execution_id, caller.community)
    if found is None:
        raise UnknownExecutionException(execution_id)
    policy.require(caller, Right.VIEW, found.workflow_id)
    return found


def cancel_execution(caller: Caller, execution_id: UUID) -> ExecutionView:
    """Stop an execution after the step that is under way; one that has ended stays. Raises UnknownExecutionException."""
    get_execution(caller, execution_id)
    try:
        schedule_commands.cancel_run(caller, execution_id)
    except UnknownRun:
        raise UnknownExecutionException(execution_id) from None
    return get_execution(caller, execution_id)


def stop(execution_id: UUID) -> bool:
    """For trusted code: ask its run to stop; False when it has ended or there is none."""
    try:
        before = stores.sql_store().get_run(execution_id)
    except UnknownRun:
        return False
    if before.state.is_final:
        return False
    stores.sql_store().cancel_run(execution_id, Reason.REQUESTED)
    return True


def _read(data: Any) -> Definition:
    """A definition; its flaws are told as of a request that has it under `definition`."""
    try:
        return read_definition(data)
    except InvalidWorkflowException as error:
        raise error.within("/definition") from error


def _published(row: Workflow) -> WorkflowVersion:
    version = selectors.find_version(row, row.version)
    if row.status != WorkflowStatus.PUBLISHED or version is None:
        raise WorkflowConflictException(
            f"the workflow {row.name!r} is {row.status}: publish it first"
        )
    return version


def _at_revision(row: Workflow, revision: int | None) -> Workflow:
    if revision not in (None, row.revision):
        raise WorkflowConflictException(
            f"revision: the workflow was changed in the meantime and is at revision {row.revision}; read it again"
        )
    return row


def _require_callable(
    caller: Caller, functions: frozenset[str], row: Workflow | None = None
) -> None:
    """Nobody has functions called through a workflow that they may not call themselves, but those it calls already."""
    for key in sorted(functions - _called_already(row)):
        policy.require(caller, Right.EXECUTE, workflow_id_of(key))


def _called_already(row: Workflow | None) -> frozenset[str]:
    version = None if row is None else selectors.find_version(row, row.version)
    try:
        return frozenset() if version is None else read_definition(version.definition).functions
    except InvalidWorkflowException:  # one is gone since: what is left is not known
        return frozenset()


@contextmanager
def _name_free(caller: Caller, name: str | None) -> Iterator[None]:
    """Write inside; raises WorkflowConflictException for a name that is taken, also by who writes at the same time."""
    if name is not None:
        _require_free(caller, name)
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        if name is not None:
            _require_free(caller, name)
        raise


def _require_free(caller: Caller, name: str) -> None:
    if selectors.find_by_name(caller.community, name) is not None:
        raise WorkflowConflictException(f"name: {name!r} is taken by another workflow")


def _name(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST_NAME or not text.isprintable():
        raise InvalidWorkflowException(
            Flaw("/name", f"give 1 to {_LONGEST_NAME} printable characters")
        )
    return text


def _description(value: str) -> str:
    if len(value) > _LONGEST_TEXT:
        raise InvalidWorkflowException(
            Flaw("/description", f"has {len(value)} characters; give at most {_LONGEST_TEXT}")
        )
    return value


def _context(value: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return _told(lambda: read_context(value))


def _told(read: Callable[[], T]) -> T:
    """What schedules read alike, with the error of workflows."""
    try:
        return read()
    except InvalidScheduleException as error:
        problems: list[ConfigProblem] = list(error.errors)
        raise InvalidWorkflowException(*(Flaw(*problem) for problem in problems)) from error


def _pause_schedules(caller: Caller, row: Workflow) -> int:
    active = selectors.schedules_that_start(
        row.workflow_id, row.community_id, ScheduleStatus.ACTIVE.value
    )
    for schedule in active:
        schedule_commands.pause_schedule(_unhindered(caller), schedule.schedule_id, ARCHIVED)
    return len(active)


def _resume_schedules(caller: Caller, row: Workflow) -> None:
    paused = selectors.schedules_that_start(
        row.workflow_id, row.community_id, ScheduleStatus.PAUSED.value
    )
    for schedule in paused:
        if schedule.status_reason == ARCHIVED:
            schedule_commands.resume_schedule(_unhindered(caller), schedule.schedule_id)


def _unhindered(caller: Caller) -> Caller:
    """The caller, for what follows by itself from what the caller was allowed to do."""
    return replace(caller, role=Role.ADMIN, scopes=None)


def _record(caller: Caller, action: Action, row: Workflow, **facts: Any) -> None:
    trail.record(Category.AUDIT, action, caller=caller, workflow_id=row.workflow_id, **facts)
