"""The Django app of this room."""

from __future__ import annotations

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The trail of who did what, and the log lines that go with it."""

    name = "clockwright.audit"
    label = "clockwright_audit"
    verbose_name = "Audit trail"
    default_auto_field = "django.db.models.BigAutoField"
