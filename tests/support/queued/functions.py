"""Functions that leave traces in files, so that a test sees from outside what they did."""

from __future__ import annotations

import os
import time
from pathlib import Path

from clockwright.engine.ports import RunContext
from clockwright.engine.registry import Registry, function_of

QUEUE = "reports"


def note(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def traces(path: str | Path) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def report(run: RunContext, *, path: str) -> dict[str, object]:
    """Ends at once."""
    note(path, f"{run.run_id} {run.attempt} {os.getpid()}")
    return {"pid": os.getpid(), "attempt": run.attempt}


def refuse(*, why: str) -> None:
    """Fails."""
    raise PermissionError(why)


def linger(run: RunContext, *, path: str) -> str:
    """Goes on until there is a file `path.go`, whatever it is asked."""
    note(path, f"{os.getpid()} {run.attempt}")
    while not Path(f"{path}.go").exists():
        time.sleep(0.05)
    note(path, f"{os.getpid()} ended")
    return "went"


def linger_apart(run: RunContext, *, path: str) -> str:
    """The same, in a process of its own, whose parent is the worker's."""
    note(path, f"{os.getppid()} {run.attempt}")
    return linger(run, path=path)


def at_home() -> int:
    """Has no queue: it runs in the engine's process."""
    return os.getpid()


def register(registry: Registry) -> Registry:
    """All of them, under `queued.<name>`."""
    for call in (report, refuse, linger):
        registry.register(function_of(call, f"queued.{call.__name__}", queue=QUEUE))
    apart = function_of(linger_apart, "queued.linger_apart", queue=QUEUE, isolation="process")
    registry.register(apart)
    registry.register(function_of(at_home, "queued.at_home"))
    return registry
