"""`foreach`: one block for every item of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from clockwright.workflows.definitions import MOST_PARALLEL, Block, Done, Plan, Visit
from clockwright.workflows.errors import WorkflowLoopException
from clockwright.workflows.expressions import Expression, ExpressionError
from clockwright.workflows.steps.fields import Fields
from clockwright.workflows.steps.kinds import Kind
from clockwright.workflows.steps.side_by_side import side_by_side

DEFAULT_ITEMS: Final = 100
MOST_ITEMS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach(Plan):
    """The block sees the item as `item_name` and its place as `index`; the output is the list of its outputs."""

    items: Expression
    body: Block
    item_name: str
    concurrency: int
    most_items: int

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """The list."""
        return [("/items", self.items)]

    @property
    def blocks(self) -> Sequence[Block]:
        """What is done with each."""
        return [self.body]

    @property
    def names(self) -> frozenset[str]:
        """The item and its place."""
        return frozenset({self.item_name, "index"})

    async def perform(self, visit: Visit) -> Done:
        """All of them, `concurrency` at a time; when one fails the others are stopped, and the step fails."""
        items = visit.value(self.items)
        if not isinstance(items, list):
            raise ExpressionError(f"items: {self.items.text!r} is no list")
        if len(items) > self.most_items:
            raise WorkflowLoopException(
                f"{visit.step.id}: {len(items)} items are more than max_items, {self.most_items}"
            )
        calls = [
            partial(visit.walk, self.body, str(place), {self.item_name: item, "index": place})
            for place, item in enumerate(items)
        ]
        return Done(output=await side_by_side(calls, self.concurrency), next=visit.step.next)


def read(fields: Fields) -> ForEach | None:
    """`items`, an expression; `do`, a block; `as`, `concurrency` and `max_items`."""
    items, body = fields.expression("items"), fields.block("do")
    name = fields.word("as") or "item"
    if name in {"trigger", "context", "vars", "steps", "index"}:
        fields.refuse("as", f"{name!r} is taken; choose another name")
    concurrency = fields.whole("concurrency", 1, least=1, most=MOST_PARALLEL)
    most_items = fields.whole("max_items", DEFAULT_ITEMS, least=1, most=MOST_ITEMS)
    if items is None or body is None:
        return None
    return ForEach(
        items=items, body=body, item_name=name, concurrency=concurrency, most_items=most_items
    )


KIND = Kind(name="foreach", summary="Performs a block for every item of a list.", read=read)
