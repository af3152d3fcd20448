"""Communities, members, grants, tokens and users as every entrance shows them, ready for JSON. No hash, no password."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from clockwright.access.tokens import holds
from clockwright.engine.clock import utc_now

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractUser

    from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant


def token_document(token: ApiToken) -> dict[str, Any]:
    """A token without its text, and whether it holds now."""
    return {
        "token_id": str(token.pk),
        "name": token.name,
        "role": token.role,
        "scopes": token.scopes,
        "community": token.community_id,
        "username": None if token.user is None else token.user.get_username(),
        "prefix": token.prefix,
        "state": _state(token),
        "created_at": _text(token.created_at),
        "expires_at": _text(token.expires_at),
        "last_used_at": _text(token.last_used_at),
        "revoked_at": _text(token.revoked_at),
    }


def _state(token: ApiToken) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if holds(token, utc_now()) else "expired"


def community_document(row: Community) -> dict[str, Any]:
    """A community and its settings."""
    return {
        "community": row.slug,
        "name": row.name,
        "longest_token_days": row.longest_token_days,
        "created_at": _text(row.created_at),
    }


def member_document(member: Membership) -> dict[str, Any]:
    """A member by name."""
    return {
        "username": member.user.get_username(),
        "role": member.role,
        "is_active": member.user.is_active,
        "created_at": _text(member.created_at),
    }


def grant_document(grant: WorkflowGrant) -> dict[str, Any]:
    """To whom, on what, and what."""
    name = grant.role if grant.user is None else grant.user.get_username()
    return {
        "workflow_id": str(grant.workflow_id),
        "kind": "role" if grant.user is None else "user",
        "grantee": name,
        "rights": [right.value for right in grant.rights],
        "created_at": _text(grant.created_at),
    }


def user_document(user: AbstractUser) -> dict[str, Any]:
    """A user of the installation."""
    return {
        "username": user.get_username(),
        "email": user.email,
        "is_active": user.is_active,
        "has_password": user.has_usable_password(),
        "is_maintainer": user.is_superuser,
        "last_login": _text(user.last_login),
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
