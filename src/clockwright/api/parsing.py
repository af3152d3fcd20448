"""Request bodies: JSON that both databases can store, and nothing that could only break later."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from ninja.parser import Parser

from clockwright.schedules.strict_json import BadJSON, escape, is_storable, parse_text

__all__ = ["BadBody", "BodyTooLarge", "StrictParser", "check_size", "escape", "is_storable"]


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
        except UnicodeDecodeError as error:
            raise BadBody("the body is not UTF-8") from error
        try:
            return parse_text(text)
        except BadJSON as error:
            raise BadBody(error.message, error.pointer) from error


def check_size(request: HttpRequest) -> None:
    """Raise BodyTooLarge for a body above DATA_UPLOAD_MAX_MEMORY_SIZE."""
    try:
        request.body  # noqa: B018 - reading is what raises
    except RequestDataTooBig as error:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise BodyTooLarge(f"the body is larger than {limit} bytes") from error
