"""The Django app of the bridge to Celery."""

from __future__ import annotations

from django.apps import AppConfig


class CeleryConfig(AppConfig):
    """Has the engines of this process send to queues what belongs there."""

    name = "clockwright.contrib.celery"
    label = "clockwright_celery"
    verbose_name = "Celery"

    def ready(self) -> None:
        """Step between the engine and the workflows; nothing is asked of the broker, nor of the database."""
        from clockwright.contrib.celery.dispatch import over_queues
        from clockwright.schedules.catalog import wrap_resolver

        wrap_resolver(over_queues)
