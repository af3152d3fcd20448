"""Communities, members, grants and tokens in Django's admin, for whoever maintains the installation.

Whoever has Django's permission for it acts as an admin of the row's community, and the policy is asked like from anywhere
else. A token's text is shown once, when it is made; its hash never.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from clockwright.access import communities, tokens
from clockwright.access.callers import Caller, Role
from clockwright.access.errors import AccessError
from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant

if TYPE_CHECKING:
    _CommunityAdmin = admin.ModelAdmin[Community]
    _TokenAdmin = admin.ModelAdmin[ApiToken]
    _MembershipAdmin = admin.ModelAdmin[Membership]
    _GrantAdmin = admin.ModelAdmin[WorkflowGrant]
    _TokenForm = ModelForm[ApiToken]
    _CommunityForm = ModelForm[Community]
else:
    _CommunityAdmin = _TokenAdmin = _MembershipAdmin = _GrantAdmin = admin.ModelAdmin
    _TokenForm = _CommunityForm = ModelForm

_TYPED = ("name", "community", "role", "expires_at")
_SHOWN = (
    "name",
    "prefix",
    "community",
    "user",
    "role",
    "scopes",
    "created_at",
    "expires_at",
    "last_used_at",
    "revoked_at",
)


@admin.register(Community)
class CommunityAdmin(_CommunityAdmin):
    """A slug is in other rows and therefore never changed."""

    list_display = ["slug", "name", "longest_token_days", "created_at"]
    search_fields = ["slug", "name"]
    readonly_fields = ["created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Community | None = None) -> list[str]:
        """The slug can be typed once."""
        return ["created_at"] if obj is None else ["slug", "created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Community | None = None) -> bool:
        """Schedules and the ledger name it without a foreign key: it stays."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Community, form: _CommunityForm, change: Any
    ) -> None:
        """The way of every other entrance, so that it is in the trail."""
        who = _who(request, obj.slug)
        told = communities.CommunityChange(name=obj.name, token_days=obj.longest_token_days or 0)
        try:
            if not change:
                communities.create_community(who, obj.slug, obj.name)
            communities.change_community(who, told)
        except AccessError as error:
            messages.error(request, error.message)


class _LookedAt:
    """Changed by the command line and the API, where a change has its consequences: tokens end, an admin remains."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(_LookedAt, _MembershipAdmin):
    """Who is in which community, and as what."""

    list_display = ["user", "community", "role", "created_at"]
    list_filter = ["role", "community"]
    list_select_related = ["user"]


@admin.register(WorkflowGrant)
class WorkflowGrantAdmin(_LookedAt, _GrantAdmin):
    """What members may do with single workflows beyond their role."""

    list_display = ["workflow_id", "community", "user", "role", "rights", "created_at"]
    list_filter = ["community"]
    search_fields = ["=workflow_id"]
    list_select_related = ["user"]


class TokenForm(_TokenForm):
    """Says next to its field what a token cannot be."""

    def clean(self) -> dict[str, Any]:
        """Only what was typed and is well-formed: of a token that exists there is nothing to check."""
        typed = super().clean() or self.cleaned_data
        if typed.keys() >= set(_TYPED):
            new = tokens.NewToken(**{**typed, "community": typed["community"].slug})
            try:
                tokens.check_token(new)
            except AccessError as error:
                self.add_error(error.field, error.why)
        return typed


@admin.register(ApiToken)
class ApiTokenAdmin(_TokenAdmin):
    """Made and revoked here; never changed."""

    form = TokenForm
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
        new = tokens.NewToken(
            name=obj.name, role=obj.role, community=obj.community_id, expires_at=obj.expires_at
        )
        token, plaintext = tokens.issue_token(new, by=_who(request, obj.community_id))
        obj.pk, obj.prefix, obj.digest = token.pk, token.prefix, token.digest
        messages.warning(request, f"Copy it now, it is not shown again: {plaintext}")

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End them for good."""
        ended = sum(
            tokens.revoke_token(token.pk, _who(request, token.community_id)) for token in queryset
        )
        messages.success(request, f"{ended} tokens revoked.")


def _who(request: HttpRequest, community: str) -> Caller:
    return Caller(
        actor=f"admin:{request.user.get_username()}", community=community, role=Role.ADMIN
    )
