"""The value of an expression in a scope, with a bound on the work and on the size of what comes out."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, assert_never

from clockwright.workflows.expressions.errors import ExpressionError
from clockwright.workflows.expressions.functions import (
    FUNCTIONS,
    LONGEST_VALUE,
    checked_number,
    is_number,
    kind_of,
)
from clockwright.workflows.expressions.tree import (
    Binary,
    Call,
    Choice,
    Expression,
    Item,
    ListOf,
    Literal,
    Name,
    Node,
    Unary,
)

MOST_WORK: Final = 200_000
"""Units of work: one a part, and one an item that an operation has to look at, or so many characters of a text."""

_CHARACTERS: Final = 100

_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
}


def evaluate(expression: Expression, scope: Mapping[str, Any]) -> Any:
    """The value, JSON; raises ExpressionError. `scope` holds JSON values by name and is not changed."""
    return Evaluation(scope).of(expression)


def is_true(value: Any) -> bool:
    """What counts as true: all but false, null, 0 and what is empty."""
    return bool(value)


class Evaluation:
    """Values of expressions in one scope. Their work is bounded together, so that many do not take longer than one may."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self._scope = scope
        self._work = 0

    def of(self, expression: Expression) -> Any:
        """The value of one; raises ExpressionError."""
        try:
            return self._value(expression.root)
        except RecursionError:
            raise ExpressionError("a value is nested too deep") from None

    def _spend(self, units: int) -> None:
        self._work += units
        if self._work > MOST_WORK:
            raise ExpressionError("takes too much work: give it less data")

    def _value(self, node: Node) -> Any:
        self._spend(1)
        match node:
            case Literal(value):
                found = value
            case Name(name):
                found = self._named(name)
            case Item(base, key):
                found = _looked_up(self._value(base), self._value(key))
            case ListOf(items):
                found = [self._value(item) for item in items]
            case Unary(sign, operand):
                found = self._unary(sign, self._value(operand))
            case Choice(condition, first, second):
                found = self._value(first if is_true(self._value(condition)) else second)
            case Binary():
                found = self._joint(node)
            case Call(function, arguments):
                found = self._call(function, [self._value(one) for one in arguments])
            case _:
                assert_never(node)
        return found

    def _named(self, name: str) -> Any:
        if name not in self._scope:
            raise ExpressionError(f"there is no {name} here")
        return self._scope[name]

    def _joint(self, node: Binary) -> Any:
        left = self._value(node.left)
        if node.sign in {"and", "or"}:
            return left if is_true(left) == (node.sign == "or") else self._value(node.right)
        return self._binary(node.sign, left, self._value(node.right))

    def _unary(self, sign: str, value: Any) -> Any:
        if sign == "not":
            return not is_true(value)
        if not is_number(value):
            raise ExpressionError(f"'-' takes a number, not {kind_of(value)}")
        return -value

    def _binary(self, sign: str, left: Any, right: Any) -> Any:
        match sign:
            case "==":
                return self._equal(left, right)
            case "!=":
                return not self._equal(left, right)
            case "in":
                return self._contains(right, left)
            case "<" | "<=" | ">" | ">=":
                return self._ordered(sign, left, right)
            case _:
                return self._calculated(sign, left, right)

    def _equal(self, left: Any, right: Any) -> bool:
        """By value; 1 is 1.0 and not true, also deep inside."""
        self._spend(1)
        match left, right:
            case list(), list():
                return len(left) == len(right) and all(map(self._equal, left, right))
            case dict(), dict():
                return left.keys() == right.keys() and all(
                    self._equal(value, right[key]) for key, value in left.items()
                )
            case _:
                return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)

    def _contains(self, whole: Any, part: Any) -> bool:
        match whole:
            case str() if isinstance(part, str):
                self._spend(_size(whole))
                return part in whole
            case dict() if isinstance(part, str):
                return part in whole
            case list():
                return any(self._equal(item, part) for item in whole)
            case _:
                raise ExpressionError(f"{kind_of(part)} cannot be in {kind_of(whole)}")

    def _ordered(self, sign: str, left: Any, right: Any) -> bool:
        both_texts = isinstance(left, str) and isinstance(right, str)
        if not both_texts and not (is_number(left) and is_number(right)):
            raise ExpressionError(f"{kind_of(left)} {sign} {kind_of(right)} cannot be compared")
        return _ORDER[sign](left, right)

    def _calculated(self, sign: str, left: Any, right: Any) -> Any:
        if sign == "+" and type(left) is type(right) and isinstance(left, str | list):
            return self._joined(left, right)
        if not (is_number(left) and is_number(right)):
            raise ExpressionError(f"{kind_of(left)} {sign} {kind_of(right)} cannot be calculated")
        try:
            return checked_number(_ARITHMETIC[sign](left, right))
        except ZeroDivisionError:
            raise ExpressionError("division by zero") from None
        except OverflowError:
            raise ExpressionError("the number is too large") from None

    def _joined(self, left: Any, right: Any) -> Any:
        length = len(left) + len(right)
        self._spend(_size(left) + _size(right) if isinstance(left, str) else length)
        if length > LONGEST_VALUE:
            raise ExpressionError(f"the result is longer than {LONGEST_VALUE}")
        return left + right

    def _call(self, function: str, arguments: list[Any]) -> Any:
        self._spend(sum(map(_size, arguments)))
        return FUNCTIONS[function].call(*arguments)


def _looked_up(base: Any, key: Any) -> Any:
    """What is under a key or at an index; null where there is nothing."""
    match base:
        case None:
            return None
        case dict() if isinstance(key, str):
            return base.get(key)
        case list() if isinstance(key, int) and not isinstance(key, bool):
            return base[key] if -len(base) <= key < len(base) else None
        case _:
            raise ExpressionError(f"{kind_of(base)} has nothing under {kind_of(key)}")


def _size(value: Any) -> int:
    match value:
        case str():
            return 1 + len(value) // _CHARACTERS
        case list():
            return 1 + sum(map(_size, value))
        case dict():
            return 1 + sum(1 + _size(item) for item in value.values())
        case _:
            return 1
