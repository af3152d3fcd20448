"""The Django app of this room."""

from __future__ import annotations

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Communities, API tokens, and who may do what."""

    name = "clockwright.access"
    label = "clockwright_access"
    verbose_name = "Communities and tokens"
    default_auto_field = "django.db.models.BigAutoField"
