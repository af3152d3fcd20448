"""The functions of the language. Each takes and gives JSON values, and does work in proportion to their size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clockwright.workflows.expressions.errors import ExpressionError

LONGEST_VALUE: Final = 100_000
"""Characters of a text, items of a list."""

LARGEST_NUMBER: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What may be called, and with how many arguments."""

    call: Callable[..., Any]
    least: int = 1
    most: int = 1

    @property
    def takes(self) -> str:
        """In words."""
        if self.least == self.most:
            return f"{self.least} argument{'s' if self.least > 1 else ''}"
        return f"{self.least} to {self.most} arguments"


def kind_of(value: Any) -> str:
    """What a value is called in messages."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def is_number(value: Any) -> bool:
    """Whether it counts; true and false do not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def checked_number(value: Any) -> Any:
    """The number itself; raises ExpressionError for one that JSON or a database would not take."""
    is_small = math.isfinite(value) if isinstance(value, float) else abs(value) <= LARGEST_NUMBER
    if not is_small:
        raise ExpressionError("the number is too large")
    return value


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise ExpressionError(f"len() takes a text, a list or an object, not {kind_of(value)}")
    return len(value)


def _text_of(name: str, change: Callable[[str], str]) -> Function:
    def call(value: Any) -> str:
        if not isinstance(value, str):
            raise ExpressionError(f"{name}() takes a text, not {kind_of(value)}")
        return change(value)

    return Function(call=call)


def _of_numbers(name: str, gather: Callable[[list[Any]], Any]) -> Function:
    def call(*values: Any) -> Any:
        found = values[0] if len(values) == 1 and isinstance(values[0], list) else list(values)
        if not all(is_number(value) for value in found):
            raise ExpressionError(f"{name}() takes numbers")
        try:
            return checked_number(gather(found)) if found or name == "sum" else None
        except OverflowError:  # a whole number beside a fraction
            raise ExpressionError("the number is too large") from None

    return Function(call=call, most=20)


def _rounded(value: Any, digits: Any = 0) -> Any:
    if not is_number(value) or not isinstance(digits, int) or not 0 <= digits <= 12:
        raise ExpressionError("round() takes a number, and 0 to 12 digits after the point")
    return round(value, digits) if digits else round(value)


def _number(value: Any) -> Any:
    if is_number(value):
        return value
    if not isinstance(value, str) or len(value) > 30:
        raise ExpressionError(f"number() takes a text of up to 30 characters, not {kind_of(value)}")
    try:
        return checked_number(int(value) if value.strip().lstrip("+-").isdigit() else float(value))
    except ValueError:
        raise ExpressionError(f"{value!r} is no number") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _keys(value: Any) -> list[str]:
    if not isinstance(value, dict):
        raise ExpressionError(f"keys() takes an object, not {kind_of(value)}")
    return sorted(value)


FUNCTIONS: Final[Mapping[str, Function]] = {
    "default": Function(
        call=lambda value, other: other if value is None else value, least=2, most=2
    ),
    "keys": Function(call=_keys),
    "len": Function(call=_length),
    "lower": _text_of("lower", str.lower),
    "max": _of_numbers("max", max),
    "min": _of_numbers("min", min),
    "number": Function(call=_number),
    "round": Function(call=_rounded, most=2),
    "sum": _of_numbers("sum", sum),
    "text": Function(call=_text),
    "trim": _text_of("trim", str.strip),
    "upper": _text_of("upper", str.upper),
}
