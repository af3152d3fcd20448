"""The stand-alone server as a Django app: what brings its sample functions along. Hosts do not install it."""

from __future__ import annotations

from django.apps import AppConfig


class ServerConfig(AppConfig):
    """Found by the discovery of `jobs.py` like any other app."""

    name = "clockwright.server"
    label = "clockwright_server"
    verbose_name = "Clockwright server"
    default_auto_field = "django.db.models.BigAutoField"
