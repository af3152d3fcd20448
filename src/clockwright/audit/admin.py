"""The trail in Django's admin: to look at, never to touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.http import HttpRequest

from clockwright.audit.models import AuditEntry

if TYPE_CHECKING:
    _AuditAdmin = admin.ModelAdmin[AuditEntry]
else:
    _AuditAdmin = admin.ModelAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(_AuditAdmin):
    """Append-only: nobody adds, changes or deletes an entry by hand."""

    list_display = ["at", "category", "action", "result", "actor", "community", "schedule_id"]
    list_filter = ["category", "result", "action", "community"]
    search_fields = ["actor", "action", "=schedule_id", "=run_id", "=request_id"]
    date_hierarchy = "at"
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Entries come from what is done."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """An entry is written once."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        """And stays."""
        return False
