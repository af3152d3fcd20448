"""`clockwright workflow …`: put, list, show, publish, archive, run, test, versions, status, cancel."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from clockwright.server.cli.additions import context_data
from clockwright.server.cli.options import AsJson
from clockwright.server.errors import CommandError, NotFound, UsageProblem
from clockwright.server.output import in_zone, result_facts, result_json, result_table, say
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from clockwright.workflows.errors import InvalidWorkflowException
    from clockwright.workflows.models import Workflow

app = typer.Typer(
    name="workflow", help="Keep workflows of several steps, and run them.", no_args_is_help=True
)

Reference = Annotated[str, typer.Argument(metavar="WORKFLOW", help="A workflow's id or name.")]
Execution = Annotated[str, typer.Argument(metavar="EXECUTION", help="An execution's id.")]
Context = Annotated[
    str | None, typer.Option("--context", metavar="JSON", help="`context` in expressions.")
]


class Status(StrEnum):
    """Where a workflow stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


@app.command("put")
def put(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Unique in the community.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A definition as JSON; - for stdin.")
    ],
    *,
    description: Annotated[
        str | None, typer.Option("--description", help="What it is for.")
    ] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish it at once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a workflow, or change the draft of the one of that name; every flaw is told."""
    definition = _read(file)
    use_database()
    from clockwright.workflows import selectors, services
    from clockwright.workflows.errors import InvalidWorkflowException

    who = caller()
    try:
        row = selectors.find_by_name(who.community, name)
        if row is None:
            row = services.create_workflow(who, name, definition, description or "")
        else:
            change = services.Change(definition=definition, description=description)
            row = services.update_workflow(who, row.workflow_id, change)
        if publish:
            row = services.publish_workflow(who, row.workflow_id)
    except InvalidWorkflowException as error:
        raise _flawed(error) from error
    say(f"{row.name!r} is {row.status}, revision {row.revision}, version {row.version or '-'}")
    _show(row, as_json=as_json)


@app.command("list")
def list_(
    *,
    status: Annotated[
        Status | None, typer.Option("--status", help="Only those; without it no archived ones.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the community's workflows, newest first."""
    use_database()
    from clockwright.workflows.documents import workflow_document
    from clockwright.workflows.services import list_workflows
    from clockwright.workflows.states import WorkflowStatus

    wanted = None if status is None else WorkflowStatus(status.value)
    found = [workflow_document(row) for row in list_workflows(caller(), status=wanted, limit=1_000)]
    if as_json:
        result_json({"items": found})
        return
    columns = ("workflow_id", "name", "status", "version", "revision", "updated_at")
    result_table(columns, [[row[column] for column in columns] for row in found])


@app.command("show")
def show(workflow: Reference, *, as_json: AsJson = False) -> None:
    """Show a workflow; with --json also its definition."""
    use_database()
    _show(_found(workflow), as_json=as_json)


@app.command("versions")
def versions(workflow: Reference, *, as_json: AsJson = False) -> None:
    """List what was published, the latest first."""
    use_database()
    from clockwright.workflows.documents import version_document
    from clockwright.workflows.services import list_versions

    rows = list_versions(caller(), _found(workflow).workflow_id, limit=1_000)
    if as_json:
        result_json({"items": [version_document(row) for row in rows]})
        return
    result_table(
        ("version", "published", "by"),
        [[row.number, in_zone(row.published_at), row.published_by or None] for row in rows],
    )


@app.command("publish")
def publish(workflow: Reference, *, as_json: AsJson = False) -> None:
    """Make the draft the version that runs; schedules that archiving paused are resumed."""
    use_database()
    from clockwright.workflows.errors import InvalidWorkflowException
    from clockwright.workflows.services import publish_workflow

    try:
        row = publish_workflow(caller(), _found(workflow).workflow_id)
    except InvalidWorkflowException as error:
        raise _flawed(error) from error
    _show(row, as_json=as_json)


@app.command("archive")
def archive(workflow: Reference, *, as_json: AsJson = False) -> None:
    """Let nothing of it start any more, and pause its schedules."""
    use_database()
    from clockwright.workflows.services import archive_workflow

    _show(archive_workflow(caller(), _found(workflow).workflow_id), as_json=as_json)


@app.command("run")
def run(
    workflow: Reference,
    *,
    context: Context = None,
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="The same makes one run.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Queue a run of the published version; an engine executes it."""
    given = context_data(context)
    use_database()
    from clockwright.workflows.documents import accepted_document
    from clockwright.workflows.services import execute_workflow

    made = execute_workflow(caller(), _found(workflow).workflow_id, given, request_id)
    told = accepted_document(made)
    result_json(told) if as_json else result_facts(told)


@app.command("test")
def rehearse(
    workflow: Reference,
    *,
    context: Context = None,
    outputs: Annotated[
        str | None,
        typer.Option("--outputs", metavar="JSON", help="What functions return, by step."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk through the draft without calling, waiting for or writing anything."""
    given, returned = context_data(context), context_data(outputs)
    use_database()
    from clockwright.workflows.documents import rehearsal_document
    from clockwright.workflows.services import rehearse_workflow

    told = rehearsal_document(
        rehearse_workflow(caller(), _found(workflow).workflow_id, given, returned)
    )
    if as_json:
        result_json(told)
        return
    columns = ("path", "kind", "status", "next")
    result_table(columns, [[step[column] for column in columns] for step in told["steps"]])
    summary = ("status", "output", "error", "waits_seconds")
    result_facts({name: told[name] for name in summary})


@app.command("status")
def status_(execution: Execution, *, as_json: AsJson = False) -> None:
    """Show an execution and its steps."""
    use_database()
    from clockwright.workflows.documents import execution_in_full
    from clockwright.workflows.services import get_execution

    _show_execution(execution_in_full(get_execution(caller(), _id(execution))), as_json=as_json)


@app.command("cancel")
def cancel(execution: Execution, *, as_json: AsJson = False) -> None:
    """Stop an execution."""
    use_database()
    from clockwright.workflows.documents import execution_in_full
    from clockwright.workflows.services import cancel_execution

    _show_execution(execution_in_full(cancel_execution(caller(), _id(execution))), as_json=as_json)


def _read(file: Path) -> Any:
    from clockwright.schedules.strict_json import BadJSON, parse_text

    try:
        text = (
            typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text("utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"FILE: {file} cannot be read: {error}") from error
    try:
        return parse_text(text)
    except BadJSON as error:
        raise UsageProblem(f"FILE: {file}: {error.message.removeprefix('the body ')}") from error


def _flawed(error: InvalidWorkflowException) -> CommandError:
    """Every flaw on a line of its own; the last line is the message."""
    for flaw in error.errors:
        say(f"{flaw.pointer.removeprefix('/definition') or '/'}: {flaw.message}")
    count = len(error.errors)
    return UsageProblem(f"the definition has {count} flaw{'s' if count > 1 else ''}")


def _found(reference: str) -> Workflow:
    """A workflow by id or name; raises NotFound."""
    from clockwright.workflows import selectors

    community = caller().community
    try:
        row = selectors.find_workflow(community, UUID(reference))
    except ValueError:
        row = selectors.find_by_name(community, reference)
    if row is None:
        raise NotFound(f"there is no workflow {reference!r} in the community {community!r}")
    return row


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise UsageProblem(f"EXECUTION: {text!r} is not a UUID") from None


def _show(row: Workflow, *, as_json: bool) -> None:
    from clockwright.workflows.documents import workflow_document, workflow_in_full

    if as_json:
        result_json(workflow_in_full(row))
    else:
        result_facts(workflow_document(row))


def _show_execution(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        result_json(told)
        return
    columns = ("path", "kind", "status", "tries", "error")
    result_table(columns, [[step[column] for column in columns] for step in told.pop("steps")])
    metrics = told.pop("metrics")
    facts = {name: value for name, value in told.items() if name != "trigger_data"}
    result_facts({**facts, **metrics})
