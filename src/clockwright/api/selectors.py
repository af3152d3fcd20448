"""The API's questions to the database: one query a page, always within the caller's community."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clockwright.api import paging
from clockwright.api.paging import Page, page_of, position_of
from clockwright.schedules.models import Node, Run, Schedule
from clockwright.schedules.querysets import RunQuerySet, ScheduleQuerySet


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFilter:
    """Which schedules are asked for; None means any. Without a status all but the removed ones."""

    status: str | None = None
    schedule_type: str | None = None
    workflow_id: UUID | None = None
    key: str | None = None
    q: str | None = None

    def rows(self, community: str) -> ScheduleQuerySet:
        """The rows, unordered."""
        rows = Schedule.objects.in_community(community).present()
        exact = {
            "status": self.status,
            "schedule_type": self.schedule_type,
            "workflow_id": self.workflow_id,
            "key": self.key,
        }
        rows = rows.filter(**{name: value for name, value in exact.items() if value is not None})
        if self.q:
            words = Q(key__icontains=self.q) | Q(name__icontains=self.q)
            rows = rows.filter(words | Q(cron_expression__icontains=self.q))
        return rows


def schedules_page(
    community: str, wanted: ScheduleFilter, limit: int, cursor: str | None
) -> Page[Schedule]:
    """The schedules made last first; raises BadCursor."""
    rows = wanted.rows(community).order_by("-id")
    if cursor is not None:
        (last,) = position_of(cursor, paging.read_serial)
        rows = rows.filter(id__lt=last)
    return page_of(list(rows[: limit + 1]), limit, lambda row: paging.cursor_of(row.id))


def workflow_page(
    community: str, workflow_id: UUID, limit: int, cursor: str | None
) -> Page[Schedule]:
    """The schedules of a workflow in the order of their next fire time, those without one last (S4-88)."""
    rows = ScheduleFilter(workflow_id=workflow_id).rows(community).next_first()
    if cursor is not None:
        at, last = position_of(cursor, paging.read_instant_or_none, paging.read_serial)
        rows = rows.filter(_after(at, last))
    return page_of(
        list(rows[: limit + 1]),
        limit,
        lambda row: paging.cursor_of(row.next_execution_at, row.id),
    )


def _after(at: datetime | None, last: int) -> Q:
    never = Q(next_execution_at=None)
    if at is None:
        return never & Q(id__gt=last)
    return never | Q(next_execution_at__gt=at) | Q(next_execution_at=at, id__gt=last)


def count_of_workflow(community: str, workflow_id: UUID) -> int:
    """How many schedules a workflow has."""
    return ScheduleFilter(workflow_id=workflow_id).rows(community).count()


def is_schedule(community: str, schedule_id: UUID) -> bool:
    """Whether the community has, or had, such a schedule."""
    return Schedule.objects.in_community(community).filter(schedule_id=schedule_id).exists()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs of a schedule are asked for; no states means all of them."""

    schedule_id: UUID
    states: tuple[str, ...] = ()

    def rows(self, community: str) -> RunQuerySet:
        """The rows, newest fire time first, without their tracebacks."""
        rows = Run.objects.in_community(community).of_schedule(self.schedule_id)
        if self.states:
            rows = rows.filter(status__in=self.states)
        return rows.defer("traceback", "args")


def runs_page(community: str, wanted: RunFilter, limit: int, cursor: str | None) -> Page[Run]:
    """The runs of a schedule, newest first, missed and skipped ones included; raises BadCursor."""
    rows = wanted.rows(community)
    if cursor is not None:
        at, last = position_of(cursor, paging.read_instant, paging.read_uuid)
        rows = rows.filter(Q(scheduled_for__lt=at) | Q(scheduled_for=at, run_id__lt=last))
    return page_of(
        list(rows[: limit + 1]), limit, lambda row: paging.cursor_of(row.scheduled_for, row.run_id)
    )


def nodes_alive(now: datetime) -> int:
    """How many engine processes hold their lease."""
    return int(Node.objects.engines().alive(now).count())


def longest_due(now: datetime) -> datetime | None:
    """Since when the schedule that waits longest has been due; None when nothing waits."""
    first = Schedule.objects.due(now).values_list("next_execution_at", flat=True).first()
    return first if isinstance(first, datetime) else None


def count_waiting() -> int:
    """How many runs wait for a node."""
    return int(Run.objects.filter(status__in=["queued", "retrying"]).count())
