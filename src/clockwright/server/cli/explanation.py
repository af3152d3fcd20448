"""`clockwright explain`: why a rule fires at an instant, or does not. Without `--schedule` it needs no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from clockwright.engine.clock import utc_now
from clockwright.server.cli.options import AsJson, takes
from clockwright.server.cli.rules import RuleOptions, read_rule
from clockwright.server.errors import UsageProblem
from clockwright.server.output import result, result_json

if TYPE_CHECKING:
    from clockwright.recurrence import Explanation, Recurrence
    from clockwright.schedules.models import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt(RuleOptions):
    """What is asked of the rule, or of a schedule's."""

    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="INSTANT", help="The instant; without an offset a time in the zone."
        ),
    ]
    schedule: Annotated[
        str | None,
        typer.Option("--schedule", metavar="SCHEDULE", help="Instead of a rule: an id or a key."),
    ] = None
    as_json: AsJson = False


@takes(Doubt)
def explain(asked: Doubt) -> None:
    """Say why EXPR, a rule as JSON, or a schedule's rule, fires at an instant or does not."""
    if asked.schedule is not None:
        _explain_schedule(asked, asked.schedule)
        return
    found = _of_rule(read_rule(asked, utc_now()).rule, asked.at)
    if asked.as_json:
        result_json(found.to_json())
    else:
        result(str(found))


def _explain_schedule(asked: Doubt, reference: str) -> None:
    if asked.expression is not None or asked.rule is not None:
        raise UsageProblem("EXPR: give a rule, or a schedule with --schedule; not both")
    unused = [*(["--tz"] if asked.tz is not None else []), *asked.of_line]
    if unused:
        raise UsageProblem(
            f"{unused[0]}: does not go with --schedule, which has its rule and zone; leave it out"
        )
    from clockwright.server.runtime import caller, use_database

    use_database()
    from clockwright.server.selectors import find_schedule

    row = find_schedule(caller().community, reference, also_removed=True)
    found = _of_schedule(row, asked.at)
    if asked.as_json:
        result_json({**found.to_json(), "status": row.status})
        return
    result(str(found))
    if row.status != "active":
        why = f" ({row.status_reason})" if row.status_reason else ""
        result(f"The schedule is {row.status}{why}: only while it is active do its fire times run.")


def _of_rule(rule: Recurrence, at: str) -> Explanation:
    from clockwright.recurrence import RecurrenceError

    try:
        return rule.explain(_instant(at, rule.tz))
    except RecurrenceError as error:
        raise UsageProblem(f"--at: {error}") from error


def _of_schedule(row: Schedule, at: str) -> Explanation:
    from clockwright.recurrence import RecurrenceError, from_json
    from clockwright.schedules import explanations

    try:
        rule, instant = from_json(row.recurrence), _instant(at, row.timezone)
        return explanations.explain(rule, instant, start_at=row.start_at, end_at=row.end_at)
    except RecurrenceError as error:
        raise UsageProblem(f"--at: {error}") from error


def _instant(text: str, tz: str) -> datetime:
    """The instant itself, a fraction of its second kept; a time without an offset is read in the zone."""
    from clockwright.recurrence import Once

    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageProblem(
            f"--at: {text!r} is not an instant; write for example 2026-10-04T02:30:00Z"
        ) from None
    if value.tzinfo is not None:
        return value
    fraction = timedelta(microseconds=value.microsecond)
    return Once(value.replace(microsecond=0), tz).instant + fraction
