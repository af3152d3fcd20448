"""Commands whose options are one frozen value, and options that many commands share."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from clockwright.server.errors import UsageProblem

R = TypeVar("R")
T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]+)([smhdw])")
_LONGEST = timedelta(days=36_525)


def takes(shape: type[T]) -> Callable[[Callable[[T], R]], Callable[..., R]]:
    """Turn the fields of a dataclass into the parameters that typer sees; the command is given the filled value."""
    hints = get_type_hints(shape, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(shape)  # type: ignore[arg-type]
    ]

    def decorate(command: Callable[[T], R]) -> Callable[..., R]:
        @functools.wraps(command)
        def call(**values: Any) -> R:
            return command(shape(**values))

        signature = inspect.Signature(parameters)
        vars(call).pop("__wrapped__")
        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return call

    return decorate


def _default(field: dataclasses.Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def duration(option: str, text: str) -> timedelta:
    """`90`, `90s`, `5m`, `1h30m`, `2d`, `1w` as a duration; raises UsageProblem naming the option."""
    compact = text.strip().lower().replace(" ", "")
    seconds = int(compact) if re.fullmatch(r"[0-9]{1,12}", compact) else _seconds(compact)
    if seconds is None or seconds > _LONGEST.total_seconds():
        raise UsageProblem(
            f"{option}: {text!r} is not a duration; write 90, 90s, 5m, 1h30m, 2d or 1w"
        )
    return timedelta(seconds=seconds)


def _seconds(compact: str) -> int | None:
    parts = _DURATION.findall(compact)
    if (
        not parts
        or "".join(number + unit for number, unit in parts) != compact
        or len(compact) > 40
    ):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def instant(option: str, text: str) -> datetime:
    """An ISO 8601 instant with an offset, in UTC; raises UsageProblem naming the option."""
    try:
        value = datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageProblem(
            f"{option}: {text!r} is not an instant; write for example 2026-10-04T02:30:00Z"
        ) from None
    if value.tzinfo is None:
        example = f"{text.strip()}{'' if ':' in text else 'T00:00'}Z"
        raise UsageProblem(
            f"{option}: {text!r} has no offset; write for example {example}, or +10:00 instead of Z"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise UsageProblem(
            f"{option}: {text!r} is out of range; write for example 2026-10-04T02:30:00Z"
        ) from None
