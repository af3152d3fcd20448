"""The Django app of the workflows."""

from __future__ import annotations

from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """Tells the schedules what workflow ids mean in this process."""

    name = "clockwright.workflows"
    label = "clockwright_workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Fill the port of the schedules; no query is made here."""
        from clockwright.schedules.catalog import provide_resolver
        from clockwright.workflows.engine import default_engine

        provide_resolver(default_engine)
