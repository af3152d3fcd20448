"""Who calls, for which community, and what they may do. Plain values; no Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_COMMUNITY = "default"
"""The community of schedules that code registers."""


class Role(StrEnum):
    """What a caller may do; each role may also do everything that the ones before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place in the order."""
        return list(Role).index(self)


class Forbidden(Exception):
    """The caller's role is too low; `.needed` is the lowest that would do."""

    status_code = 403

    def __init__(self, caller: Caller, needed: Role) -> None:
        """Say what is needed, and what the caller has."""
        self.caller = caller
        self.needed = needed
        self.message = f"this takes the role {needed}; yours is {caller.role}"
        super().__init__(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody acting in one community. `actor` is the name that the audit trail shows."""

    actor: str
    community: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Whether the role is at least the one needed."""
        return self.role.rank >= needed.rank

    def require(self, needed: Role) -> None:
        """Raise Forbidden unless the role is at least the one needed."""
        if not self.may(needed):
            raise Forbidden(self, needed)


def system_caller(actor: str = "system", community: str = DEFAULT_COMMUNITY) -> Caller:
    """The caller that trusted code of this process acts as; never for what came in from outside."""
    return Caller(actor=actor, community=community, role=Role.ADMIN)
