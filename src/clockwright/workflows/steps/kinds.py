"""The registry of step kinds. It is open: another room, or a host, registers its own at start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clockwright.workflows.definitions import Plan
from clockwright.workflows.steps.fields import Fields

ReadPlan = Callable[[Fields], Plan | None]
"""Reads the fields of a step; None where it refused one without which there is no plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of step: its name in definitions, what it does in a sentence, and how its fields are read."""

    name: str
    summary: str
    read: ReadPlan


class DuplicateKind(ValueError):
    """Two kinds under one name."""


class Kinds:
    """Kinds by name."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def register(self, kind: Kind) -> None:
        """Add a kind; raises DuplicateKind for a name that another has."""
        if self._kinds.setdefault(kind.name, kind) is not kind:
            raise DuplicateKind(
                f"the step kind {kind.name!r} is there already; choose another name"
            )

    def get(self, name: object) -> Kind | None:
        """The kind of a name, or None."""
        return self._kinds.get(name) if isinstance(name, str) else None

    def __iter__(self) -> Iterator[Kind]:
        """All kinds in the order in which they were registered."""
        return iter(self._kinds.values())
