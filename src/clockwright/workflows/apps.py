"""The Django app of the workflows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from clockwright.engine.chores import Chore
    from clockwright.schedules.conf import EngineSettings


class WorkflowsConfig(AppConfig):
    """Tells the schedules what workflow ids mean in this process."""

    name = "clockwright.workflows"
    label = "clockwright_workflows"
    verbose_name = "Workflows"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Fill the ports of the schedules and of the grants; no query is made here."""
        from clockwright.access.grants import recognise
        from clockwright.schedules.catalog import provide_resolver, provide_workflows
        from clockwright.schedules.engines import provide_chore
        from clockwright.workflows.engine import default_engine
        from clockwright.workflows.scheduling import accepts, knows

        provide_resolver(default_engine)
        provide_workflows(accepts)
        recognise(knows)
        provide_chore(_upkeep)


def _upkeep(settings: EngineSettings, using: str) -> Chore:
    """What engines see to; the tables of workflows are in the default database alone."""
    from clockwright.workflows.store import ExecutionStore
    from clockwright.workflows.upkeep import ExecutionUpkeep

    return ExecutionUpkeep(ExecutionStore(), settings.retention)
