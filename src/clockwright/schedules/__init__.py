"""Durable schedules: `from clockwright.schedules import scheduler, job, RunContext`.

Nothing of Django's models is imported here, so that a `jobs.py` may import this package at any time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.engine.ports import DoNotRetry, RunContext
    from clockwright.schedules.functions import job, scheduler

__all__ = ["DoNotRetry", "RunContext", "job", "scheduler"]

_HOMES = {
    "DoNotRetry": "clockwright.engine.ports",
    "RunContext": "clockwright.engine.ports",
    "job": "clockwright.schedules.functions",
    "scheduler": "clockwright.schedules.functions",
}


def __getattr__(name: str) -> Any:
    """One of the names above, from where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
