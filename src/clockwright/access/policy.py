"""Who may do what. Every entrance asks here - API, console, command line, admin, commands - and nothing else decides.

1. A caller acts in one community: that of the token shown, or of the membership a user chose. The community of a row is
   read from the database; none is ever taken from a request.
2. What is not in the caller's community is not found (404), alike whether it is elsewhere or nowhere.
3. What is in it but not the caller's to do is forbidden (403), and the refusal is in the trail.
4. A role gives rights in the whole community; a grant adds rights on one workflow, to a member or to a role and those
   above it; the scopes of a token narrow both. Without a membership a grant gives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from clockwright.access import store
from clockwright.access.callers import Caller, Forbidden, Right, Role
from clockwright.access.errors import UnknownHere
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category, Result


def rights_on(caller: Caller, workflow_id: UUID) -> frozenset[Right]:
    """What a caller may do with a workflow of the caller's community."""
    granted = store.granted_rights(caller.community, workflow_id, caller.role, caller.user_id)
    return caller.within_scopes(caller.role.rights | granted)


def may(caller: Caller, right: Right, workflow_id: UUID | None = None) -> bool:
    """Whether a caller has a right in the whole community or, where one is named, on a workflow of it."""
    if right in caller.rights:
        return True
    return workflow_id is not None and right in rights_on(caller, workflow_id)


def may_somewhere(caller: Caller, right: Right) -> bool:
    """Whether a caller has a right on any workflow: what a page may offer, which is asked again when it is done."""
    if right in caller.rights:
        return True
    granted = store.granted_rights(caller.community, None, caller.role, caller.user_id)
    return right in caller.within_scopes(granted)


def require(caller: Caller, right: Right, workflow_id: UUID | None = None) -> None:
    """Raise Forbidden unless `may`."""
    if not may(caller, right, workflow_id):
        raise Forbidden(caller, right)


def require_all(caller: Caller, rights: Iterable[Right], workflow_id: UUID | None = None) -> None:
    """Raise Forbidden unless a caller has all of them: nobody hands on what they do not have."""
    for right in rights:
        require(caller, right, workflow_id)


def require_inside(caller: Caller, community: str) -> None:
    """Raise UnknownHere unless a community that was named is the caller's."""
    if caller.community != community:
        raise UnknownHere("Community", community)


def note_refusal(error: Forbidden, **facts: Any) -> None:
    """Who tried what without being allowed to; a caller is known here, so strangers cannot fill the table."""
    trail.record(
        Category.AUTHZ,
        Action.AUTHORIZE,
        caller=error.caller,
        result=Result.DENIED,
        message=error.message,
        needed=error.right,
        **facts,
    )


def lower(one: Role, other: Role) -> Role:
    """The lower of two roles."""
    return min(one, other, key=lambda role: role.rank)
