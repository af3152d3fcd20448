"""`django.tasks` on Clockwright: each task that is enqueued is a run in the ledger (Django 6.0 and later).

    TASKS = {"default": {"BACKEND": "clockwright.contrib.django_tasks.ClockwrightBackend"}}

and "clockwright.contrib.django_tasks" in INSTALLED_APPS, so that engines know the tasks. `@periodic` gives a task a
schedule. A task that is enqueued in a transaction is there when, and only when, that is committed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import django
from django.core.exceptions import ImproperlyConfigured

if django.VERSION < (6, 0):
    raise ImproperlyConfigured(
        f"clockwright.contrib.django_tasks: django.tasks came with Django 6.0, and this is {django.get_version()}; "
        "upgrade Django, or schedule functions with @job"
    )

if TYPE_CHECKING:
    from clockwright.contrib.django_tasks.backend import ClockwrightBackend
    from clockwright.contrib.django_tasks.schedules import periodic
    from clockwright.contrib.django_tasks.store import TaskDidNotRun

__all__ = ["ClockwrightBackend", "TaskDidNotRun", "periodic"]
_HOMES = {"ClockwrightBackend": "backend", "TaskDidNotRun": "store", "periodic": "schedules"}


def __getattr__(name: str) -> Any:
    """One of the names above, from where it lives: the models are not there yet while apps are loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
