"""Durable schedules: `from clockwright.schedules import scheduler, job`.

Nothing of Django's models is imported here, so that a `jobs.py` may import this package at any time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clockwright.schedules.functions import job, scheduler

__all__ = ["job", "scheduler"]


def __getattr__(name: str) -> Any:
    """`job` or `scheduler`, from where it lives."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("clockwright.schedules.functions"), name)
