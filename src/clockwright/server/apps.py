"""The stand-alone server as a Django app: it brings sample functions and metrics along. Hosts do not install it."""

from __future__ import annotations

from django.apps import AppConfig


class ServerConfig(AppConfig):
    """Its `jobs.py` is found by discovery like any other app's. Installed before the schedules, which may start an engine."""

    name = "clockwright.server"
    label = "clockwright_server"
    verbose_name = "Clockwright server"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the engines of this process be counted; no query is made here (C-41)."""
        from clockwright.schedules.engines import subscribe
        from clockwright.server.metrics import observe_engine_event

        subscribe(observe_engine_event)
