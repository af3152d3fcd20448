"""Roles and rights by their names, as they come from outside."""

from __future__ import annotations

from collections.abc import Iterable

from clockwright.access.callers import Right, Role
from clockwright.access.errors import AccessError


def read_role(role: Role | str) -> Role:
    """A role; raises AccessError."""
    try:
        return Role(role)
    except ValueError:
        raise AccessError("role", f"{role!r} is none of {', '.join(Role)}") from None


def read_rights(field: str, rights: Iterable[Right | str]) -> list[Right]:
    """At least one right, in their order and with `view`, as whoever may do something may look; raises AccessError."""
    found = set()
    for right in rights:
        try:
            found.add(Right(right))
        except ValueError:
            raise AccessError(field, f"{right!r} is none of {', '.join(Right)}") from None
    if not found:
        raise AccessError(field, f"give at least one of {', '.join(Right)}")
    return [right for right in Right if right in found or right is Right.VIEW]
