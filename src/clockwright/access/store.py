"""The rows of communities, members, grants and tokens: the writes, and the reads that decide something."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q

from clockwright.access.callers import DEFAULT_COMMUNITY, Right, Role
from clockwright.access.models import SLUG, ApiToken, Community, Membership, WorkflowGrant

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


def is_community(slug: str) -> bool:
    """Whether there is such a community."""
    return Community.objects.filter(slug=slug).exists()


def community(slug: str) -> Community | None:
    """A community as it stands."""
    return Community.objects.filter(slug=slug).first()


def slug_problem(slug: str) -> str | None:
    """What keeps a text from being a slug, if anything does."""
    try:
        SLUG(slug)
    except ValidationError as error:
        return str(error.messages[0])
    return None


def lock_community(slug: str) -> Community | None:
    """A community, whose members nobody else changes until the end of the transaction."""
    # rows that name it may come meanwhile: its key stays
    return Community.objects.select_for_update(no_key=True).filter(slug=slug).first()


def insert_community(slug: str, name: str) -> bool:
    """Make a community; False when there is one of that slug."""
    return Community.objects.get_or_create(slug=slug, defaults={"name": name})[1]


def keep_default(using: str) -> None:
    """Make the community of schedules that code registers, unless it is there."""
    Community.objects.using(using).get_or_create(
        slug=DEFAULT_COMMUNITY, defaults={"name": "Default"}
    )


def membership(slug: str, user_id: Any) -> Membership | None:
    """What a user is in a community, if anything and not disabled."""
    members = Membership.objects.select_related("user")
    return members.filter(community_id=slug, user_id=user_id, user__is_active=True).first()


def admin_of(user_id: Any) -> list[Membership]:
    """Where a user is an admin, by slug: the order in which communities are locked."""
    mine = Membership.objects.filter(user_id=user_id, role=Role.ADMIN)
    return list(mine.order_by("community_id"))


def membership_of_name(slug: str, username: str) -> Membership | None:
    """What the user of a name is in a community, disabled or not."""
    name = f"user__{get_user_model().USERNAME_FIELD}"
    members = Membership.objects.select_related("user")
    return members.filter(**{"community_id": slug, name: username}).first()


def put_membership(slug: str, user: AbstractBaseUser, role: Role) -> tuple[Membership, Role | None]:
    """Give a user a role; returns the row, and the role before."""
    row = Membership.objects.filter(community_id=slug, user_id=user.pk).first()
    if row is None:
        return Membership.objects.create(community_id=slug, user_id=user.pk, role=role), None
    before, row.role = Role(row.role), role
    row.save(update_fields=["role"])
    return row, before


def remove_membership(row: Membership, now: datetime) -> int:
    """Take a user out of a community with all that follows from being in it; returns how many tokens ended."""
    mine = {"community_id": row.community_id, "user_id": row.user_id}
    WorkflowGrant.objects.filter(**mine).delete()
    row.delete()
    return ApiToken.objects.filter(**mine, revoked_at=None).update(revoked_at=now)


def is_last_admin(row: Membership) -> bool:
    """Whether a community would be left without an admin who can sign in."""
    admins = Membership.objects.filter(
        community_id=row.community_id, role=Role.ADMIN, user__is_active=True
    )
    return row.role == Role.ADMIN and not admins.exclude(pk=row.pk).exists()


def granted_rights(
    slug: str, workflow_id: UUID | None, role: Role, user_id: str | None
) -> frozenset[Right]:
    """What grants on a workflow, or on any, give a user, or whoever has a role or a higher one."""
    to = Q(role__in=[lower.value for lower in Role if lower.rank <= role.rank])
    if user_id is not None:
        to |= Q(user_id=user_id)
    grants = WorkflowGrant.objects.filter(to, community_id=slug)
    if workflow_id is not None:
        grants = grants.filter(workflow_id=workflow_id)
    return frozenset(right for grant in grants for right in grant.rights)


def put_grant(
    slug: str, workflow_id: UUID, to: dict[str, object], rights: Iterable[Right]
) -> tuple[WorkflowGrant, list[Right]]:
    """Let a grant give exactly these rights; returns the row, and what it gave before."""
    given = {f"can_{right}": right in rights for right in Right}
    # one that somebody else puts in at the same time is read again
    found, is_new = WorkflowGrant.objects.get_or_create(
        community_id=slug, workflow_id=workflow_id, **to, defaults=given
    )
    if is_new:
        return found, []
    before = found.rights
    for name, value in given.items():
        setattr(found, name, value)
    found.save(update_fields=list(given))
    return found, before


def remove_grant(slug: str, workflow_id: UUID, to: dict[str, object]) -> list[Right]:
    """End a grant; returns what it gave, nothing where there was none."""
    found = WorkflowGrant.objects.filter(community_id=slug, workflow_id=workflow_id, **to).first()
    if found is None:
        return []
    rights = found.rights
    found.delete()
    return rights


def longest_token_life(slug: str) -> timedelta | None:
    """How long the tokens of a community may last; None where there is no limit."""
    days = Community.objects.filter(slug=slug).values_list("longest_token_days", flat=True).first()
    return None if days is None else timedelta(days=days)


def insert_token(**fields: object) -> ApiToken:
    """A new row."""
    return ApiToken.objects.create(**fields)


def token_of_digest(digest: str) -> ApiToken | None:
    """The token of a hash, revoked or not."""
    return ApiToken.objects.filter(digest=digest).first()


def token_of_id(token_id: UUID) -> ApiToken | None:
    """The token of an id, revoked or not."""
    return ApiToken.objects.filter(pk=token_id).first()


def end_token(token_id: UUID, now: datetime) -> bool:
    """Revoke a token; False when it had been revoked before."""
    return ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now) > 0


def note_use(token_id: UUID, now: datetime, *, unless_after: datetime) -> None:
    """Write down when a token was used, unless that was done after an instant."""
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=unless_after)
    ApiToken.objects.filter(unnoted, pk=token_id).update(last_used_at=now)
