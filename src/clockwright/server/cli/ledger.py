"""`clockwright runs`: the ledger, newest first, or as it grows."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import UsageProblem
from clockwright.server.output import (
    in_zone,
    result,
    result_json,
    result_json_line,
    result_table,
    say,
)
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from clockwright.schedules.models import Run

_MOST = 1_000
_LOOK_EVERY = 0.5
_OVERLAP = timedelta(seconds=60)
"""A group of outcomes is committed after its first one ended: look back this far, and skip what was shown."""

_COLUMNS = ("due", "schedule", "function", "status", "reason", "attempt", "late", "took", "node")


def runs(
    schedule: Annotated[
        str | None, typer.Argument(metavar="[SCHEDULE]", help="Only those of this id or key.")
    ] = None,
    *,
    status: Annotated[
        list[str] | None, typer.Option("--status", help="Only those; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", help="At most so many: 1 to 1000.")] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with runs as they end.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List what became of fire times, newest first; skipped and missed ones are there too."""
    if not 1 <= limit <= _MOST:
        raise UsageProblem(f"--limit: {limit} is out of range; give 1 to {_MOST}")
    use_database()
    from clockwright.server import selectors
    from clockwright.workflows.selectors import names_of

    community = caller().community
    found = selectors.find_schedule(community, schedule, also_removed=True) if schedule else None
    ledger = selectors.Ledger(
        community=community,
        schedule_id=found.schedule_id if found else None,
        states=_states(status or []),
    )
    latest = selectors.latest_runs(ledger, limit)
    if follow:
        _follow(ledger, latest, as_json=as_json)
    elif as_json:
        result_json({"items": [run_json(run) for run in latest]})
    elif latest:
        names = names_of(run.workflow_id for run in latest)
        result_table(_COLUMNS, [_row(run, names) for run in latest])
    else:
        say("no such runs yet" if schedule or status else "no runs yet")


def _states(names: list[str]) -> tuple[str, ...]:
    from clockwright.engine.model import RunState

    for name in names:
        if name not in set(RunState):
            raise UsageProblem(
                f"--status: {name!r} is not known; give one of {', '.join(RunState)}"
            )
    return tuple(names)


def _follow(ledger: Any, latest: list[Run], *, as_json: bool) -> None:
    """Print ended runs in the order they ended, until Ctrl-C."""
    from clockwright.server import selectors

    ended = sorted(
        (run for run in latest if run.finished_at), key=lambda run: (run.finished_at, run.run_id)
    )
    shown: dict[Any, datetime] = {}
    say("following the ledger (Ctrl-C ends)")
    try:
        while True:
            for run in ended:
                if run.run_id not in shown and run.finished_at is not None:
                    shown[run.run_id] = run.finished_at
                    result_json_line(run_json(run)) if as_json else result(run_line(run))
            last = max(shown.values(), default=None)
            if last is not None:
                shown = {run_id: at for run_id, at in shown.items() if at >= last - _OVERLAP}
            time.sleep(_LOOK_EVERY)
            ended = selectors.ended_runs(ledger, since=last - _OVERLAP if last else None)
    except KeyboardInterrupt:
        return


def run_json(run: Run) -> dict[str, Any]:
    """A run as the service gives it."""
    from clockwright.schedules.documents import run_document

    return run_document(run)


def run_line(run: Run) -> str:
    """A run as one line: when it was due (UTC), what it was, what became of it, how late and how long."""
    from clockwright.console.pages import function_name, lateness, reason_of, took

    line = (
        f"{in_zone(run.scheduled_for)[4:23]}  {function_name(run.workflow_id):<16} {run.status:<10}"
    )
    if run.started_at is not None:
        line += f" took {took(run.started_at, run.finished_at):<8} late {lateness(run)}"
    return f"{line}  {reason_of(run)}".rstrip()


def _row(run: Run, names: Mapping[UUID, str]) -> list[object]:
    from clockwright.console.pages import function_name, lateness, took

    return [
        in_zone(run.scheduled_for),
        str(run.schedule) if run.schedule else run.schedule_id,
        names.get(run.workflow_id) or function_name(run.workflow_id),
        run.status,
        run.reason,
        run.attempt or None,
        lateness(run),
        took(run.started_at, run.finished_at),
        run.node,
    ]
