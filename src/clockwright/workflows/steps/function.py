"""`function`: call what the running program registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clockwright.workflows.definitions import Done, Plan, Visit
from clockwright.workflows.expressions import Expression
from clockwright.workflows.steps.fields import Fields
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFunction(Plan):
    """Call a function with keyword arguments; its result is the output."""

    function: str
    arguments: Template

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """Those of the arguments."""
        return [(f"/arguments{place}", one) for place, one in self.arguments.expressions]

    @property
    def functions(self) -> Sequence[str]:
        """The one."""
        return [self.function]

    async def perform(self, visit: Visit) -> Done:
        """Call it; the function is called again after a node died over it."""
        arguments = visit.value(self.arguments)
        return Done(output=await visit.call(self.function, arguments), next=visit.step.next)


def read(fields: Fields) -> CallFunction | None:
    """`function`, the key of one that is exposed, and `arguments`."""
    key = fields.text("function")
    arguments = fields.template_object("arguments")
    if key is None:
        if fields.get("function") is None:
            fields.refuse("function", "is required: the key of a function")
        return None
    function = fields.reading.functions.get(key)
    if function is None or not function.exposed:
        fields.refuse(
            "function", f"{key!r} is not known here; register it with @job(…, exposed=True)"
        )
        return None
    why = function.payload_error((), arguments.value)
    if why is not None:
        fields.refuse("arguments", f"does not fit {key}{function.signature}: {why}")
    return CallFunction(function=key, arguments=arguments)


KIND = Kind(name="function", summary="Calls a registered function.", read=read)
