"""`clockwright preview`: what an expression means and when it fires. Touches no database and loads no Django."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from clockwright.engine.clock import utc_now
from clockwright.server.cli.options import AsJson, instant
from clockwright.server.errors import UsageProblem
from clockwright.server.output import in_zone, iso_utc, result, result_json, result_table, say

if TYPE_CHECKING:
    from clockwright.recurrence import Recurrence

_MOST = 1_000


class Dialect(StrEnum):
    """How many fields a cron line has."""

    UNIX = "unix"
    SECONDS = "seconds"
    SECONDS_YEAR = "seconds_year"


def preview(
    expression: Annotated[
        str, typer.Argument(metavar="EXPR", help='A cron line, such as "0 5 * * mon-fri".')
    ],
    tz: Annotated[
        str, typer.Option("--tz", metavar="ZONE", help="The IANA zone it is read in.")
    ] = "UTC",
    *,
    after: Annotated[
        str | None,
        typer.Option(
            "--after", metavar="INSTANT", help="Strictly after this instant; default: now."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", help="How many fire times: 1 to 1000.")
    ] = 10,
    dialect: Annotated[
        Dialect,
        typer.Option("--dialect", help="5 fields, 6 with seconds first, or 7 with the year last."),
    ] = Dialect.UNIX,
    as_json: AsJson = False,
) -> None:
    """Say what EXPR means and when it fires next."""
    if not 1 <= count <= _MOST:
        raise UsageProblem(f"--count: {count} is out of range; give 1 to {_MOST}")
    rule = _parse(expression, tz, dialect)
    start = instant("--after", after) if after is not None else utc_now()
    times = rule.upcoming(start, count)
    if len(times) < count:
        say(
            f"{len(times)} of {count}: the rule has no {'more ' if times else ''}fire times after {iso_utc(start)}"
        )
    if as_json:
        result_json(_as_json(expression, rule, times))
        return
    result(f"{expression}  ({rule.tz}): {rule.describe()}")
    rows = [(n, in_zone(time, rule.tz), iso_utc(time)) for n, time in enumerate(times, 1)]
    result_table(("#", "local", "UTC"), rows)


def _parse(expression: str, tz: str, dialect: Dialect) -> Recurrence:
    from clockwright.recurrence import Cron, RecurrenceError

    try:
        return Cron(expression, tz, dialect=dialect.value)
    except RecurrenceError as error:
        raise UsageProblem(str(error)) from error


def _as_json(expression: str, rule: Recurrence, times: list[datetime]) -> dict[str, object]:
    return {
        "expression": expression,
        "timezone": rule.tz,
        "description": rule.describe(),
        "fire_times": [
            {"utc": iso_utc(t), "local": t.astimezone(rule.timezone).isoformat()} for t in times
        ],
    }
