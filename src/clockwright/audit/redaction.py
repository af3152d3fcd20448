"""What may go into the trail and the log: no secrets, no payloads, nothing that is not JSON, nothing endless."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

HIDDEN = "[redacted]"
LARGEST = 16_384
_LONGEST = 4_000
_FEW, _SHORT = 12, 1_000
_SMALL = (int, float, bool, type(None))
_DEEPEST = 8
_SECRETS = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "cookie")
_PAYLOADS = frozenset(
    {"context_data", "context", "args", "kwargs", "payload", "body", "result_data"}
)


def redacted(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as JSON-able values, with secrets and payloads hidden by the names of their keys."""
    clean = {str(key): _value(str(key), value, 0) for key, value in details.items()}
    if len(clean) <= _FEW and all(_is_small(value) for value in clean.values()):
        return clean
    size = len(json.dumps(clean))
    if size <= LARGEST:
        return clean
    return {"truncated": True, "size": size, "keys": sorted(clean)[:100]}


def _is_small(value: Any) -> bool:
    """Whether a dozen of them cannot be too large, which saves the engine measuring every line it logs."""
    return len(value) <= _SHORT if isinstance(value, str) else isinstance(value, _SMALL)


def plain_text(text: str, longest: int) -> str:
    """A text that every database takes: without NUL and lone surrogates, and not too long."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\x00", "\\0")[:longest]


@lru_cache(maxsize=1_000)
def _is_hidden(key: str) -> bool:
    lower = key.lower()
    return lower in _PAYLOADS or any(word in lower for word in _SECRETS)


def _value(key: str, value: Any, depth: int) -> Any:
    if value is None:
        return None
    if _is_hidden(key):
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
    if isinstance(value, datetime):
        return value.isoformat()
    return plain_text(str(value), _LONGEST)
