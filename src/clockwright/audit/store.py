"""The rows of the trail. They are inserted and never touched again."""

from __future__ import annotations

from typing import Any

from clockwright.audit.models import AuditEntry


def insert_entry(using: str, fields: dict[str, Any]) -> None:
    """One more entry, in the current transaction of that database."""
    AuditEntry.objects.using(using).create(**fields)
