"""JSON in which an object `{"$": "expression"}` stands for the expression's value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clockwright.schedules.strict_json import escape
from clockwright.workflows.expressions import Evaluation, Expression, ExpressionError, parse

MARK: Final = "$"
LARGEST_VALUE: Final = 1024 * 1024
"""Bytes of JSON, or so: as much as a function may return."""

LARGEST_OUTPUTS: Final = 8 * 1024 * 1024
"""The same, of all steps of an execution together."""

Report = Callable[[str, str], None]
"""Takes a pointer and what is wrong there."""


@dataclass(frozen=True, slots=True)
class Template:
    """JSON with expressions in it."""

    value: Any

    @property
    def expressions(self) -> list[tuple[str, Expression]]:
        """Those in it, with a pointer from its top to each."""
        return list(_expressions(self.value, ""))


def read_template(data: Any, pointer: str, report: Report) -> Template:
    """Read JSON; what is wrong with its expressions is reported."""
    return Template(_read(data, pointer, report))


def read_expression(text: object, pointer: str, report: Report) -> Expression | None:
    """Read one expression; None where something was reported."""
    if not isinstance(text, str) or not text.strip():
        report(pointer, 'give an expression, such as "steps.load.total > 10"')
        return None
    try:
        return parse(text)
    except ExpressionError as error:
        report(pointer, f"{text[:80]!r}: {error}")
        return None


def render(template: Template | Expression, scope: Mapping[str, Any]) -> Any:
    """The JSON with each expression's value in its place; raises ExpressionError."""
    evaluation = Evaluation(scope)
    value = _rendered(template.value if isinstance(template, Template) else template, evaluation)
    return bounded(value)


def bounded(value: Any) -> Any:
    """The value itself; raises ExpressionError where it is too large to be kept. The same part counts as often as it is there."""
    if size_of(value, LARGEST_VALUE) > LARGEST_VALUE:
        raise ExpressionError(f"the value is larger than about {LARGEST_VALUE} bytes")
    return value


def size_of(value: Any, most: int) -> int:
    """About how many bytes of JSON it is; counting ends above `most`."""
    size, waiting = 0, [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                size += len(text) + 2
            case list() as items:
                size += 2
                waiting += items
            case dict() as pairs:
                size += 2 + sum(map(len, pairs))
                waiting += pairs.values()
            case _:
                size += 5
        if size > most or len(waiting) > most:
            return most + 1
    return size


def _read(data: Any, pointer: str, report: Report) -> Any:
    match data:
        case dict() if MARK in data:
            if len(data) > 1:
                report(pointer, f"an object with {MARK!r} has nothing beside it")
            return read_expression(data[MARK], f"{pointer}/{MARK}", report)
        case dict():
            return {
                name: _read(item, f"{pointer}/{escape(name)}", report)
                for name, item in data.items()
            }
        case list():
            return [_read(item, f"{pointer}/{place}", report) for place, item in enumerate(data)]
        case _:
            return data


def _rendered(value: Any, evaluation: Evaluation) -> Any:
    match value:
        case Expression():
            return evaluation.of(value)
        case dict():
            return {name: _rendered(item, evaluation) for name, item in value.items()}
        case list():
            return [_rendered(item, evaluation) for item in value]
        case _:
            return value


def _expressions(value: Any, pointer: str) -> Iterator[tuple[str, Expression]]:
    match value:
        case Expression():
            yield f"{pointer}/{MARK}", value
        case dict():
            for name, item in value.items():
                yield from _expressions(item, f"{pointer}/{escape(name)}")
        case list():
            for place, item in enumerate(value):
                yield from _expressions(item, f"{pointer}/{place}")
        case _:
            return
