"""One function: a step's effect is a line in a file, and its process may die before or after it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from clockwright.engine.ports import RunContext
from clockwright.schedules import job


@job("stepping.add", exposed=True)
async def add(run: RunContext, left: int, right: int) -> int:
    """The sum. The plan has, one a line, after how many effects a process dies, and whether before it writes the next."""
    folder = Path(os.environ["STEPPING_FOLDER"])
    effects = folder / str(run.run_id)
    written = effects.read_text().count("\n") if effects.exists() else 0
    _perhaps_die(folder, written, "before")
    with effects.open("a") as file:
        file.write(f"{run.step} {run.attempt} {os.getpid()}\n")
    _perhaps_die(folder, written, "after")
    return left + right


def _perhaps_die(folder: Path, written: int, when: str) -> None:
    plan = folder / f"die-{written}-{when}"
    try:
        plan.rename(folder / f"died-{written}-{when}-{os.getpid()}")
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
