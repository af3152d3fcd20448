"""The console as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class ConsoleConfig(AppConfig):
    """Pages, and the one-time sign-in links they know."""

    name = "clockwright.console"
    label = "clockwright_console"
    verbose_name = "Clockwright console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take note of sign-ins by password, wherever they are."""
        from clockwright.console.sessions import forget_token

        user_logged_in.connect(forget_token, dispatch_uid="clockwright-console-forget-token")
