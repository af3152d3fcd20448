"""`make check`: everything about the code that can be judged without running its tests.

All steps run, whatever the earlier ones said; a table at the end shows each one's result.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools import processes, ratchet
from tools.environment import CACHE, ROOT, venv_bin

if TYPE_CHECKING:
    from collections.abc import Callable

OK, FAILED = "ok", "FAILED"
OPENAPI = ROOT / "docs" / "reference" / "openapi.json"
DJANGO = {"DJANGO_SETTINGS_MODULE": "clockwright.server.settings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something to check: returns what is wrong, or nothing."""

    name: str
    complaint: Callable[[], str]


def main() -> int:
    """Run every step; 0 only if all are content."""
    rows, broken = [["check", "result", "s"]], 0
    for step in STEPS:
        started = time.monotonic()
        complaint = step.complaint().strip()
        if complaint:
            broken += 1
            print(f"--- {step.name}\n{complaint}\n", flush=True)
        seconds = f"{time.monotonic() - started:.1f}"
        rows.append([step.name, FAILED if complaint else OK, seconds])
    print(processes.table(rows))
    print(f"\n{len(STEPS) - broken} checks ok, {broken} FAILED", flush=True)
    return 1 if broken else 0


def _command(*command: str) -> Callable[[], str]:
    """A step that is one command from the environment; its output is the complaint."""

    def run() -> str:
        with tempfile.TemporaryDirectory(prefix="cw-check-") as scratch:
            done = _call([venv_bin(command[0]), *command[1:]], Path(scratch))
        return "" if done.returncode == 0 else done.stdout + done.stderr + f"exit {done.returncode}"

    return run


def _call(command: list[str], scratch: Path) -> subprocess.CompletedProcess[str]:
    """On an empty database of its own, so that nobody's `.env` or data changes the answer."""
    url = f"sqlite:///{scratch}/check.sqlite3"
    environ = {**os.environ, **DJANGO, "DATABASE_URL": url, "COLUMNS": "100"}
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=1200
    )


def _sizes() -> str:
    return "\n".join(ratchet.check(ROOT))


def _openapi() -> str:
    """The published description is the one that the program gives."""
    with tempfile.TemporaryDirectory(prefix="cw-check-") as scratch:
        done = _call([venv_bin("clockwright"), "openapi"], Path(scratch))
    if done.returncode != 0:
        return done.stdout + done.stderr + f"exit {done.returncode}"
    name = OPENAPI.relative_to(ROOT)
    try:
        published = json.loads(OPENAPI.read_text())
    except (OSError, ValueError) as problem:
        return f"{name}: {problem}"
    if published != json.loads(done.stdout):
        return f"{name} is out of date. Write it anew: clockwright openapi > {name}"
    return ""


STEPS = (
    Step(name="lint (ruff)", complaint=_command("ruff", "check", "--quiet")),
    Step(name="format (ruff)", complaint=_command("ruff", "format", "--check", "--quiet")),
    Step(name="types (mypy strict)", complaint=_command("mypy")),
    Step(
        name="rooms (import-linter)",
        complaint=_command("lint-imports", "--cache-dir", str(CACHE / "import-linter")),
    ),
    Step(name="sizes (ratchet)", complaint=_sizes),
    Step(
        name="Django's system checks",
        complaint=_command("django-admin", "check", "--fail-level", "WARNING"),
    ),
    Step(
        name="migrations match models",
        complaint=_command("django-admin", "makemigrations", "--check", "--dry-run"),
    ),
    Step(name="OpenAPI as published", complaint=_openapi),
)
