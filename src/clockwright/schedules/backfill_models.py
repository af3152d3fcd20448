"""Backfills as a table: what was asked for, how far it is, and who is at it."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from clockwright.engine.backfill import OVERLAPS, BackfillReason, BackfillState
from clockwright.engine.model import HIGHEST_PRIORITY, LOWEST_PRIORITY

PRIORITY_IN_RANGE: Final = Q(priority__gte=LOWEST_PRIORITY, priority__lte=HIGHEST_PRIORITY)


class Backfill(models.Model):
    """The fire times of a past range that are to run now, and what has become of them.

    `recurrence` is the rule as it was when this was asked for. `cursor` is how far its fire times are decided: `created`
    of them got a row and `existing` had run before; what became of the rows is in the ledger.
    """

    backfill_id = models.UUIDField(primary_key=True)
    schedule = models.ForeignKey(
        "clockwright_schedules.Schedule",
        to_field="schedule_id",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="backfills",
    )
    community = models.ForeignKey(
        "clockwright_access.Community",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="backfills",
    )
    asked_by = models.CharField(max_length=255, default="", db_default="", blank=True)
    request_id = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    range_from = models.DateTimeField()
    range_to = models.DateTimeField()
    recurrence = models.JSONField()
    overlap = models.CharField(max_length=20)
    max_instances = models.IntegerField()
    priority = models.SmallIntegerField(default=0, db_default=0)
    total = models.IntegerField()
    created = models.IntegerField(default=0, db_default=0)
    existing = models.IntegerField(default=0, db_default=0)
    cursor = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=20)
    reason = models.CharField(max_length=30, null=True, blank=True)
    error = models.TextField(null=True, blank=True)
    node = models.CharField(max_length=255, null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "schedule_backfills"
        ordering: ClassVar = ["-created_at", "-backfill_id"]
        indexes: ClassVar = [
            models.Index(fields=["schedule", "created_at"], name="backfills_by_schedule"),
        ]
        constraints: ClassVar = [
            # also what finds those that are under way
            models.UniqueConstraint(
                fields=["schedule"], condition=Q(status="running"), name="backfill_one_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["schedule", "request_id"], name="backfill_once_per_request"
            ),
            models.CheckConstraint(
                name="backfill_words_known",
                condition=Q(
                    status__in=[state.value for state in BackfillState],
                    overlap__in=[overlap.value for overlap in OVERLAPS],
                )
                & (
                    Q(reason__isnull=True)
                    | Q(reason__in=[reason.value for reason in BackfillReason])
                ),
            ),
            models.CheckConstraint(
                name="backfill_state_has_its_facts",
                condition=Q(status="running", finished_at__isnull=True, reason__isnull=True)
                | Q(status="completed", finished_at__isnull=False, reason__isnull=True)
                | Q(
                    status__in=["cancelled", "failed"],
                    finished_at__isnull=False,
                    reason__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="backfill_numbers_in_range",
                condition=Q(
                    max_instances__gte=1,
                    total__gte=0,
                    created__gte=0,
                    existing__gte=0,
                    range_to__gte=models.F("range_from"),
                )
                & PRIORITY_IN_RANGE,
            ),
        ]

    def __str__(self) -> str:
        """Its range."""
        return f"{self.range_from.isoformat()} to {self.range_to.isoformat()}: {self.status}"
