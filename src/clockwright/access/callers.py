"""Who calls, for which community, and what they may do. Plain values; no Django.

What a caller may do with one workflow, grants included, is asked of `access.policy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

DEFAULT_COMMUNITY = "default"
"""The community of schedules that code registers."""


class Right(StrEnum):
    """What can be done with a workflow, its schedules and its runs, or, given by a role, with all of a community's."""

    VIEW = "view"
    EDIT = "edit"
    EXECUTE = "execute"
    DELETE = "delete"
    MANAGE = "manage"


class Role(StrEnum):
    """What a caller may do; each role may also do everything that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place in the order."""
        return list(Role).index(self)

    @property
    def rights(self) -> frozenset[Right]:
        """What it may do in the whole community."""
        return _RIGHTS[self]


_RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.VIEWER: frozenset({Right.VIEW}),
        Role.OPERATOR: frozenset(Right) - {Right.MANAGE},
        Role.ADMIN: frozenset(Right),
    }
)


def lowest_role(right: Right) -> Role:
    """The lowest role that has a right in the whole community."""
    return min((role for role in Role if right in role.rights), key=lambda role: role.rank)


class Forbidden(Exception):
    """The caller may look at it, but not do this; `.needed` is the lowest role that would do."""

    status_code = 403

    def __init__(self, caller: Caller, right: Right) -> None:
        """Say what is needed, and what the caller has."""
        self.caller = caller
        self.right = right
        self.needed = lowest_role(right)
        self.message = f"this takes {self._lack()}"
        super().__init__(self.message)

    def _lack(self) -> str:
        caller = self.caller
        if caller.role.rank < self.needed.rank:
            return f"the role {self.needed}; yours is {caller.role}"
        had = ", ".join(right for right in Right if right in caller.rights)
        return f"the right {self.right}; the scopes of your token are {had}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody acting in one community. `actor` is the name that the audit trail shows.

    `scopes` narrow what the role gives, None does not; `user_id` is the key of the user behind it, if one is.
    """

    actor: str
    community: str
    role: Role
    scopes: frozenset[Right] | None = None
    user_id: str | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """What may be done in the whole community."""
        return self.within_scopes(self.role.rights)

    def within_scopes(self, rights: frozenset[Right]) -> frozenset[Right]:
        """What the scopes leave of some rights; whoever may do something may also look at it."""
        return rights if self.scopes is None else rights & (self.scopes | {Right.VIEW})


def system_caller(actor: str = "system", community: str = DEFAULT_COMMUNITY) -> Caller:
    """The caller that trusted code of this process acts as; never for what came in from outside."""
    return Caller(actor=actor, community=community, role=Role.ADMIN)
