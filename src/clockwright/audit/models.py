"""The audit trail's table."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from clockwright.audit.actions import Category, Result


class AuditEntry(models.Model):
    """One thing that somebody did, or was refused. Written once, never changed.

    Community and actor are plain values: the trail outlives what it speaks of.
    """

    at = models.DateTimeField()
    category = models.CharField(max_length=10, choices=[(c.value, c.value) for c in Category])
    action = models.CharField(max_length=100)
    actor = models.CharField(max_length=200)
    community = models.CharField(max_length=100)
    result = models.CharField(max_length=10, choices=[(r.value, r.value) for r in Result])
    schedule_id = models.UUIDField(null=True)
    workflow_id = models.UUIDField(null=True)
    run_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=200, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "audit_entries"
        verbose_name_plural = "audit entries"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["community", "-id"], name="audit_entries_community"),
            models.Index(
                fields=["schedule_id", "-id"],
                name="audit_entries_schedule",
                condition=Q(schedule_id__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(category__in=[c.value for c in Category]), name="audit_entries_category"
            ),
            models.CheckConstraint(
                condition=Q(result__in=[r.value for r in Result]), name="audit_entries_result"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} by {self.actor}: {self.result}"
