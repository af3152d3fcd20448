"""Three programs with embedded schedules on one SQLite file, one of them killed and one frozen.

The chaos of `make soak`, small: see tests/soak/chaos.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection  # noqa: F401 - the condition below asks it

FIRES = 300
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="is about SQLite's file")
@pytest.mark.slow
@pytest.mark.limit(120)
def test_three_processes_on_one_file_lose_and_double_nothing_whichever_of_them_dies(tmp_path):
    figures = tmp_path / "figures.json"
    options = ["--nodes", "3", "--fires", str(FIRES), "--faults", "2", "--seconds", "5"]
    options += ["--sqlite", "--lease", "2", "--seed", "3", "--json", str(figures)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.chaos", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (fleet,) = json.loads(figures.read_text())["fleets"]
    assert (fleet["lost"], fleet["doubled"], fleet["unfinished"]) == (0, 0, 0)
    assert (fleet["once_doubled"], fleet["late_recorded"]) == (0, 0)
    assert fleet["fires"] >= FIRES
    assert fleet["takeovers"] > 0
    assert fleet["faults"] == {"SIGKILL of a worker": 1, "SIGSTOP longer than the lease": 1}
