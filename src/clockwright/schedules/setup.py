"""Django, set up when it is first needed: for programs that only import the service."""

from __future__ import annotations

import os

import django
from django.apps import apps
from django.conf import settings

from clockwright.schedules.errors import ScheduleServiceException


def ensure_django() -> None:
    """Set Django up by DJANGO_SETTINGS_MODULE unless that is done; raises ScheduleServiceException without it.

    Blocking, about a second the first time.
    """
    if apps.ready:
        return
    if not settings.configured and not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise ScheduleServiceException(
            "Django is not set up: use `clockwright.embed.open(dsn)`, or set DJANGO_SETTINGS_MODULE "
            "(clockwright.server.settings is the stand-alone server's)"
        )
    django.setup()
