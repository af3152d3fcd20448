"""Requests that are sent again: the key that says so, and whether the body is the one of before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from clockwright.api.errors import Unacceptable
from clockwright.api.problems import FieldError
from clockwright.api.schemas import Text

RequestKey = Annotated[Text, Field(min_length=1, max_length=200)]


def request_id_of(in_body: str | None, in_header: str | None) -> str | None:
    """The key, from `request_id` or the header Idempotency-Key; raises Unacceptable where they differ."""
    if in_body is not None and in_header is not None and in_body != in_header:
        message = "differs from the header Idempotency-Key: give one of the two"
        raise Unacceptable(FieldError(pointer="/request_id", message=message))
    return in_header if in_body is None else in_body


def is_alike(stored: Any, sent: Mapping[str, Any] | None) -> bool:
    """Whether two JSON values say the same; databases hand large floats back as integers."""

    def plain(value: Any) -> Any:
        return json.loads(json.dumps(value), parse_int=float)

    return bool(plain(stored) == plain(sent))
