"""HTTP/JSON under /api/v1: one router a resource, `errors` the one table from error to problem details."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.api.application import api, openapi_document

__all__ = ["api", "openapi_document"]


def __getattr__(name: str) -> Any:
    """`api` and `openapi_document`, loaded when asked for: they need Django to be set up."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("clockwright.api.application"), name)
