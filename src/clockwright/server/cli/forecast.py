"""`clockwright forecast`: the load that the active schedules will make, hour by hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from clockwright.engine.clock import utc_now
from clockwright.server.cli.options import AsJson
from clockwright.server.errors import UsageProblem
from clockwright.server.output import iso_utc, result, result_json, result_table
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from clockwright.recurrence import Forecast


def forecast(
    *,
    hours: Annotated[int, typer.Option("--hours", help="How far to look: 1 to 168.")] = 24,
    as_json: AsJson = False,
) -> None:
    """Count the fire times to come of all active schedules: per hour, or with --json per minute."""
    use_database()
    from clockwright.schedules.forecast import LONGEST_HOURS, load_forecast

    if not 1 <= hours <= LONGEST_HOURS:
        raise UsageProblem(f"--hours: {hours} is out of range; give 1 to {LONGEST_HOURS}")
    start = (utc_now() + timedelta(minutes=1)).replace(second=0, microsecond=0)
    found = load_forecast(caller().community, start, timedelta(hours=hours))
    if as_json:
        result_json(_as_json(found))
        return
    peak_at, peak = found.peak()
    where = f"; the fullest minute is {iso_utc(peak_at)} with {peak:,}" if peak else ""
    result(f"{found.total:,} fire times from {iso_utc(start)} on{where}")
    rows = []
    for slot in range(0, len(found.counts), 60):
        hour = found.counts[slot : slot + 60]
        rows.append((iso_utc(found.slot_start(slot)), f"{sum(hour):,}", f"{max(hour):,}"))
    result_table(("hour from", "fire times", "fullest minute"), rows)


def _as_json(found: Forecast) -> dict[str, object]:
    peak_at, peak = found.peak()
    return {
        "start": iso_utc(found.slot_start(0)),
        "step_seconds": found.step,
        "counts": list(found.counts),
        "total": found.total,
        "peak": peak,
        "peak_at": iso_utc(peak_at) if peak else None,
    }
