"""`clockwright prune`: delete what is past its retention, now."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from clockwright.server.errors import UsageProblem
from clockwright.server.output import result
from clockwright.server.runtime import maintainer, use_database

_BATCH = 1_000
_MOST_DAYS = 36_500


def prune(
    *,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", "-d", help="Keep so many days; default: CLOCKWRIGHT_RETENTION_DAYS."
        ),
    ] = None,
) -> None:
    """Delete runs that ended longer ago than they are to be kept, batch by batch; engines go on meanwhile."""
    if days is not None and not 0 <= days <= _MOST_DAYS:
        raise UsageProblem(f"--days: {days} is out of range; give 0 to {_MOST_DAYS}")
    maintainer("prune")
    use_database()
    from clockwright.schedules.conf import engine_settings
    from clockwright.schedules.stores import sql_store
    from clockwright.workflows.store import ExecutionStore

    kept = engine_settings().retention if days is None else timedelta(days=days)
    if kept is None:
        raise UsageProblem(
            "nothing says how long runs are kept: give --days, or set CLOCKWRIGHT_RETENTION_DAYS"
        )
    store, pruned = sql_store(), 0
    before = store.now() - kept
    while batch := store.prune(before, _BATCH):
        pruned += batch
    executions = ExecutionStore()
    while executions.prune(before, _BATCH):
        pass  # they go with their runs, and are not counted apart
    result(f"{pruned} runs that ended before {before:%Y-%m-%d %H:%M} UTC were deleted")
