"""What a text was read as. Immutable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands for itself."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A value of the scope."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Item:
    """What an object holds under a key, or a list at an index."""

    base: Node
    key: Node


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or `-`."""

    sign: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two values and what is between them; `and` and `or` look at the second only where they must."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? first : second`."""

    condition: Node
    first: Node
    second: Node


@dataclass(frozen=True, slots=True)
class Call:
    """One of the functions of the language."""

    function: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Literal | Name | Item | ListOf | Unary | Binary | Choice | Call


@dataclass(frozen=True, slots=True)
class Expression:
    """A text and what it was read as."""

    text: str
    root: Node


def names_in(expression: Expression) -> set[str]:
    """The values of the scope that it looks at."""
    return {node.name for node in _nodes(expression.root) if isinstance(node, Name)}


def paths_in(expression: Expression, root: str) -> set[str]:
    """The keys that it looks up in the value `root`, such as `load` in `steps.load.total`."""
    return {
        node.key.value
        for node in _nodes(expression.root)
        if isinstance(node, Item)
        and isinstance(node.base, Name)
        and node.base.name == root
        and isinstance(node.key, Literal)
        and isinstance(node.key.value, str)
    }


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for part in parts_of(node):
        yield from _nodes(part)


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly inside."""
    match node:
        case Item(base, key):
            return base, key
        case ListOf(items) | Call(_, items):
            return items
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return left, right
        case Choice(condition, first, second):
            return condition, first, second
        case _:
            return ()
