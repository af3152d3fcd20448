"""The calendars that a community keeps."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ScheduleCalendar(models.Model):
    """A named calendar; `data` is `recurrence.Calendar` as JSON.

    Schedules hold the calendar itself, not this row: it is where a name is looked up when one is saved.
    """

    id = models.BigAutoField(primary_key=True)
    community = models.ForeignKey(
        "clockwright_access.Community",
        on_delete=models.PROTECT,
        db_index=False,
        related_name="calendars",
    )
    name = models.CharField(max_length=64)
    data = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "schedule_calendars"
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["community", "name"], name="one_calendar_a_name_and_community"
            ),
        ]

    def __str__(self) -> str:
        """Its name."""
        return self.name
