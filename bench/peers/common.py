"""What all peers share: the work they are given, and the note that each run leaves. Standard library only."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bench import workloads

_ENTRY = struct.Struct("<qd")
_files: dict[int, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """So many schedules, due at one instant or spread over a window after it (`window` > 0 seconds)."""

    count: int
    due_at: float
    window: float
    variant: str
    url: str
    broker: str

    def due(self) -> list[float]:
        """When each is due; its place in the list is its number."""
        if self.window:
            return workloads.steady(self.count, self.due_at, self.window)
        return workloads.burst(self.count, self.due_at)

    def write(self, folder: Path) -> None:
        """For the peer's processes."""
        (folder / "work.json").write_text(json.dumps(asdict(self)))


def folder() -> Path:
    """Where this measurement's files are."""
    return Path(os.environ["BENCH_WORK"])


def work() -> Work:
    """What there is to do."""
    return Work(**json.loads((folder() / "work.json").read_text()))


def when(instant: float) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def note(number: int) -> None:
    """The job itself: enter its number and the time into this process's file, with one small write."""
    now, process = time.time(), os.getpid()
    file = _files.get(process)
    if file is None:
        path = folder() / f"ran-{process}"
        file = _files[process] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, _ENTRY.pack(int(number), now))


async def note_async(number: int) -> None:
    """The same as a coroutine."""
    note(number)


def is_ready(role: str) -> None:
    """Tell whoever measures that this role is at work."""
    half = folder() / f"half-{role}"
    half.write_text(repr(time.time()))
    half.rename(folder() / f"ready-{role}")


def count_notes(where: Path) -> int:
    """How many runs there were so far."""
    return sum(path.stat().st_size // _ENTRY.size for path in where.glob("ran-*"))


def read_notes(where: Path) -> list[tuple[int, float]]:
    """(number, time) of each run."""
    found: list[tuple[int, float]] = []
    for path in where.glob("ran-*"):
        data = path.read_bytes()
        found += _ENTRY.iter_unpack(data[: len(data) // _ENTRY.size * _ENTRY.size])
    return found


def django_database(url: str) -> dict[str, dict[str, object]]:
    """A PostgreSQL URL as Django's DATABASES."""
    parts = urlsplit(url)
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path.lstrip("/"),
            "USER": parts.username,
            "PASSWORD": parts.password or "",
            "HOST": parts.hostname,
            "PORT": parts.port,
        }
    }


def main(load: Callable[[], None], roles: Mapping[str, Callable[[], None]]) -> None:
    """`load`, or `serve ROLE`."""
    if sys.argv[1] == "load":
        load()
    else:
        roles[sys.argv[2]]()
