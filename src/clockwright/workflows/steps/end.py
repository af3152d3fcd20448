"""`end`: end the block here with an output, or fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clockwright.engine.ports import DoNotRetry
from clockwright.workflows.definitions import Done, Plan, Visit
from clockwright.workflows.expressions import Expression
from clockwright.workflows.steps.fields import Fields
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.templates import Template


class WorkflowFailed(DoNotRetry):
    """The workflow says itself that it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Plan):
    """The output is that of the block: at the top, the workflow's. `fails`: the output is why it fails."""

    output: Template
    fails: bool = False

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """Those of the output, or of the error."""
        name = "error" if self.fails else "output"
        return [(f"/{name}{place}", one) for place, one in self.output.expressions]

    @property
    def goes_on(self) -> bool:
        """Nothing follows."""
        return False

    async def perform(self, visit: Visit) -> Done:
        """End; raises WorkflowFailed."""
        output = visit.value(self.output)
        if self.fails:
            raise WorkflowFailed(output if isinstance(output, str) else repr(output))
        return Done(output=output)


def read(fields: Fields) -> End:
    """`output`, or `error`."""
    if fields.has("error"):
        if fields.has("output"):
            fields.refuse("output", "is nothing beside 'error'")
            fields.get("output")
        return End(output=fields.template("error"), fails=True)
    return End(output=fields.template("output"))


KIND = Kind(name="end", summary="Ends the block, or fails.", read=read)
