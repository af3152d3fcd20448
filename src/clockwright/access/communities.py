"""Communities: made by whoever maintains the installation, kept by their admins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from clockwright.access import policy, store
from clockwright.access.callers import Caller, Right
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category

if TYPE_CHECKING:
    from clockwright.access.models import Community

LONGEST_NAME = 200
LONGEST_LIFE = 36_500
"""Days that a token may last at most, wherever it is limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunityChange:
    """What is to be different; None leaves it. `token_days` 0 takes the limit off."""

    name: str | None = None
    token_days: int | None = None


def create_community(by: Caller, slug: str, name: str = "") -> Community:
    """Make a community. For trusted code alone: no caller from outside is above the communities."""
    with transaction.atomic():
        if not store.insert_community(_valid_slug(slug), _valid_name(name)):
            raise AccessConflict(f"slug: there is a community {slug!r} already")
        made = _found(slug)
        _note(Action.COMMUNITY_CREATE, by, made, name=name)
    return made


def change_community(by: Caller, change: CommunityChange) -> Community:
    """Change the caller's community; raises Forbidden and AccessError. `changes` of the entry has both values."""
    policy.require(by, Right.MANAGE)
    with transaction.atomic():
        row = store.lock_community(by.community)
        if row is None:
            raise UnknownHere("Community", by.community)
        changes = _applied(row, change)
        if changes:
            row.save()
            _note(Action.COMMUNITY_UPDATE, by, row, changes=changes)
    return row


def get_community(by: Caller) -> Community:
    """The caller's community."""
    return _found(by.community)


def _found(slug: str) -> Community:
    row = store.community(slug)
    if row is None:
        raise UnknownHere("Community", slug)
    return row


def _applied(row: Community, change: CommunityChange) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if change.name is not None and change.name.strip() != row.name:
        changes["name"] = {"before": row.name, "after": _valid_name(change.name)}
        row.name = _valid_name(change.name)
    if change.token_days is not None and (change.token_days or None) != row.longest_token_days:
        # the trail hides whatever stands under a name with `token` in it
        changes["longest_life_days"] = {
            "before": row.longest_token_days,
            "after": _valid_days(change.token_days),
        }
        row.longest_token_days = _valid_days(change.token_days)
    return changes


def _valid_slug(slug: str) -> str:
    problem = store.slug_problem(slug)
    if problem is not None:
        raise AccessError("slug", problem)
    return slug


def _valid_name(name: str) -> str:
    stripped = name.strip()
    if len(stripped) <= LONGEST_NAME and stripped.isprintable():
        return stripped
    raise AccessError("name", f"give at most {LONGEST_NAME} printable characters")


def _valid_days(days: int) -> int | None:
    if 0 <= days <= LONGEST_LIFE:
        return days or None
    raise AccessError(
        "longest_token_days", f"{days} is out of range; give 1 to {LONGEST_LIFE}, or 0 for no limit"
    )


def _note(action: Action, by: Caller, row: Community, **facts: Any) -> None:
    trail.record(Category.AUDIT, action, actor=by.actor, community=row.slug, **facts)
