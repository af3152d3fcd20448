"""What is done now and then beside the loops: anything that a host adds to an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from clockwright.engine.offload import offload


class Chore(Protocol):
    """Something to be done in short steps, each of which may block; every engine process does it."""

    @property
    def name(self) -> str:
        """What failures are reported under."""

    def step(self, node_id: str) -> float:
        """Do a little; the seconds until there is more, 0 for at once. What it raises is reported, and it is tried again."""


def stepping(chore: Chore, node_id: Callable[[], str]) -> Callable[[], object]:
    """The chore as a step of a loop; while the node has no id it waits."""

    async def step() -> float:
        node = node_id()
        return await offload(chore.step, node) if node else 1.0

    return step
