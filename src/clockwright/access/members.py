"""Users as members of communities: what each is there, and the caller that each is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from clockwright.access import policy, store, users
from clockwright.access.callers import Caller, Right, Role
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.access.reading import read_role
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.clock import utc_now

if TYPE_CHECKING:
    from clockwright.access.models import Membership


def caller_of_user(user_id: Any, community: str) -> Caller | None:
    """The caller that a user is in a community; None where the user is not a member, or disabled."""
    member = store.membership(community, user_id)
    return None if member is None else caller_of_member(member)


def caller_of_member(member: Membership) -> Caller:
    """The caller that a member is."""
    return Caller(
        actor=users.actor_of(member.user.get_username()),
        community=member.community_id,
        role=Role(member.role),
        user_id=str(member.user_id),
    )


def caller_of_name(username: str, community: str) -> Caller:
    """The caller that a user of a name is; raises UnknownHere unless a member, and not disabled."""
    user = users.find_user(username)
    caller = None if user is None else caller_of_user(user.pk, community)
    if caller is None:
        raise UnknownHere("Member", username)
    return caller


def put_member(by: Caller, username: str, role: Role | str) -> tuple[Membership, bool]:
    """Let a user have a role in the caller's community; returns the membership, and whether it is new.

    Raises Forbidden, AccessError for a user or role that there is not, and AccessConflict where no admin would be left.
    """
    policy.require(by, Right.MANAGE)
    wanted = read_role(role)
    policy.require_all(by, wanted.rights)
    user = users.find_user(username)
    if user is None:
        raise AccessError("username", f"there is no user {username!r}")
    with transaction.atomic():
        _lock(by)
        if wanted is not Role.ADMIN:
            _keep_an_admin(by, username)
        member, before = store.put_membership(by.community, user, wanted)
        if before is not wanted:
            changes = {"role": {"before": before, "after": wanted}}
            _note(Action.MEMBER_PUT, by, username, changes=changes)
    return member, before is None


def remove_member(by: Caller, username: str) -> None:
    """Take a user out of the caller's community; the user's tokens and grants there end with it.

    Raises Forbidden, UnknownHere for whoever is no member, and AccessConflict for the last admin.
    """
    policy.require(by, Right.MANAGE)
    with transaction.atomic():
        _lock(by)
        member = find_member(by, username)
        _keep_an_admin(by, username)
        ended = store.remove_membership(member, utc_now())
        _note(Action.MEMBER_REMOVE, by, username, role=member.role, revoked=ended)


def find_member(by: Caller, username: str) -> Membership:
    """A member of the caller's community; raises UnknownHere."""
    member = store.membership_of_name(by.community, username)
    if member is None:
        raise UnknownHere("Member", username)
    return member


def _lock(by: Caller) -> None:
    if store.lock_community(by.community) is None:
        raise UnknownHere("Community", by.community)


def _keep_an_admin(by: Caller, username: str) -> None:
    member = store.membership_of_name(by.community, username)
    if member is not None and store.is_last_admin(member):
        raise AccessConflict(
            f"{username} is the last admin of {by.community!r}: make another member admin first"
        )


def _note(action: Action, by: Caller, username: str, **facts: Any) -> None:
    trail.record(Category.AUDIT, action, caller=by, username=username, **facts)
