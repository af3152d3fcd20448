"""Functions of which a test sees from outside where they run and what becomes of them: they leave traces in files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clockwright.engine.child import Calls
from clockwright.engine.ports import InvalidPayload, InvalidResult, RunContext
from clockwright.engine.registry import Registry, function_of


def note(path: str, text: object) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


def traces(path: str | Path) -> list[str]:
    file = Path(path)
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def add(left: int, right: int = 0, *, run: RunContext, **more: Any) -> dict[str, Any]:
    """Ends at once, and says where it ran and for whom."""
    return {
        "sum": left + right,
        "pid": os.getpid(),
        "on_main_thread": threading.current_thread() is threading.main_thread(),
        "run": [str(run.run_id), run.attempt, run.scheduled_for.isoformat(), run.trigger],
        "trigger_data": run.trigger_data,
        **more,
    }


def loop(*, path: str) -> None:
    """Goes on for ever, deaf to everything but SIGKILL."""
    note(path, os.getpid())
    while True:
        with contextlib.suppress(BaseException):
            while True:
                pass


def tidy(*, path: str) -> None:
    """Goes on until it is asked to end, and then tidies up."""
    try:
        loop_politely(path)
    finally:
        note(path, "tidied up")


def loop_politely(path: str) -> None:
    note(path, os.getpid())
    while True:
        pass


def with_a_child(*, path: str) -> None:
    """Waits for a program that it started."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    note(path, child.pid)
    note(path, os.getpid())
    child.wait()


def refuse(*, why: str) -> None:
    raise PermissionError(why)


def crash(*, path: str, until: int = 2**30) -> str:
    """Dies of a signal at the first `until` calls."""
    note(path, os.getpid())
    if len(traces(path)) <= until:
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def leave() -> None:
    os._exit(3)


def quit_politely() -> None:
    sys.exit(4)


def speak(*, text: str) -> str:
    """Writes to both its streams, also from a program that it starts."""
    print(f"out {text}")  # noqa: T201
    sys.stderr.write(f"err {text}\n")
    subprocess.run([sys.executable, "-c", f"print('program {text}')"], check=True)
    os.write(1, b"bare")
    return sys.stdin.read()


def unfit() -> object:
    return object()


def huge(*, size: int, text: str) -> list[int | str]:
    return [len(text), "x" * size]


def in_database(*, key: str) -> dict[str, Any]:
    """Reads a schedule of the project's, so Django is set up and the database is the project's."""
    from clockwright.schedules.models import Schedule

    found = Schedule.objects.get(key=key)
    return {"status": found.status, "pid": os.getpid()}


FUNCTIONS = (
    add, loop, tidy, with_a_child, refuse, crash, leave, quit_politely, speak, unfit, huge, in_database,
)  # fmt: skip


def register(registry: Registry) -> Registry:
    """All of them, under `isolated.<name>`, each in a process of its own."""
    for call in FUNCTIONS:
        registry.register(function_of(call, f"isolated.{call.__name__}", isolation="process"))
    return registry


def bootstrap() -> Calls:
    """For a node without Django."""
    known = {call.__name__: call for call in FUNCTIONS}

    def call(key: str, run: RunContext, args: Sequence[Any]) -> Any:
        function = function_of(known[key], key)
        why = function.payload_error(args, run.context)
        if why is not None:
            raise InvalidPayload(why)
        result = function.invoke(run, args)
        if key == "unfit":
            raise InvalidResult(f"{type(result).__name__} is not JSON")
        return result

    return call


def broken_bootstrap() -> Calls:
    raise RuntimeError("no settings here")


def hanging_bootstrap() -> Calls:
    threading.Event().wait()
    raise AssertionError
