"""Questions about schedules and their runs. Each is one query, never one a row, and none of them writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, Q, TextField
from django.db.models.functions import Cast

from clockwright.access.store import is_community
from clockwright.engine.model import RunState, ScheduleStatus, Trigger
from clockwright.schedules.backfill_models import Backfill
from clockwright.schedules.calendar_models import ScheduleCalendar
from clockwright.schedules.models import Run, Schedule
from clockwright.schedules.store.projection import ScheduleType

__all__ = ["is_community"]

T = TypeVar("T")

LARGEST_PAGE = 200
LIVING = (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED)
_GROUPS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some rows, and the cursor of those that follow; None after the last."""

    rows: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules are asked for; None means any. Without a status all but the removed ones."""

    community: str | None = None
    status: ScheduleStatus | None = None
    schedule_type: str | None = None
    workflow_id: UUID | None = None


def ping() -> None:
    """One round trip; raises Django's DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def find_schedule(community: str | None, schedule_id: UUID) -> Schedule | None:
    """A schedule that is not removed; `community` None looks in all of them, for trusted code."""
    rows = Schedule.objects.present().filter(schedule_id=schedule_id)
    return (rows if community is None else rows.in_community(community)).first()


def lock_schedule(community: str, schedule_id: UUID) -> Schedule | None:
    """The same, held until the transaction ends, so that what is decided about it stays true."""
    rows = Schedule.objects.present().in_community(community).filter(schedule_id=schedule_id)
    return rows.select_for_update().first()


def lock_by_key(community: str, key: str) -> Schedule | None:
    """The schedule of a key, held until the transaction ends."""
    rows = Schedule.objects.present().in_community(community).filter(key=key)
    return rows.select_for_update().first()


def find_by_key(community: str, key: str) -> Schedule | None:
    """The schedule of a key."""
    return Schedule.objects.present().in_community(community).filter(key=key).first()


def schedules_page(
    wanted: ScheduleFilter, limit: int = 50, cursor: str | None = None
) -> Page[Schedule]:
    """The schedules made last first; raises ValueError for a cursor that no page gave."""
    rows = Schedule.objects.present()
    if wanted.community is not None:
        rows = rows.in_community(wanted.community)
    if wanted.status is not None:
        rows = rows.filter(status=wanted.status)
    if wanted.schedule_type is not None:
        rows = rows.filter(schedule_type=wanted.schedule_type)
    if wanted.workflow_id is not None:
        rows = rows.of_workflow(wanted.workflow_id)
    if cursor is not None:
        rows = rows.filter(id__lt=int(cursor))
    return _page(list(rows.order_by("-id")[: limit + 1]), limit, lambda row: str(row.id))


def runs_page(
    community: str, schedule_id: UUID, limit: int = 50, cursor: str | None = None
) -> Page[Run]:
    """The runs of a schedule, newest first, missed and skipped ones included; raises ValueError for a bad cursor."""
    rows = Run.objects.in_community(community).of_schedule(schedule_id)
    if cursor is not None:
        at, _, run_id = cursor.partition("~")
        place = datetime.fromisoformat(at)
        if place.tzinfo is None:
            raise ValueError(f"cursor {cursor!r}: take it from `next`")
        rows = rows.filter(
            Q(scheduled_for__lt=place) | Q(scheduled_for=place, run_id__lt=UUID(run_id))
        )
    found = list(rows.defer("traceback", "args")[: limit + 1])
    return _page(found, limit, lambda run: f"{run.scheduled_for.isoformat()}~{run.run_id}")


def next_due(limit: int, community: str | None = None) -> list[Schedule]:
    """The active schedules that fire next."""
    rows = Schedule.objects.active().next_first()
    return list((rows if community is None else rows.in_community(community))[:limit])


def latest_runs(limit: int, community: str | None = None) -> list[Run]:
    """The rows of the ledger that were made last."""
    rows = Run.objects.latest_made().defer("traceback", "args")
    return list((rows if community is None else rows.in_community(community))[:limit])


def active_schedules() -> list[Schedule]:
    """Every schedule with a fire time to come, the next one first."""
    return list(Schedule.objects.active().next_first())


def find_active(schedule_id: str) -> Schedule | None:
    """An active schedule by the text of its id; None also for a text that is none."""
    try:
        wanted = UUID(schedule_id)
    except ValueError:
        return None
    return Schedule.objects.active().filter(schedule_id=wanted).first()


def count_active() -> int:
    """How many schedules of all communities have a fire time to come."""
    return Schedule.objects.active().count()


def with_keys(community: str) -> list[Schedule]:
    """The schedules that have a key, in the order of their next fire time."""
    rows = Schedule.objects.present().in_community(community).exclude(key=None)
    return list(rows.next_first())


def queued_for(fire_times: Collection[tuple[UUID, datetime]]) -> list[Run]:
    """The scheduled runs of some fire times, oldest first."""
    if not fire_times:
        return []
    rows = Run.objects.scheduled().filter(
        schedule_id__in={schedule_id for schedule_id, _ in fire_times},
        scheduled_for__in={at for _, at in fire_times},
    )
    wanted = set(fire_times)
    found = [run for run in rows if (run.schedule_id, run.scheduled_for) in wanted]
    return sorted(found, key=lambda run: (run.scheduled_for, run.run_id))


def unfinished_among(run_ids: Sequence[UUID]) -> int:
    """How many of some runs wait to be taken, or are running."""
    if not run_ids:
        return 0
    states = (RunState.QUEUED, RunState.RUNNING)
    return Run.objects.filter(run_id__in=run_ids, status__in=states).count()


def find_run(community: str, run_id: UUID) -> Run | None:
    """One row of the ledger."""
    return Run.objects.in_community(community).filter(run_id=run_id).first()


def manual_run(schedule_id: UUID, request_id: str) -> Run | None:
    """The run that a request made before."""
    rows = Run.objects.of_schedule(schedule_id)
    return rows.filter(request_id=request_id, trigger=Trigger.MANUAL).first()


def backfills_page(
    community: str, schedule_id: UUID, limit: int = 50, cursor: str | None = None
) -> Page[Backfill]:
    """The backfills of a schedule, asked for last first; raises ValueError for a cursor that no page gave."""
    rows = Backfill.objects.filter(community_id=community, schedule_id=str(schedule_id))
    if cursor is not None:  # their ids are ordered by time
        rows = rows.filter(backfill_id__lt=UUID(cursor))
    found = list(rows.order_by("-backfill_id")[: limit + 1])
    return _page(found, limit, lambda row: str(row.backfill_id))


def latest_backfills(community: str, since: datetime, limit: int) -> list[Backfill]:
    """Those under way, and those that ended since an instant, asked for last first."""
    rows = Backfill.objects.filter(community_id=community).select_related("schedule")
    recent = rows.filter(Q(finished_at=None) | Q(finished_at__gte=since))
    return list(recent.order_by("-backfill_id")[:limit])


def find_backfill(community: str, backfill_id: UUID) -> Backfill | None:
    """One backfill."""
    return Backfill.objects.filter(community_id=community, backfill_id=backfill_id).first()


def requested_backfill(schedule_id: UUID, request_id: str) -> Backfill | None:
    """The backfill that a request made before."""
    return Backfill.objects.filter(schedule_id=str(schedule_id), request_id=request_id).first()


def backfill_counts(backfill_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """How many runs of each backfill are in which state, by the ledger."""
    counts: dict[UUID, dict[str, int]] = {backfill_id: {} for backfill_id in backfill_ids}
    rows = Run.objects.filter(backfill_id__in=backfill_ids).order_by()
    for backfill_id, status, count in rows.values_list("backfill_id", "status").annotate(
        Count("run_id")
    ):
        counts[backfill_id][status] = count
    return counts


def _page(rows: list[T], limit: int, place: Callable[[T], str]) -> Page[T]:
    kept = rows[:limit]
    return Page(rows=kept, next=place(kept[-1]) if len(rows) > limit else None)


class Alike(NamedTuple):
    """Active schedules with one rule, the same bounds and as many runs left."""

    recurrence: dict[str, Any]
    start_at: datetime | None
    end_at: datetime | None
    left: int | None
    schedules: int


def alike(community: str | None, before: datetime) -> Iterator[Alike]:
    """The active schedules that are due before an instant, grouped; `community` None means all of them."""
    schedules = Schedule.objects.active().filter(next_execution_at__lt=before)
    if community is not None:
        schedules = schedules.in_community(community)
    left = F("max_executions") - F("execution_count")
    groups = schedules.order_by().values_list("recurrence", "start_at", "end_at", left)
    for group in groups.annotate(Count("id")).iterator(chunk_size=_GROUPS):
        yield Alike(*group)


def find_calendar(community: str, name: str) -> ScheduleCalendar | None:
    """The calendar that a community keeps under a name."""
    return ScheduleCalendar.objects.filter(community_id=community, name=name).first()


def lock_calendar(community: str, name: str) -> ScheduleCalendar | None:
    """The same, held until the transaction ends."""
    rows = ScheduleCalendar.objects.filter(community_id=community, name=name)
    return rows.select_for_update().first()


def calendars_of(community: str) -> list[ScheduleCalendar]:
    """All that a community keeps, by name."""
    return list(ScheduleCalendar.objects.filter(community_id=community).order_by("name"))


def calendar_values(community: str, names: Collection[str]) -> dict[str, Any]:
    """The calendars of some names, as JSON."""
    rows = ScheduleCalendar.objects.filter(community_id=community, name__in=names)
    return {row.name: row.data for row in rows}


def lock_calendar_values(community: str, names: Collection[str]) -> dict[str, Any]:
    """The same, held until the transaction ends."""
    rows = ScheduleCalendar.objects.filter(community_id=community, name__in=names)
    return {row.name: row.data for row in rows.order_by("name").select_for_update()}


def living_schedules_with(community: str, text: str) -> Sequence[Schedule]:
    """The active and paused schedules in whose rule a JSON string occurs, whatever it stands for there."""
    rows = Schedule.objects.in_community(community).filter(
        schedule_type=ScheduleType.RULE, status__in=LIVING
    )
    written = rows.annotate(written=Cast("recurrence", TextField()))
    return list(written.filter(written__contains=f'"{text}"').order_by("pk"))
