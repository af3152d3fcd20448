"""The console as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Pages, and the one-time sign-in links they know."""

    name = "clockwright.console"
    label = "clockwright_console"
    verbose_name = "Clockwright console"
    default_auto_field = "django.db.models.BigAutoField"
