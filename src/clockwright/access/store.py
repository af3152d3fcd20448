"""The rows of communities and tokens: the queries behind `tokens`."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clockwright.access.callers import DEFAULT_COMMUNITY
from clockwright.access.models import ApiToken, Community


def is_community(slug: str) -> bool:
    """Whether there is such a community."""
    return Community.objects.filter(slug=slug).exists()


def keep_default(using: str) -> None:
    """Make the community of schedules that code registers, unless it is there."""
    Community.objects.using(using).get_or_create(
        slug=DEFAULT_COMMUNITY, defaults={"name": "Default"}
    )


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
