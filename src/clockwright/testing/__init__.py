"""Tools for tests, ours and yours: virtual time, an engine that moves by hand, the meaning of a store as a suite."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.testing.contract import StoreContract
    from clockwright.testing.manual import ManualEngine, OneHandler
    from clockwright.testing.virtual import VirtualClock, VirtualLoop

__all__ = ["ManualEngine", "OneHandler", "StoreContract", "VirtualClock", "VirtualLoop"]

if "pytest" in sys.modules:
    # so that a failing assertion of the contract tells what it compared
    sys.modules["pytest"].register_assert_rewrite("clockwright.testing.contract")

_HOMES = {
    "ManualEngine": "manual",
    "OneHandler": "manual",
    "StoreContract": "contract",
    "VirtualClock": "virtual",
    "VirtualLoop": "virtual",
}


def __getattr__(name: str) -> Any:
    """A tool, from where it lives; the contract alone needs pytest."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
