"""Request bodies: JSON that both databases can store, and nothing that could only break later."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser

DEEPEST = 32
_MOST_DIGITS = 308


class BadBody(Exception):
    """A body that is refused before anybody looks at its fields."""

    def __init__(self, message: str, pointer: str = "") -> None:
        """Say what is wrong, and where."""
        self.message = message
        self.pointer = pointer
        super().__init__(message)


class BodyTooLarge(BadBody):
    """More bytes than are read."""


class StrictParser(Parser):
    """JSON without NaN, infinities, NUL characters, lone surrogates, repeated names or endless nesting."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body's value; raises BadBody."""
        try:
            text = request.body.decode("utf-8")
            value = json.loads(
                text, parse_constant=_refuse_constant, object_pairs_hook=_object, parse_int=_integer
            )
        except UnicodeDecodeError as error:
            raise BadBody("the body is not UTF-8") from error
        except json.JSONDecodeError as error:
            place = f"line {error.lineno}, column {error.colno}"
            raise BadBody(f"the body is not JSON: {error.msg} at {place}") from error
        except RecursionError as error:
            raise BadBody(f"the body is nested more than {DEEPEST} deep") from error
        _check(value, "", 0)
        return value


def check_size(request: HttpRequest) -> None:
    """Raise BodyTooLarge for a body above DATA_UPLOAD_MAX_MEMORY_SIZE."""
    try:
        request.body  # noqa: B018 - reading is what raises
    except RequestDataTooBig as error:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise BodyTooLarge(f"the body is larger than {limit} bytes") from error


def _refuse_constant(name: str) -> NoReturn:
    raise BadBody(f"the body is not JSON: {name} is not a number")


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise BadBody(f"a number has more than {_MOST_DIGITS} digits")
    return int(digits)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadBody(f"the name {twice!r} is given twice in one object")
    return value


def _check(value: Any, pointer: str, depth: int) -> None:
    if depth > DEEPEST:
        raise BadBody(f"the body is nested more than {DEEPEST} deep", pointer)
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, float) and value in {float("inf"), float("-inf")}:
        raise BadBody("the number is too large", pointer)
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
    raise BadBody("the text has a NUL character or half of a surrogate pair", pointer)


def is_storable(text: str) -> bool:
    """Whether both databases take a text."""
    if "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def escape(name: str) -> str:
    """A name as one step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
