"""`set`: give values names, as `vars.name`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from clockwright.workflows.definitions import Done, Plan, Visit
from clockwright.workflows.expressions import Expression
from clockwright.workflows.steps.fields import WORD_RULE, Fields, is_word
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Plan):
    """The output is the object of the new values. In a block inside, they are known to the rest of that block alone."""

    assigns: ClassVar[bool] = True
    values: Template

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """Those of the values."""
        return [(f"/values{place}", one) for place, one in self.values.expressions]

    async def perform(self, visit: Visit) -> Done:
        """Compute them all from what was known before."""
        return Done(output=visit.value(self.values), next=visit.step.next)


def read(fields: Fields) -> Assign:
    """`values`, an object."""
    values = fields.template_object("values")
    if not values.value:
        fields.refuse("values", "give an object of names and values")
    for name in values.value:
        if not is_word(name):
            fields.refuse("values", f"{name[:60]!r} is no name: {WORD_RULE}")
    return Assign(values=values)


KIND = Kind(name="set", summary="Gives values names.", read=read)
