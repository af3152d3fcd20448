"""The Django app of the schedules."""

from __future__ import annotations

from django.apps import AppConfig


class SchedulesConfig(AppConfig):
    """Starts an engine where the settings and the kind of process ask for one (S2-03, R5)."""

    name = "clockwright.schedules"
    label = "clockwright_schedules"
    verbose_name = "Schedules"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Wire the app up; no query is made here (C-41)."""
        from clockwright.schedules import autostart

        autostart.start_if_wanted()
