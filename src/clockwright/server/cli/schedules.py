"""`clockwright schedule …`: add, list, show, pause, resume, trigger, backfill, remove."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.engine.clock import utc_now
from clockwright.server.cli import backfills
from clockwright.server.cli.additions import (
    Addition,
    context_data,
    in_options,
    said_rule,
    schedule_config,
    workflow_of,
)
from clockwright.server.cli.options import AsJson, takes
from clockwright.server.errors import UsageProblem
from clockwright.server.output import (
    in_zone,
    iso_utc,
    result,
    result_facts,
    result_json,
    result_table,
    say,
)
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from clockwright.schedules.models import Schedule

app = typer.Typer(name="schedule", help="Add, look at and steer schedules.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's id or key.")]
_UPCOMING = 5
_MOST = 1_000


class Status(StrEnum):
    """What a schedule is doing."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    REMOVED = "removed"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, **settings)


@app.command("add")
@takes(Addition)
def add(options: Addition) -> None:
    """Add a schedule and show when it fires. Give one workflow and one rule."""
    workflow = workflow_of(options)
    config, context = schedule_config(options), context_data(options.context)
    use_database()
    from clockwright.schedules import commands
    from clockwright.schedules.drafts import NewSchedule
    from clockwright.schedules.errors import InvalidScheduleException

    config = {**config, **said_rule(options, utc_now())}
    new = NewSchedule(workflow=workflow, config=config, context_data=context, key=options.key)
    try:
        made = commands.add_schedule(caller(), new)
    except InvalidScheduleException as error:
        raise UsageProblem(in_options(error.errors)) from error
    say(f"added {made}")
    _show(made, as_json=options.as_json)


@app.command("list")
def list_(
    *,
    status: Annotated[
        Status | None, _option("--status", help="Only those; without it all but the removed ones.")
    ] = None,
    limit: Annotated[int, _option("--limit", "-n", help="At most so many: 1 to 1000.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List schedules, the one that fires next first."""
    if not 1 <= limit <= _MOST:
        raise UsageProblem(f"--limit: {limit} is out of range; give 1 to {_MOST}")
    use_database()
    from clockwright.schedules.documents import schedule_document
    from clockwright.server.selectors import schedules_of
    from clockwright.workflows.selectors import names_of

    rows = schedules_of(caller().community, status.value if status else None, limit)
    if as_json:
        result_json({"items": [schedule_document(row) for row in rows]})
        return
    names = names_of(row.workflow_id for row in rows)
    columns = ("schedule", "function", "rule", "status", "next (local)", "next (UTC)", "runs")
    result_table(columns, [_row(row, names) for row in rows])


@app.command("show")
def show(schedule: Reference, *, as_json: AsJson = False) -> None:
    """Show a schedule and its next fire times."""
    use_database()
    _show(_found(schedule), as_json=as_json)


@app.command("pause")
def pause(
    schedule: Reference,
    *,
    reason: Annotated[str | None, _option("--reason", help="Why; kept with the schedule.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let it fire no more; what passes meanwhile is recorded as skipped."""
    use_database()
    from clockwright.schedules import commands

    _show(commands.pause_schedule(caller(), _found(schedule).schedule_id, reason), as_json=as_json)


@app.command("resume")
def resume(schedule: Reference, *, as_json: AsJson = False) -> None:
    """Let a paused schedule fire again."""
    use_database()
    from clockwright.schedules import commands

    _show(commands.resume_schedule(caller(), _found(schedule).schedule_id), as_json=as_json)


@app.command("trigger")
def trigger(
    schedule: Reference,
    *,
    request_id: Annotated[
        str | None,
        _option("--request-id", help="The same one makes one run, however often it is sent."),
    ] = None,
    context: Annotated[
        str | None, _option("--context", metavar="JSON", help="Instead of the schedule's own.")
    ] = None,
    priority: Annotated[
        int | None, _option("--priority", help="-100 to 100, instead of the schedule's own.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run it now, beside its fire times; prints the run's id."""
    data = context_data(context) if context is not None else None
    use_database()
    from clockwright.schedules import commands
    from clockwright.schedules.documents import run_document
    from clockwright.schedules.errors import InvalidScheduleException

    found = _found(schedule)
    try:
        run = commands.trigger_schedule(
            caller(), found.schedule_id, request_id, data, priority=priority
        )
    except InvalidScheduleException as error:
        raise UsageProblem(in_options(error.errors)) from error
    if as_json:
        result_json(run_document(run))
        return
    say(f"{found} runs now; `clockwright runs {found}` shows what becomes of it")
    result(str(run.run_id))


app.command("backfill")(backfills.backfill)
app.command("backfills")(backfills.backfills)
app.command("cancel-backfill")(backfills.cancel_backfill)


@app.command("remove")
def remove(schedule: Reference, *, as_json: AsJson = False) -> None:
    """Deactivate it for good; its runs stay in the ledger, its key is free again."""
    use_database()
    from clockwright.schedules import commands

    found = _found(schedule)
    name = str(found)
    removed = commands.remove_schedule(caller(), found.schedule_id)
    say(f"removed {name}")
    if as_json:
        result_json({"status": "removed", "schedule_id": str(removed.schedule_id)})


def _found(reference: str) -> Schedule:
    from clockwright.server.selectors import find_schedule

    return find_schedule(caller().community, reference)


def _row(row: Schedule, names: Mapping[UUID, str]) -> list[object]:
    from clockwright.console.pages import function_name, rule_of

    due = row.next_execution_at
    return [
        str(row),
        names.get(row.workflow_id) or function_name(row.workflow_id),
        rule_of(row),
        row.status,
        in_zone(due, row.timezone),
        iso_utc(due) if due else None,
        row.execution_count,
    ]


def _show(row: Schedule, *, as_json: bool) -> None:
    """The schedule and, while it is active, its next fire times."""
    from clockwright.schedules.documents import schedule_document

    document = schedule_document(row)
    times = _upcoming(row)
    if as_json:
        fire_times = [{"utc": iso_utc(time), "local": time.isoformat()} for time in times]
        result_json({**document, "fire_times": fire_times})
        return
    shown = (
        "schedule_id",
        "key",
        "workflow",
        "status",
        "status_reason",
        "description",
        "context_data",
    )
    facts = {name: document[name] for name in shown if document[name] is not None}
    facts["context_data"] = json.dumps(document["context_data"], ensure_ascii=False)
    limit = document["max_executions"]
    facts["runs"] = f"{document['execution_count']} of {limit or 'any number'}"
    result_facts(facts)
    if times:
        result("")
        rows = [(in_zone(time, row.timezone), iso_utc(time)) for time in times]
        result_table(("next (local)", "next (UTC)"), rows)


def _upcoming(row: Schedule) -> list[datetime]:
    """The next fire times that its bounds and its limit still admit; none while it is not active."""
    from clockwright.recurrence import from_json

    if row.next_execution_at is None:
        return []
    rule = from_json(row.recurrence)
    wanted = _UPCOMING
    if row.max_executions is not None:
        wanted = min(wanted, row.max_executions - row.execution_count)
    # strictly after the second before it, so that the stored fire time comes first
    times = rule.upcoming(row.next_execution_at - timedelta(seconds=1), wanted)
    return [time for time in times if row.end_at is None or time <= row.end_at]
