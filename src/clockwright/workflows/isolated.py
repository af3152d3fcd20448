"""The functions of a worker process: those of the installed apps' `jobs.py`, and whatever else defines one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from clockwright.engine.child import Calls
from clockwright.engine.ports import RunContext
from clockwright.engine.registry import default_registry
from clockwright.workflows.calling import call_here

BOOTSTRAP: Final = f"{__name__}:bootstrap"


class UnknownFunction(LookupError):
    """Nothing that a worker process imports registers a function under this key."""


def bootstrap() -> Calls:
    """Set Django up where there is a project, and learn its functions; raises what that raises."""
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        from clockwright.schedules.registrations import autodiscover
        from clockwright.schedules.setup import ensure_django

        ensure_django()
        autodiscover()
    return call


def call(key: str, run: RunContext, args: Sequence[Any]) -> Any:
    """What the function of a key returns; raises as `call_here` does, and UnknownFunction."""
    function = default_registry.get(key)
    if function is None:
        raise UnknownFunction(
            f"{key} is not registered in a process of its own: decorate it with @job at the top of a module"
        )
    return call_here(function, run, args)
