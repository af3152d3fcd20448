"""JSON text that both databases can store, and nothing in it that could only break later."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 32
_MOST_DIGITS = 308


class BadJSON(ValueError):
    """A text that is refused: `.message` says why, `.pointer` (RFC 6901) where."""

    def __init__(self, message: str, pointer: str = "") -> None:
        """Say what is wrong, and where."""
        self.message = message
        self.pointer = pointer
        super().__init__(message)


def parse_text(text: str) -> Any:
    """The value of a JSON text; raises BadJSON.

    No NaN, infinities, NUL characters, lone surrogates, repeated names, endless numbers or endless nesting.
    """
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_object, parse_int=_integer
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadJSON(f"the body is not JSON: {error.msg} at {place}") from error
    except RecursionError as error:
        raise BadJSON(f"the body is nested more than {DEEPEST} deep") from error
    _check(value, "", 0)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise BadJSON(f"the body is not JSON: {name} is not a number")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise BadJSON(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJSON(f"the name {twice!r} is given twice in one object")
    return value


def _check(value: Any, pointer: str, depth: int) -> None:
    if depth > DEEPEST:
        raise BadJSON(f"the body is nested more than {DEEPEST} deep", pointer)
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, float) and value in {float("inf"), float("-inf")}:
        raise BadJSON("the number is too large", pointer)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _check(item, f"{pointer}/{place}", depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_text(name, pointer)
            _check(item, f"{pointer}/{escape(name)}", depth + 1)


def _check_text(text: str, pointer: str) -> None:
    if is_storable(text):
        return
    raise BadJSON("the text has a NUL character or half of a surrogate pair", pointer)


def is_storable(text: str) -> bool:
    """Whether both databases take a text."""
    if "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def escape(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
