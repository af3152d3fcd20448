"""What the overview shows, as plain values: every query is made here, a fixed number of them a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from clockwright.access.callers import Caller
from clockwright.console import selectors
from clockwright.console.progress import BackfillRow, backfill_rows
from clockwright.console.wording import length, relative, utc_time, wall_time
from clockwright.engine.model import RunState, Trigger
from clockwright.engine.registry import default_registry
from clockwright.recurrence import Recurrence
from clockwright.schedules.documents import describe_rule

if TYPE_CHECKING:
    from clockwright.schedules.models import Run, Schedule

DUE_ROWS = 8
RUN_ROWS = 12
PREVIEW_TIMES = 5
_ERROR_LENGTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One fact of the system's health; `tone` is good, warn or bad, and the words say the same."""

    name: str
    value: str
    more: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FireTime:
    """An instant as it is shown: wall time in a zone, UTC, and how far away it is."""

    local: str
    local_iso: str
    utc: str
    utc_iso: str
    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rule means and when it fires next."""

    description: str
    times: Sequence[FireTime]


def fire_time(instant: datetime, tz: str, now: datetime) -> FireTime:
    """An instant in the words of a table row."""
    in_utc = instant.astimezone(UTC)
    return FireTime(
        local=wall_time(instant, tz),
        local_iso=instant.isoformat(),
        utc=utc_time(in_utc),
        utc_iso=in_utc.isoformat(),
        relative=relative(in_utc, now),
    )


def preview_of(rule: Recurrence, now: datetime) -> Preview:
    """The next few fire times of a rule."""
    times = rule.upcoming(now, PREVIEW_TIMES)
    return Preview(
        description=rule.describe(), times=[fire_time(time, rule.tz, now) for time in times]
    )


def lateness(run: Run) -> str:
    """How long after its time a run began; a dash for one that never did, or not to be on time."""
    if run.started_at is None or run.trigger == Trigger.BACKFILL:
        return length(None)
    return length(run.started_at - run.scheduled_for)


def took(started_at: datetime | None, finished_at: datetime | None) -> str:
    """How long the last attempt ran; a dash while it has not ended."""
    duration: timedelta | None = None
    if started_at is not None and finished_at is not None:
        duration = finished_at - started_at
    return length(duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """An active schedule and its next fire time."""

    name: str
    function: str
    rule: str
    rule_more: str
    next: FireTime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One row of the ledger; `sign` and `tone` only repeat what `status` says in words."""

    name: str
    function: str
    due: str
    due_iso: str
    relative: str
    status: str
    reason: str
    sign: str
    tone: str
    attempt: str
    lateness: str
    duration: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The part of the page that changes by itself."""

    now_iso: str
    now_utc: str
    tiles: Sequence[Tile]
    due: Sequence[DueRow]
    active: int
    runs: Sequence[RunRow]
    backfills: Sequence[BackfillRow]

    @property
    def more_due(self) -> bool:
        """Whether the table leaves schedules out."""
        return self.active > len(self.due)


def overview(caller: Caller, now: datetime) -> Overview:
    """Everything the page shows of the caller's community at `now`."""
    active = selectors.count_active(caller.community)
    return Overview(
        now_iso=now.isoformat(),
        now_utc=utc_time(now),
        tiles=_tiles(caller.community, active, now),
        due=[
            _due_row(schedule, now) for schedule in selectors.next_due(caller.community, DUE_ROWS)
        ],
        active=active,
        runs=[_run_row(run, now) for run in selectors.latest_runs(caller.community, RUN_ROWS)],
        backfills=backfill_rows(caller.community, now),
    )


def _tiles(community: str, active: int, now: datetime) -> list[Tile]:
    nodes = selectors.nodes_alive(now)
    overdue = selectors.count_overdue(community, now)
    bad = selectors.count_bad_ends(community, now - timedelta(hours=1))
    return [
        Tile(name="Database", value="Reachable", more=selectors.database_name(), tone="good"),
        Tile(
            name="Engine",
            value=f"{len(nodes)} node{'' if len(nodes) == 1 else 's'} alive"
            if nodes
            else "No node alive",
            more=", ".join(node.node_id for node in nodes[:3])
            or "Start one with clockwright worker",
            tone="good" if nodes else "bad",
        ),
        Tile(
            name="Schedules",
            value=f"{active} active",
            more=f"{overdue} overdue" if overdue else "None overdue",
            tone="warn" if overdue else "good",
        ),
        Tile(
            name="Last hour",
            value=f"{bad} ended badly" if bad else "All well",
            more="failed, timed out, lost or missed"
            if bad
            else "Nothing failed, timed out, was lost or missed",
            tone="warn" if bad else "good",
        ),
    ]


def _due_row(schedule: Schedule, now: datetime) -> DueRow:
    due = schedule.next_execution_at
    if due is None:
        raise ValueError(f"schedule {schedule.schedule_id} is not active: it is due at no time")
    return DueRow(
        name=str(schedule),
        function=function_name(schedule.workflow_id),
        rule=rule_of(schedule),
        rule_more=_rule_more(schedule),
        next=fire_time(due.astimezone(ZoneInfo(schedule.timezone)), schedule.timezone, now),
    )


def rule_of(schedule: Schedule) -> str:
    """The rule as short as it can be said: the cron line, the period, or what kind of rule it is."""
    match schedule.schedule_type:
        case "cron" if schedule.cron_expression:
            return schedule.cron_expression
        case "interval" if schedule.interval_seconds:
            return f"every {length(timedelta(seconds=schedule.interval_seconds))}"
        case "one_time":
            return "once"
        case _:
            return "by a rule"


def rule_in_zone(schedule: Schedule) -> str:
    """The short rule, and where its clock hangs."""
    return f"{rule_of(schedule)}  {schedule.timezone}"


def _rule_more(schedule: Schedule) -> str:
    """What the short form leaves open: a cron line's meaning, and else only the zone."""
    if schedule.schedule_type in {"interval", "one_time"}:
        return schedule.timezone
    return describe_rule(schedule.recurrence)


_SIGNS = {
    RunState.SUCCEEDED: ("✓", "good"),
    RunState.RUNNING: ("▶", "busy"),
    RunState.QUEUED: ("•", "calm"),
    RunState.BUFFERED: ("•", "calm"),
    RunState.RETRYING: ("↻", "warn"),
    RunState.FAILED: ("✕", "bad"),
    RunState.TIMED_OUT: ("✕", "bad"),
    RunState.LOST: ("✕", "bad"),
    RunState.MISSED: ("!", "warn"),
    RunState.SKIPPED: ("○", "calm"),
    RunState.CANCELLED: ("○", "calm"),
}


def _run_row(run: Run, now: datetime) -> RunRow:
    state = RunState(run.status)
    sign, tone = _SIGNS[state]
    return RunRow(
        name=str(run.schedule) if run.schedule else str(run.schedule_id or "no schedule"),
        function=function_name(run.workflow_id),
        due=utc_time(run.scheduled_for),
        due_iso=run.scheduled_for.isoformat(),
        relative=relative(run.scheduled_for, now),
        status=_words(state),
        reason=reason_of(run),
        sign=sign,
        tone=tone,
        attempt=str(run.attempt) if run.attempt else "-",
        lateness=lateness(run),
        duration=took(run.started_at, run.finished_at),
        node=run.node or "-",
    )


def reason_of(run: Run) -> str:
    """Why, in words: the typed reason, the error's first line, and how many fire times a range row covers."""
    parts = [_words(run.reason)] if run.reason else []
    if run.error:
        parts.append(run.error.strip().splitlines()[0][:_ERROR_LENGTH])
    if run.covers_count > 1:
        parts.append(f"{run.covers_count:,} fire times")
    return ": ".join(parts)


def _words(value: str) -> str:
    return value.replace("_", " ")


def function_name(workflow_id: UUID) -> str:
    """The key of a registered function, else the workflow's id; nothing is asked of the database."""
    function = default_registry.by_workflow(workflow_id)
    if function is not None:
        return function.key
    is_function = workflow_id.version == 5  # as `workflow_id_of` makes them; a graph has another
    return f"{'unknown ' if is_function else ''}workflow {str(workflow_id)[:8]}"
