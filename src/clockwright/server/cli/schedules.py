"""`clockwright schedule …`: add, list, show, pause, resume, trigger, remove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from clockwright.server.cli.errors import UsageProblem
from clockwright.server.cli.options import AsJson, duration, takes
from clockwright.server.cli.output import (
    in_zone,
    iso_utc,
    result,
    result_facts,
    result_json,
    result_table,
    say,
)
from clockwright.server.cli.runtime import caller, use_database

if TYPE_CHECKING:
    from clockwright.schedules.errors import ConfigProblem
    from clockwright.schedules.models import Schedule

app = typer.Typer(name="schedule", help="Add, look at and steer schedules.", no_args_is_help=True)

Reference = Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's id or key.")]
_UPCOMING = 5
_MOST = 1_000
_UNLIMITED = ("none", "unlimited")


class Overlap(StrEnum):
    """What happens when enough runs are active already."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class Status(StrEnum):
    """What a schedule is doing."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    REMOVED = "removed"


class CatchUp(StrEnum):
    """Which of several late fire times run."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """The options of `schedule add`."""

    workflow: Annotated[
        str | None, _option("--workflow", metavar="KEY", help="A function, such as samples.echo.")
    ] = None
    workflow_id: Annotated[
        str | None, _option("--workflow-id", metavar="UUID", help="A workflow by its id.")
    ] = None
    cron: Annotated[
        str | None,
        _option("--cron", metavar="LINE", help='Five fields, such as "0 5 * * mon-fri".'),
    ] = None
    every: Annotated[
        str | None, _option("--every", metavar="DURATION", help="Such as 90s, 5m or 1h30m.")
    ] = None
    at: Annotated[
        str | None,
        _option("--at", metavar="TIME", help="Once; without an offset it is read in --tz."),
    ] = None
    rrule: Annotated[
        str | None, _option("--rrule", metavar="RULE", help="RFC 5545, with --start.")
    ] = None
    start: Annotated[
        str | None, _option("--start", metavar="TIME", help="The DTSTART of --rrule.")
    ] = None
    tz: Annotated[
        str | None, _option("--tz", metavar="ZONE", help="IANA zone; default: SCHEDULER_TIMEZONE.")
    ] = None
    key: Annotated[
        str | None, _option("--key", help="Your own name for it, unique in the community.")
    ] = None
    context: Annotated[
        str | None, _option("--context", metavar="JSON", help="What the run is called with.")
    ] = None
    start_at: Annotated[str | None, _option("--start-at", metavar="TIME", help="Not before.")] = (
        None
    )
    end_at: Annotated[str | None, _option("--end-at", metavar="TIME", help="Not after.")] = None
    max_executions: Annotated[
        int | None, _option("--max-executions", help="Complete after so many runs.")
    ] = None
    grace: Annotated[
        str | None, _option("--grace", metavar="DURATION", help="How late it may start; or none.")
    ] = None
    overlap: Annotated[
        Overlap | None, _option("--overlap", help="When --max-instances runs are active.")
    ] = None
    catch_up: Annotated[
        CatchUp | None, _option("--catch-up", help="Which of several late fire times run.")
    ] = None
    max_instances: Annotated[int | None, _option("--max-instances", help="Runs at a time.")] = None
    max_retries: Annotated[int | None, _option("--max-retries", help="Tries after the first.")] = (
        None
    )
    retry_backoff: Annotated[
        str | None, _option("--retry-backoff", metavar="DURATION", help="Before a retry.")
    ] = None
    timeout: Annotated[
        str | None, _option("--timeout", metavar="DURATION", help="Of one attempt.")
    ] = None
    as_json: AsJson = False


_RULES = {
    "cron": ("cron", "cron_expression"),
    "every": ("interval", "interval_seconds"),
    "at": ("one_time", "scheduled_time"),
    "rrule": ("rrule", "rrule"),
}


def schedule_config(options: Addition) -> dict[str, Any]:
    """The documented `schedule_config` of what was typed; raises UsageProblem for none or several rules."""
    given = [name for name in _RULES if getattr(options, name) is not None]
    if len(given) != 1:
        problem = (
            "is missing"
            if not given
            else f"is given {len(given)} times ({', '.join('--' + n for n in given)})"
        )
        raise UsageProblem(
            f"the rule {problem}: give exactly one of --cron, --every, --at and --rrule"
        )
    kind, column = _RULES[given[0]]
    value = getattr(options, given[0])
    config: dict[str, Any] = {
        "schedule_type": kind,
        column: _seconds("--every", value) if kind == "interval" else value,
        "start": options.start,
        "timezone": options.tz,
        "start_at": options.start_at,
        "end_at": options.end_at,
        "max_executions": options.max_executions,
        "overlap": options.overlap and options.overlap.value,
        "catch_up": options.catch_up and options.catch_up.value,
        "max_instances": options.max_instances,
        "max_retries": options.max_retries,
        "retry_backoff_seconds": _seconds("--retry-backoff", options.retry_backoff),
        "timeout_seconds": _seconds("--timeout", options.timeout),
    }
    config = {name: value for name, value in config.items() if value is not None}
    return config | _grace(options.grace)


def _grace(text: str | None) -> dict[str, int | None]:
    """Unlimited grace is a null that means something, unlike a field left out."""
    if text is None:
        return {}
    unlimited = text.strip().lower() in _UNLIMITED
    return {"grace_period_seconds": None if unlimited else _seconds("--grace", text)}


def _seconds(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    length: timedelta = duration(option, text)
    return int(length.total_seconds())


def context_data(text: str | None) -> dict[str, Any]:
    """The JSON object of `--context`; raises UsageProblem."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageProblem(
            f"--context: {text!r} is not JSON ({error}); write for example '{{\"name\": 1}}'"
        ) from None
    if not isinstance(value, dict):
        raise UsageProblem(
            f"--context: {text!r} is not a JSON object; write for example '{{\"name\": 1}}'"
        )
    return value


@app.command("add")
@takes(Addition)
def add(options: Addition) -> None:
    """Add a schedule and show when it fires. Give one workflow and one rule."""
    workflow = _workflow(options)
    config, context = schedule_config(options), context_data(options.context)
    use_database()
    from clockwright.schedules import commands
    from clockwright.schedules.drafts import NewSchedule
    from clockwright.schedules.errors import InvalidScheduleException

    new = NewSchedule(workflow=workflow, config=config, context_data=context, key=options.key)
    try:
        made = commands.add_schedule(caller(), new)
    except InvalidScheduleException as error:
        raise UsageProblem(in_options(error.errors)) from error
    say(f"added {made}")
    _show(made, as_json=options.as_json)


def _workflow(options: Addition) -> UUID | str:
    """What is to run; raises UsageProblem unless exactly one of both options says it."""
    if (options.workflow is None) == (options.workflow_id is None):
        raise UsageProblem("what to run: give exactly one of --workflow KEY and --workflow-id UUID")
    if options.workflow is not None:
        return options.workflow
    try:
        return UUID(options.workflow_id)
    except ValueError:
        raise UsageProblem(f"--workflow-id: {options.workflow_id!r} is not a UUID") from None


_OPTIONS = {
    "cron_expression": "--cron",
    "interval_seconds": "--every",
    "scheduled_time": "--at",
    "timezone": "--tz",
    "grace_period_seconds": "--grace",
    "retry_backoff_seconds": "--retry-backoff",
    "timeout_seconds": "--timeout",
    "context_data": "--context",
}


def in_options(problems: Sequence[ConfigProblem]) -> str:
    """What is wrong with a configuration, in the names of the command line."""
    told = []
    for pointer, message in problems:
        name = pointer.rsplit("/", 1)[-1]
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        told.append(f"{option}: {message.removeprefix(f'{name}: ')}")
    return "; ".join(told)


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

    rows = schedules_of(caller().community, status.value if status else None, limit)
    if as_json:
        result_json({"items": [schedule_document(row) for row in rows]})
        return
    columns = ("schedule", "function", "rule", "status", "next (local)", "next (UTC)", "runs")
    result_table(columns, [_row(row) for row in rows])


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
        run = commands.trigger_schedule(caller(), found.schedule_id, request_id, data)
    except InvalidScheduleException as error:
        raise UsageProblem(in_options(error.errors)) from error
    if as_json:
        result_json(run_document(run))
        return
    say(f"{found} runs now; `clockwright runs {found}` shows what becomes of it")
    result(str(run.run_id))


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


def _row(row: Schedule) -> list[object]:
    from clockwright.console.pages import function_name, rule_of

    due = row.next_execution_at
    return [
        str(row),
        function_name(row.workflow_id),
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
