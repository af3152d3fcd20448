"""`/communities`: the caller's community, its members, and its grants on single workflows.

A community that is named in an address has to be the caller's own; every other is as unknown as one that there is not.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Status

from clockwright.access import communities, grants, members, policy, selectors
from clockwright.access.callers import Caller, Right
from clockwright.access.documents import community_document, grant_document, member_document
from clockwright.api.access_schemas import (
    ChangeCommunity,
    Communities,
    Community,
    Gone,
    Grant,
    GrantPlace,
    Grants,
    Member,
    Members,
    PutGrant,
    PutMember,
    Slug,
    Username,
)
from clockwright.api.security import caller_of, needs

router = Router(tags=["communities"])

Named = Annotated[Slug, Path()]
User = Annotated[Username, Path()]
_MANAGE = needs(Right.MANAGE)


def _inside(request: HttpRequest, community: str) -> Caller:
    """The caller, who acts in the community that the address names."""
    caller = caller_of(request)
    policy.require_inside(caller, community)
    return caller


@router.get(
    "", response=Communities, operation_id="list_communities", summary="List your communities"
)
def list_communities(request: HttpRequest) -> dict[str, Any]:
    """The one that the token belongs to."""
    row = communities.get_community(caller_of(request))
    return {"items": [community_document(row)], "next": None}


@router.get(
    "/{community}", response=Community, operation_id="get_community", summary="Get a community"
)
def get_community(request: HttpRequest, community: Named) -> dict[str, Any]:
    """Its name and settings."""
    return community_document(communities.get_community(_inside(request, community)))


@router.patch(
    "/{community}",
    response=Community,
    operation_id="change_community",
    summary="Change a community's settings",
    openapi_extra=_MANAGE,
)
def change_community(
    request: HttpRequest, community: Named, body: ChangeCommunity
) -> dict[str, Any]:
    """What is left out stays."""
    change = communities.CommunityChange(name=body.name, token_days=body.longest_token_days)
    return community_document(communities.change_community(_inside(request, community), change))


@router.get(
    "/{community}/members", response=Members, operation_id="list_members", summary="List members"
)
def list_members(request: HttpRequest, community: Named) -> dict[str, Any]:
    """Who is in it and as what, by name, at most 1,000."""
    found = selectors.members_of(_inside(request, community).community)
    return {"items": [member_document(member) for member in found], "next": None}


@router.put(
    "/{community}/members/{username}",
    response={200: Member, 201: Member},
    operation_id="put_member",
    summary="Add a member, or change one's role",
    openapi_extra=_MANAGE,
)
def put_member(
    request: HttpRequest, community: Named, username: User, body: PutMember
) -> Status[dict[str, Any]]:
    """The user has to exist. Refused where the community would be left without an admin."""
    member, is_new = members.put_member(_inside(request, community), username, body.role)
    return Status(201 if is_new else 200, member_document(member))


@router.delete(
    "/{community}/members/{username}",
    response=Gone,
    operation_id="remove_member",
    summary="Remove a member",
    openapi_extra=_MANAGE,
)
def remove_member(request: HttpRequest, community: Named, username: User) -> dict[str, Any]:
    """With the user's tokens and grants here. Refused for the last admin."""
    members.remove_member(_inside(request, community), username)
    return {"status": "removed"}


@router.get(
    "/{community}/grants", response=Grants, operation_id="list_grants", summary="List grants"
)
def list_grants(
    request: HttpRequest,
    community: Named,
    workflow_id: Annotated[UUID | None, Query(description="Only those on it.")] = None,
) -> dict[str, Any]:
    """What members may do with single workflows beyond their role, at most 1,000."""
    found = selectors.grants_of(_inside(request, community).community, workflow_id)
    return {"items": [grant_document(grant) for grant in found], "next": None}


@router.put(
    "/{community}/grants/{workflow_id}/{kind}/{grantee}",
    response={200: Grant, 201: Grant},
    operation_id="put_grant",
    summary="Grant rights on a workflow",
    openapi_extra=_MANAGE,
)
def put_grant(
    request: HttpRequest, where: Annotated[GrantPlace, Path()], body: PutGrant
) -> Status[dict[str, Any]]:
    """To a member, or to a role and those above it: exactly these rights."""
    caller = _inside(request, where.community)
    grant, is_new = grants.put_grant(caller, where.workflow_id, where.to, body.rights)
    return Status(201 if is_new else 200, grant_document(grant))


@router.delete(
    "/{community}/grants/{workflow_id}/{kind}/{grantee}",
    response=Gone,
    operation_id="remove_grant",
    summary="End a grant",
    openapi_extra=_MANAGE,
)
def remove_grant(request: HttpRequest, where: Annotated[GrantPlace, Path()]) -> dict[str, Any]:
    """All that it gave."""
    grants.remove_grant(_inside(request, where.community), where.workflow_id, where.to)
    return {"status": "removed"}
