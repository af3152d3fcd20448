"""Communities and tokens in Django's admin. A token's text is shown once, when it is made; its hash never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from clockwright.access import tokens
from clockwright.access.callers import Caller, Role
from clockwright.access.models import ApiToken, Community

if TYPE_CHECKING:
    _CommunityAdmin = admin.ModelAdmin[Community]
    _TokenAdmin = admin.ModelAdmin[ApiToken]
    _TokenForm = ModelForm[ApiToken]
else:
    _CommunityAdmin = _TokenAdmin = admin.ModelAdmin
    _TokenForm = ModelForm

_TYPED = ("name", "community", "role", "expires_at")
_SHOWN = (
    "name",
    "prefix",
    "community",
    "role",
    "created_at",
    "expires_at",
    "last_used_at",
    "revoked_at",
)


@admin.register(Community)
class CommunityAdmin(_CommunityAdmin):
    """A slug is in other rows and therefore never changed."""

    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]
    readonly_fields = ["created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Community | None = None) -> list[str]:
        """The slug can be typed once."""
        return ["created_at"] if obj is None else ["slug", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Community | None = None) -> bool:
        """Schedules and the ledger name it without a foreign key: it stays."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(_TokenAdmin):
    """Made and revoked here; never changed."""

    list_display = _SHOWN
    list_filter = ["role", "community"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        """Everything but the hash."""
        return _TYPED if obj is None else _SHOWN

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> tuple[str, ...]:
        """Nothing of a token that exists can be changed."""
        return () if obj is None else _SHOWN

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """The trail speaks of it: it is revoked instead."""
        return False

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: _TokenForm, change: Any
    ) -> None:
        """Make the token and show its text, this once."""
        if change:
            return
        token, plaintext = tokens.issue_token(
            obj.name, obj.role, obj.community_id, expires_at=obj.expires_at, by=_who(request)
        )
        obj.pk, obj.prefix, obj.digest = token.pk, token.prefix, token.digest
        messages.warning(request, f"Copy it now, it is not shown again: {plaintext}")

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End them for good."""
        ended = sum(tokens.revoke_token(token.pk, _who(request)) for token in queryset)
        messages.success(request, f"{ended} tokens revoked.")


def _who(request: HttpRequest) -> Caller:
    return Caller(
        actor=f"admin:{request.user.get_username()}", community="default", role=Role.ADMIN
    )
