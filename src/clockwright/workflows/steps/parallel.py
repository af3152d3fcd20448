"""`parallel`: several blocks side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from clockwright.workflows.definitions import (
    DEFAULT_PARALLEL,
    MOST_PARALLEL,
    Block,
    Done,
    Plan,
    Visit,
)
from clockwright.workflows.steps.fields import Fields, is_word
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.steps.side_by_side import side_by_side


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches(Plan):
    """Blocks by name; the output holds each one's output under its name."""

    branches: Mapping[str, Block]
    concurrency: int

    @property
    def blocks(self) -> Sequence[Block]:
        """Every branch."""
        return list(self.branches.values())

    async def perform(self, visit: Visit) -> Done:
        """All of them; when one fails the others are stopped, and the step fails."""
        calls = [partial(visit.walk, block, name, {}) for name, block in self.branches.items()]
        outputs = await side_by_side(calls, self.concurrency)
        return Done(output=dict(zip(self.branches, outputs, strict=True)), next=visit.step.next)


def read(fields: Fields) -> Branches | None:
    """`branches`, an object of blocks, and `concurrency`."""
    concurrency = fields.whole("concurrency", DEFAULT_PARALLEL, least=1, most=MOST_PARALLEL)
    given = fields.get("branches")
    if not isinstance(given, dict) or not 0 < len(given) <= MOST_PARALLEL:
        fields.refuse("branches", f"give an object of 1 to {MOST_PARALLEL} blocks")
        return None
    inner = fields.inside("branches", given)
    branches = {}
    for name in given:
        if not is_word(name):
            inner.refuse(name, "is no name for a branch: write lower-case letters, digits and _")
        block = inner.block(name)
        if block is not None:
            branches[name] = block
    return Branches(branches=branches, concurrency=concurrency)


KIND = Kind(name="parallel", summary="Performs blocks side by side.", read=read)
