"""Questions about communities, members, grants and tokens; each is one query, and none of them decides anything."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant


def all_communities(limit: int = 1_000) -> list[Community]:
    """Every community, by slug."""
    return list(Community.objects.order_by("slug")[:limit])


def members_of(community: str, limit: int = 1_000) -> list[Membership]:
    """Who is in a community, in the order of their names."""
    members = Membership.objects.filter(community_id=community).select_related("user")
    return sorted(members[:limit], key=lambda member: member.user.get_username())


def memberships_of(user_id: Any) -> list[Membership]:
    """Where a user is a member, the first joined first: who is added elsewhere does not land there unasked."""
    mine = Membership.objects.filter(user_id=user_id).select_related("community")
    return list(mine.order_by("id"))


def grants_of(
    community: str, workflow_id: UUID | None = None, limit: int = 1_000
) -> list[WorkflowGrant]:
    """The grants of a community, or those on one workflow."""
    grants = WorkflowGrant.objects.filter(community_id=community).select_related("user")
    if workflow_id is not None:
        grants = grants.filter(workflow_id=workflow_id)
    return list(grants.order_by("workflow_id", "id")[:limit])


def tokens_of(community: str, limit: int = 1_000) -> list[ApiToken]:
    """A community's tokens, newest first."""
    tokens = ApiToken.objects.filter(community_id=community).select_related("user")
    return list(tokens.order_by("-created_at")[:limit])


def find_token(community: str, token_id: UUID) -> ApiToken | None:
    """A token of a community."""
    return (
        ApiToken.objects.filter(community_id=community, pk=token_id).select_related("user").first()
    )
