"""`clockwright preview`: what a rule means and when it fires. Touches no database and loads no Django."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.engine.clock import utc_now
from clockwright.server.cli.options import AsJson, instant, takes
from clockwright.server.cli.rules import ReadRule, RuleOptions, read_rule
from clockwright.server.errors import UsageProblem
from clockwright.server.output import in_zone, iso_utc, result, result_json, result_table, say

if TYPE_CHECKING:
    from clockwright.recurrence import ClockEffect, Recurrence

_MOST = 1_000
_MOST_CHANGES = 100


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(RuleOptions):
    """What is asked of the rule."""

    after: Annotated[
        str | None,
        _option("--after", metavar="INSTANT", help="Strictly after this instant; default: now."),
    ] = None
    count: Annotated[int, _option("--count", "-n", help="How many fire times: 1 to 1000.")] = 10
    clock_changes: Annotated[
        int,
        _option(
            "--clock-changes",
            metavar="N",
            help="Also say what the next N clock changes of the zone do to it: 1 to 100.",
        ),
    ] = 0
    as_json: AsJson = False


@takes(Question)
def preview(asked: Question) -> None:
    """Say what EXPR, or a rule as JSON, means and when it fires next."""
    if not 1 <= asked.count <= _MOST:
        raise UsageProblem(f"--count: {asked.count} is out of range; give 1 to {_MOST}")
    if not 0 <= asked.clock_changes <= _MOST_CHANGES:
        raise UsageProblem(
            f"--clock-changes: {asked.clock_changes} is out of range; give 1 to {_MOST_CHANGES}"
        )
    start = instant("--after", asked.after) if asked.after is not None else utc_now()
    read = read_rule(asked, start)
    rule = read.rule
    if not rule.is_possible():
        raise UsageProblem(f"{read.name!r} never fires: no such date exists; choose another day")
    times = rule.upcoming(start, asked.count)
    if len(times) < asked.count:
        say(
            f"{len(times)} of {asked.count}: the rule has no {'more ' if times else ''}fire times after {iso_utc(start)}"
        )
    effects = _effects(rule, start, asked.clock_changes) if asked.clock_changes else None
    if asked.as_json:
        answer = _as_json(asked, read, times)
        if effects is not None:
            answer["clock_changes"] = [effect.to_json() for effect in effects]
        result_json(answer)
        return
    result(f"{read.name}  ({rule.tz}): {rule.describe()}")
    if read.sentence is not None:
        result(f"{read.sentence}: {json.dumps(rule.to_json())}")
    rows = [(n, in_zone(time, rule.tz), iso_utc(time)) for n, time in enumerate(times, 1)]
    result_table(("#", "local", "UTC"), rows)
    for line in _told(rule, effects):
        result(line)


def _effects(rule: Recurrence, start: datetime, count: int) -> tuple[ClockEffect, ...]:
    from clockwright.recurrence import RecurrenceError, clock_effects

    try:
        return clock_effects(rule, start, transitions=count)
    except RecurrenceError as error:
        raise UsageProblem(f"--clock-changes: {error}") from error


def _told(rule: Recurrence, effects: tuple[ClockEffect, ...] | None) -> list[str]:
    if effects is None:
        return []
    told = [f"{'! ' if e.is_affected else '  '}{e.describe()}" for e in effects]
    return ["", *(told or [f"  No clock change in {rule.tz} lies ahead of it."])]


def _as_json(asked: Question, read: ReadRule, times: list[datetime]) -> dict[str, object]:
    rule = read.rule
    answer: dict[str, object] = {
        "expression": asked.expression,
        "timezone": rule.tz,
        "description": rule.describe(),
        "fire_times": [
            {"utc": iso_utc(t), "local": t.astimezone(rule.timezone).isoformat()} for t in times
        ],
    }
    if read.sentence is not None:
        answer["words"] = read.sentence
    if read.sentence is not None or asked.rule is not None:
        answer["rule"] = rule.to_json()
    return answer
