"""What may go into the trail and the log: no secrets, no payloads, nothing that is not JSON, nothing endless."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

HIDDEN = "[redacted]"
LARGEST = 16_384
_DEEPEST = 8
_SECRETS = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "cookie")
_PAYLOADS = frozenset(
    {"context_data", "context", "args", "kwargs", "payload", "body", "result_data"}
)


def redacted(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as JSON-able values, with secrets and payloads hidden by the names of their keys."""
    clean = {str(key): _value(str(key), value, 0) for key, value in details.items()}
    size = len(json.dumps(clean))
    if size <= LARGEST:
        return clean
    return {"truncated": True, "size": size, "keys": sorted(clean)[:100]}


def plain_text(text: str, longest: int) -> str:
    """A text that every database takes: without NUL and lone surrogates, and not too long."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "\\0")[:longest]


def _value(key: str, value: Any, depth: int) -> Any:
    if value is None:
        return None
    if key.lower() in _PAYLOADS or any(word in key.lower() for word in _SECRETS):
        return HIDDEN
    if depth >= _DEEPEST:
        return "[too deep]"
    if isinstance(value, Mapping):
        return {
            plain_text(str(inner), 200): _value(str(inner), each, depth + 1)
            for inner, each in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_value("", each, depth + 1) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return plain_text(str(value), 4_000)
