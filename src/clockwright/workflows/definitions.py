"""A workflow's definition as it was read: blocks of steps that follow each other, and their limits. Immutable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Protocol

from clockwright.engine.model import Policy
from clockwright.workflows.expressions import Expression
from clockwright.workflows.templates import Template

MOST_STEPS: Final = 500
DEEPEST_BLOCK: Final = 10
LARGEST_DEFINITION: Final = 256 * 1024
"""Bytes of JSON."""

DEFAULT_OPERATIONS: Final = 1_000
MOST_OPERATIONS: Final = 10_000
"""Steps that one execution may perform, those of all branches and iterations together."""

DEFAULT_PARALLEL: Final = 10
MOST_PARALLEL: Final = 50

NO_RETRY: Final = Policy(max_retries=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a step came to: its output, JSON, and the step that follows; None where its block ends."""

    output: Any = None
    next: str | None = None


class Visit(Protocol):
    """A step while it is performed: what it may know and do. Nothing else of the world is there for it."""

    @property
    def step(self) -> Step:
        """The step."""

    def value(self, template: Template | Expression) -> Any:
        """The value with what is known here; raises ExpressionError."""

    async def walk(self, block: Block, name: str, known: Mapping[str, Any]) -> Any:
        """Perform a block inside; its output. `name` tells it from others, `known` are names for its expressions."""

    async def call(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call a registered function; what it returns. Raises what it raises, and DoNotRetry."""

    async def wait(self, *, seconds: float | None = None, until: datetime | None = None) -> None:
        """Wait from the step's first beginning on, whatever happens to the node meanwhile."""


class Plan(ABC):
    """What a step does, as its kind read it. A frozen dataclass in the module of its kind."""

    assigns: ClassVar[bool] = False
    """Whether its output, an object, becomes variables."""

    @abstractmethod
    async def perform(self, visit: Visit) -> Done:
        """Do it; whatever it raises is the step's failure. It is called again after a failure or a dead node."""

    @property
    def targets(self) -> Sequence[tuple[str, str]]:
        """Steps that it may go on with beside `next`: where each is named, as a pointer from the step, and its id."""
        return ()

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks inside."""
        return ()

    @property
    def names(self) -> frozenset[str]:
        """What expressions in its blocks may name beside what is known outside."""
        return frozenset()

    @property
    def expressions(self) -> Sequence[tuple[str, Expression]]:
        """Every expression, and where it stands, as a pointer from the step."""
        return ()

    @property
    def functions(self) -> Sequence[str]:
        """The keys of the functions that it calls, those of its blocks aside."""
        return ()

    @property
    def goes_on(self) -> bool:
        """Whether `next` may follow."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One node of the graph. `pointer` is its place in the definition; `retry` says how failures are retried."""

    id: str
    kind: str
    plan: Plan
    pointer: str
    next: str | None = None
    timeout: timedelta | None = None
    retry: Policy = NO_RETRY


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Steps of which one is under way at a time, from `start` on until a step names no other."""

    start: str
    steps: Mapping[str, Step]
    pointer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A whole workflow. `timeout` is of the whole execution; None leaves it to the node's settings."""

    block: Block
    timeout: timedelta | None = None
    most_operations: int = DEFAULT_OPERATIONS

    @property
    def functions(self) -> frozenset[str]:
        """The keys of all functions that are called in it."""
        found: set[str] = set()
        waiting = [self.block]
        while waiting:
            for step in waiting.pop().steps.values():
                found.update(step.plan.functions)
                waiting += step.plan.blocks
        return frozenset(found)
