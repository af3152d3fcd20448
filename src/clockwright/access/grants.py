"""Grants: what a member, or every member of a role, may do with one workflow beyond what their role gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction

from clockwright.access import members, policy, store
from clockwright.access.callers import Caller, Right
from clockwright.access.errors import AccessError, UnknownHere
from clockwright.access.reading import read_rights, read_role
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category

if TYPE_CHECKING:
    from clockwright.access.models import WorkflowGrant


_knowing: list[Callable[[str, UUID], bool]] = []


def recognise(knows: Callable[[str, UUID], bool]) -> None:
    """To be called by each room that has workflows: `knows(community, workflow_id)`, by the database alone."""
    _knowing.append(knows)


class GranteeKind(StrEnum):
    """To whom a grant is given. Never to everybody: who a caller is always counts (C-29)."""

    USER = "user"
    ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """A member by name, or the members of a role and of those above it."""

    kind: GranteeKind
    name: str

    def __str__(self) -> str:
        """As the command line writes it."""
        return f"{self.kind}:{self.name}"


def grantee(text: str) -> Grantee:
    """`user:mira` or `role:viewer`; raises AccessError."""
    kind, _, name = text.partition(":")
    try:
        return Grantee(kind=GranteeKind(kind), name=name)
    except ValueError:
        raise AccessError("grantee", f"{text!r}: write user:NAME or role:ROLE") from None


def put_grant(
    by: Caller, workflow_id: UUID, to: Grantee, rights: Iterable[Right | str]
) -> tuple[WorkflowGrant, bool]:
    """Let somebody have exactly these rights on a workflow; returns the grant, and whether it is new.

    Takes `manage` on the workflow, and every right that is handed on. Raises Forbidden, UnknownHere for a workflow or
    a member that the community does not have, and AccessError for a right or role that there is not.
    """
    policy.require(by, Right.MANAGE, workflow_id)
    if not any(knows(by.community, workflow_id) for knows in _knowing):
        raise UnknownHere("Workflow", workflow_id)
    wanted = read_rights("rights", rights)
    policy.require_all(by, wanted, workflow_id)
    with transaction.atomic():
        store.lock_community(by.community)
        row, before = store.put_grant(by.community, workflow_id, _target(by, to), wanted)
        if before != row.rights:
            changes = {"rights": {"before": before, "after": row.rights}}
            _note(Action.GRANT_PUT, by, workflow_id, to, changes=changes)
    return row, not before


def remove_grant(by: Caller, workflow_id: UUID, to: Grantee) -> None:
    """End a grant. Takes `manage` on the workflow; raises Forbidden, and UnknownHere where there is none."""
    policy.require(by, Right.MANAGE, workflow_id)
    with transaction.atomic():
        before = store.remove_grant(by.community, workflow_id, _target(by, to))
        if not before:
            raise UnknownHere("Grant", f"{workflow_id} to {to}")
        _note(Action.GRANT_REMOVE, by, workflow_id, to, rights=before)


def own(by: Caller, workflow_id: UUID) -> None:
    """Give whoever makes a workflow every right on it, to be kept whatever becomes of their role.

    To be called in the transaction that makes it. A token without a user owns nothing, nor does whoever is no member
    any more by then.
    """
    if by.user_id is None:
        return
    store.lock_community(by.community)
    if store.membership(by.community, by.user_id) is None:
        return
    store.put_grant(by.community, workflow_id, {"user_id": by.user_id}, frozenset(Right))
    to = Grantee(kind=GranteeKind.USER, name=by.actor.partition(":")[2])
    changes = {"rights": {"before": [], "after": list(Right)}}
    _note(Action.GRANT_PUT, by, workflow_id, to, changes=changes)


def _target(by: Caller, to: Grantee) -> dict[str, object]:
    if to.kind is GranteeKind.USER:
        return {"user_id": members.find_member(by, to.name).user_id}
    return {"role": read_role(to.name)}


def _note(action: Action, by: Caller, workflow_id: UUID, to: Grantee, **facts: Any) -> None:
    trail.record(
        Category.AUDIT, action, caller=by, workflow_id=workflow_id, grantee=str(to), **facts
    )
