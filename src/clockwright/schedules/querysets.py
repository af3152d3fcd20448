"""Questions about schedules, runs and nodes, by name. A question never writes, and time comes in as `now`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from django.db import models

from clockwright.engine.model import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    FINAL_STATES,
    RunState,
    ScheduleStatus,
    Trigger,
)

if TYPE_CHECKING:
    from clockwright.schedules.models import Node, Run, Schedule  # noqa: F401 - named in the bases

UNFINISHED_STATES = frozenset(RunState) - FINAL_STATES

QUEUE_WORKER: Final = "celery:"
"""How the ids of nodes begin that are workers of a queue."""


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """Questions about schedules."""

    def in_community(self, community: str) -> Self:
        """Those of one tenant."""
        return self.filter(community_id=community)

    def of_workflow(self, workflow_id: UUID) -> Self:
        """Those that start one workflow."""
        return self.filter(workflow_id=workflow_id)

    def present(self) -> Self:
        """All but the removed ones."""
        return self.exclude(status=ScheduleStatus.REMOVED)

    def active(self) -> Self:
        """Those that have a fire time to come."""
        return self.filter(status=ScheduleStatus.ACTIVE)

    def due(self, now: datetime) -> Self:
        """Those with a fire time that is not settled yet, the longest waiting first."""
        return self.active().filter(next_execution_at__lte=now).next_first()

    def overdue(self, now: datetime, by: timedelta) -> Self:
        """Those that should have been settled long ago: what tells that no engine runs."""
        return self.due(now - by)

    def next_first(self) -> Self:
        """In the order of their next fire time; those without one last."""
        return self.order_by(models.F("next_execution_at").asc(nulls_last=True), "id")


class RunQuerySet(models.QuerySet["Run"]):
    """Questions about the ledger."""

    def in_community(self, community: str) -> Self:
        """Those of one tenant."""
        return self.filter(community_id=community)

    def of_schedule(self, schedule_id: UUID) -> Self:
        """Those of one schedule, newest fire time first."""
        return self.filter(schedule_id=schedule_id).newest_first()

    def newest_first(self) -> Self:
        """The latest fire time first; the order of the ledger's index."""
        return self.order_by("-scheduled_for", "-run_id")

    def latest_made(self) -> Self:
        """The latest row first, whatever its fire time; ids are ordered by time of creation."""
        return self.order_by("-run_id")

    def scheduled(self) -> Self:
        """Those of fire times, without manual runs, backfills and calls."""
        return self.filter(trigger=Trigger.SCHEDULE)

    def final(self) -> Self:
        """Those that nothing can follow."""
        return self.filter(status__in=FINAL_STATES)

    def unfinished(self) -> Self:
        """Those that something will still follow."""
        return self.filter(status__in=UNFINISHED_STATES)

    def active(self) -> Self:
        """Those that count against `max_instances`."""
        return self.filter(status__in=ACTIVE_STATES)

    def claimable(self, now: datetime) -> Self:
        """Those that a node may take, in the order in which it takes them."""
        ready = self.filter(status__in=CLAIMABLE_STATES, ready_at__lte=now)
        return ready.order_by("-priority", "ready_at", "run_id")

    def held_by(self, node_id: str) -> Self:
        """Those that a node is running."""
        return self.filter(status=RunState.RUNNING, node=node_id)


class NodeQuerySet(models.QuerySet["Node"]):
    """Questions about engine processes."""

    def alive(self, now: datetime) -> Self:
        """Those whose lease holds."""
        return self.filter(is_alive=True, lease_until__gte=now)

    def engines(self) -> Self:
        """Those that settle schedules; workers of a queue only execute what engines send."""
        return self.exclude(node_id__startswith=QUEUE_WORKER)

    def newest_first(self) -> Self:
        """The latest started first."""
        return self.order_by("-started_at", "-node_id")
