"""The Django app of the tasks."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class TasksConfig(AppConfig):
    """Has every process know the tasks of the installed apps, so that its engine can run them."""

    name = "clockwright.contrib.django_tasks"
    label = "clockwright_tasks"
    verbose_name = "Tasks"

    def ready(self) -> None:
        """Import each installed app's `tasks.py`; raises what such a module raises."""
        autodiscover_modules("tasks")
