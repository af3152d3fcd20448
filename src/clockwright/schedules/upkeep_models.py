"""Tables that look after the others: failures in a row, what the zone data said when schedules were saved, and what was last examined."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class FailureStreak(models.Model):
    """How many runs of a schedule failed in a row while it had this version; only of those that pause for it."""

    schedule_id = models.UUIDField(primary_key=True)
    version = models.IntegerField()
    failures = models.IntegerField()

    class Meta:
        db_table = "schedule_failures"
        indexes: ClassVar = [
            models.Index(
                fields=["schedule_id"], condition=models.Q(failures__gt=0), name="failures_counted"
            ),
        ]

    def __str__(self) -> str:
        """The schedule and the count."""
        return f"{self.schedule_id}: {self.failures}"


class ZoneRecord(models.Model):
    """The clock changes of a zone under one release of the zone data, as they stood when a schedule was saved under it.

    `transitions` is a `recurrence.recorded.ZoneRecord`; it is written once and outlives the release on this machine.
    """

    id = models.BigAutoField(primary_key=True)
    tzdata_version = models.CharField(max_length=50)
    zone = models.CharField(max_length=100)
    recorded_at = models.DateTimeField()
    transitions = models.JSONField()

    class Meta:
        db_table = "schedule_zone_records"
        ordering: ClassVar = ["tzdata_version", "zone"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tzdata_version", "zone"], name="zone_recorded_once_per_release"
            ),
        ]

    def __str__(self) -> str:
        """The zone and the release."""
        return f"{self.zone} {self.tzdata_version}"


class Examination(models.Model):
    """One row a periodic examination: when it is due, who is at it until when, and what the last one found."""

    name = models.CharField(max_length=50, primary_key=True)
    due_at = models.DateTimeField()
    node = models.CharField(max_length=255, null=True, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    place = models.BigIntegerField(default=0, db_default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(null=True, blank=True)

    class Meta:
        db_table = "schedule_examinations"
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        """Its name."""
        return self.name
