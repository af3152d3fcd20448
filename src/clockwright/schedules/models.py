"""Schedules, the ledger of runs, and nodes as tables. The engine writes them through `store`; everybody else reads.

Every rule about states is a check constraint, so that no program, and no person with a database client, can write what
the engine could not explain.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import Case, F, Q, When

from clockwright.engine.model import Reason, RunState, ScheduleStatus, Trigger
from clockwright.schedules.backfill_models import (  # noqa: F401 - here Django finds it
    PRIORITY_IN_RANGE,
    Backfill,
)
from clockwright.schedules.calendar_models import (  # noqa: F401 - here Django finds it
    ScheduleCalendar,
)
from clockwright.schedules.indexes import DocumentedIndex
from clockwright.schedules.querysets import NodeQuerySet, RunQuerySet, ScheduleQuerySet
from clockwright.schedules.store.projection import ScheduleType
from clockwright.schedules.upkeep_models import (  # noqa: F401 - here Django finds them
    Examination,
    FailureStreak,
    ZoneRecord,
)


def _choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value.replace("_", " ")) for member in kind]


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


class Schedule(models.Model):
    """A recurrence with its bounds, policies, workflow and watermark (S4-24, R9, R10).

    `recurrence` is the truth; `schedule_type`, `cron_expression`, `interval_seconds`, `scheduled_time` and `timezone`
    project it. `next_execution_at` is set exactly while the schedule is active.
    """

    id = models.AutoField(primary_key=True)
    schedule_id = models.UUIDField(unique=True)
    workflow_id = models.UUIDField()
    schedule_type = models.CharField(max_length=50, choices=_choices(ScheduleType))
    cron_expression = models.CharField(max_length=255, null=True, blank=True)
    interval_seconds = models.IntegerField(null=True, blank=True)
    scheduled_time = models.DateTimeField(null=True, blank=True)
    timezone = models.CharField(max_length=100, default="UTC", db_default="UTC")
    is_active = models.BooleanField(default=True, db_default=True)
    next_execution_at = models.DateTimeField(null=True, blank=True)
    last_execution_at = models.DateTimeField(null=True, blank=True)
    last_execution_id = models.UUIDField(null=True, blank=True)
    max_executions = models.IntegerField(null=True, blank=True)
    execution_count = models.IntegerField(default=0, db_default=0)
    context_data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    community = models.ForeignKey(
        "clockwright_access.Community",
        on_delete=models.PROTECT,
        related_name="schedules",
        db_index=False,
    )
    key = models.CharField(max_length=255, null=True, blank=True)
    name = models.CharField(max_length=255, default="", db_default="", blank=True)
    status = models.CharField(
        max_length=20, choices=_choices(ScheduleStatus), default=ScheduleStatus.ACTIVE.value
    )
    status_reason = models.CharField(max_length=255, null=True, blank=True)
    recurrence = models.JSONField()
    settled_until = models.DateTimeField()
    start_at = models.DateTimeField(null=True, blank=True)
    end_at = models.DateTimeField(null=True, blank=True)
    policy = models.JSONField()
    args = models.JSONField(default=list)
    version = models.IntegerField(default=1, db_default=1)
    engine_version = models.IntegerField()
    tzdata_version = models.CharField(max_length=50)
    created_by = models.CharField(max_length=255, default="", db_default="", blank=True)
    rule_since = models.DateTimeField(null=True, blank=True)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "workflow_schedules"
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # S4-25…28; the due query walks the third: active schedules only, in the order in which they are due
            DocumentedIndex(fields=["workflow_id"], name="idx_workflow_schedules_workflow_id"),
            DocumentedIndex(fields=["is_active"], name="idx_workflow_schedules_is_active"),
            DocumentedIndex(
                fields=["next_execution_at"],
                name="idx_workflow_schedules_next_execution",
                condition=Q(status="active"),
            ),
            DocumentedIndex(fields=["schedule_type"], name="idx_workflow_schedules_schedule_type"),
        ]
        constraints: ClassVar = [
            # NULLs differ from each other; as it holds every row it also finds those of a community
            models.UniqueConstraint(
                fields=["community", "key"], name="schedule_key_unique_in_community"
            ),
            models.CheckConstraint(
                name="schedule_status_known", condition=Q(status__in=_values(ScheduleStatus))
            ),
            models.CheckConstraint(
                name="schedule_is_active_says_status",
                condition=Q(is_active=True, status="active")
                | (Q(is_active=False) & ~Q(status="active")),
            ),
            models.CheckConstraint(
                name="schedule_active_means_next_execution",
                condition=Q(status="active", next_execution_at__isnull=False)
                | (~Q(status="active") & Q(next_execution_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="schedule_type_projects_its_rule",
                condition=Q(
                    schedule_type="cron",
                    cron_expression__isnull=False,
                    interval_seconds__isnull=True,
                    scheduled_time__isnull=True,
                )
                | Q(
                    schedule_type="interval",
                    cron_expression__isnull=True,
                    # said twice, because a comparison with NULL does not fail a check
                    interval_seconds__isnull=False,
                    interval_seconds__gt=0,
                    scheduled_time__isnull=True,
                )
                | Q(
                    schedule_type="one_time",
                    cron_expression__isnull=True,
                    interval_seconds__isnull=True,
                    scheduled_time__isnull=False,
                )
                | Q(
                    schedule_type__in=["rrule", "rule"],
                    cron_expression__isnull=True,
                    interval_seconds__isnull=True,
                    scheduled_time__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="schedule_numbers_in_range",
                condition=(Q(max_executions__isnull=True) | Q(max_executions__gt=0))
                & Q(execution_count__gte=0, version__gte=1),
            ),
            models.CheckConstraint(
                name="schedule_settled_before_next",
                condition=Q(next_execution_at__isnull=True)
                | Q(next_execution_at__gt=F("settled_until")),
            ),
            models.CheckConstraint(
                name="schedule_key_not_empty", condition=Q(key__isnull=True) | ~Q(key="")
            ),
        ]

    def __str__(self) -> str:
        """What people call it."""
        return self.name or self.key or str(self.schedule_id)


class Run(models.Model):
    """One row of the ledger: what became of a fire time, of a stretch of them, or of a manual trigger.

    It outlives its schedule: `schedule` has no constraint in the database, and reading it may raise DoesNotExist.
    `args` and `context_data` are null where the schedule's own are meant. `node` is who runs it, or ran it last.
    `supersedes` is the missed or skipped row for whose fire time a backfill's run was made.
    """

    run_id = models.UUIDField(primary_key=True)
    schedule = models.ForeignKey(
        Schedule,
        to_field="schedule_id",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="runs",
        null=True,
        blank=True,
    )
    workflow_id = models.UUIDField()
    community = models.ForeignKey(
        "clockwright_access.Community",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="runs",
    )
    scheduled_for = models.DateTimeField()
    covers_until = models.DateTimeField(null=True, blank=True)
    covers_count = models.BigIntegerField(default=1, db_default=1)
    trigger = models.CharField(
        max_length=20, choices=_choices(Trigger), default=Trigger.SCHEDULE.value
    )
    status = models.CharField(max_length=20, choices=_choices(RunState))
    reason = models.CharField(max_length=30, choices=_choices(Reason), null=True, blank=True)
    attempt = models.IntegerField(default=0, db_default=0)
    retries = models.IntegerField(default=0, db_default=0)
    takeovers = models.IntegerField(default=0, db_default=0)
    node = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    at_most_once = models.BooleanField(default=False, db_default=False)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(null=True, blank=True)
    traceback = models.TextField(null=True, blank=True)
    request_id = models.CharField(max_length=255, null=True, blank=True)
    args = models.JSONField(null=True, blank=True)
    context_data = models.JSONField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0, db_default=0)
    backfill_id = models.UUIDField(null=True, blank=True)
    supersedes = models.UUIDField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        db_table = "schedule_runs"
        indexes: ClassVar = [
            models.Index(
                fields=["-priority", "ready_at", "run_id"],
                name="runs_claimable",
                condition=Q(status__in=["queued", "retrying"]),
            ),
            models.Index(
                fields=["schedule", "status"],
                name="runs_unfinished_by_schedule",
                condition=Q(status__in=["queued", "buffered", "running", "retrying"]),
            ),
            models.Index(
                fields=["schedule", "run_id"], name="runs_buffered", condition=Q(status="buffered")
            ),
            models.Index(fields=["node"], name="runs_held_by_node", condition=Q(status="running")),
        ]
        constraints: ClassVar = [
            # scheduled runs alone, and yet an index of all: a schedule's runs are read newest first from it, and a
            # second index would cost as much as the row
            models.UniqueConstraint(
                F("schedule"),
                F("scheduled_for"),
                Case(When(trigger="schedule", then=F("schedule")), default=F("run_id")),
                name="run_once_per_fire_time",
            ),
            models.UniqueConstraint(
                fields=["schedule", "request_id"],
                condition=Q(request_id__isnull=False),
                name="run_once_per_request",
            ),
            models.UniqueConstraint(
                fields=["backfill_id", "scheduled_for"],
                condition=Q(backfill_id__isnull=False),
                name="run_once_per_backfill",
            ),
            models.CheckConstraint(
                name="run_words_known",
                condition=Q(status__in=_values(RunState), trigger__in=_values(Trigger))
                & (Q(reason__isnull=True) | Q(reason__in=_values(Reason))),
            ),
            models.CheckConstraint(
                name="run_state_has_its_facts",
                condition=Q(
                    # waiting for its turn, or for room
                    Q(status="queued", ready_at__isnull=False)
                    | Q(status="buffered", ready_at__isnull=True, attempt=0),
                    node__isnull=True,
                    started_at__isnull=True,
                    finished_at__isnull=True,
                    cancel_requested_at__isnull=True,
                )
                | Q(
                    status="retrying",
                    ready_at__isnull=False,
                    attempt__gte=1,
                    retries__gte=1,
                    node__isnull=True,
                    finished_at__isnull=True,
                    cancel_requested_at__isnull=True,
                )
                | Q(
                    status="running",
                    attempt__gte=1,
                    node__isnull=False,
                    finished_at__isnull=True,
                )
                | Q(
                    status__in=["succeeded", "failed", "timed_out", "lost"],
                    attempt__gte=1,
                    node__isnull=False,
                    finished_at__isnull=False,
                )
                | Q(status="cancelled", reason__isnull=False, finished_at__isnull=False)
                | Q(
                    status__in=["missed", "skipped"],
                    reason__isnull=False,
                    attempt=0,
                    node__isnull=True,
                    ready_at__isnull=True,
                    started_at__isnull=True,
                    finished_at__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="run_range_only_if_not_run",
                condition=Q(covers_until__isnull=True, covers_count=1)
                | Q(
                    status__in=["missed", "skipped"],
                    covers_until__isnull=False,
                    covers_until__gte=F("scheduled_for"),
                    covers_count__gte=1,
                ),
            ),
            models.CheckConstraint(
                name="run_counts_add_up",
                condition=Q(
                    attempt__gte=F("retries") + F("takeovers"), retries__gte=0, takeovers__gte=0
                )
                & PRIORITY_IN_RANGE,
            ),
            models.CheckConstraint(
                name="run_cause_has_its_facts",
                condition=Q(backfill_id__isnull=True, supersedes__isnull=True)
                & (
                    Q(trigger="schedule", request_id__isnull=True, schedule__isnull=False)
                    | Q(trigger="manual", request_id__isnull=False, schedule__isnull=False)
                    | Q(trigger="call")
                )
                | Q(trigger="backfill", backfill_id__isnull=False, schedule__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        """Its fire time and what became of it."""
        return f"{self.scheduled_for.isoformat()} {self.status}"


class RunAttempt(models.Model):
    """An earlier try at a run: one that was retried, or whose node died."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    attempt = models.IntegerField()
    node = models.CharField(max_length=255)
    status = models.CharField(max_length=20, choices=_choices(RunState))
    reason = models.CharField(max_length=30, choices=_choices(Reason), null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField()
    error = models.TextField(null=True, blank=True)
    traceback = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "schedule_run_attempts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "attempt"], name="run_attempt_kept_once"),
            models.CheckConstraint(
                name="run_attempt_in_range",
                condition=Q(attempt__gte=1, status__in=["retrying", "lost"]),
            ),
        ]

    def __str__(self) -> str:
        """Which try it was."""
        return f"attempt {self.attempt}"


class Node(models.Model):
    """One engine process; the lease on its runs is `lease_until`."""

    node_id = models.CharField(max_length=255, primary_key=True)
    host = models.CharField(max_length=255)
    pid = models.BigIntegerField()
    capacity = models.IntegerField()
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    is_alive = models.BooleanField(default=True, db_default=True)

    objects = NodeQuerySet.as_manager()

    class Meta:
        db_table = "schedule_nodes"
        constraints: ClassVar = [
            models.CheckConstraint(name="node_can_run", condition=Q(capacity__gte=1)),
        ]

    def __str__(self) -> str:
        """Its id."""
        return self.node_id
