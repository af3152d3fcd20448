"""The chaos at full size: fleets of workers on a server of their own, and programs that share a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
SEED = os.environ.get("CLOCKWRIGHT_CHAOS_SEED", "1")
FLEETS = {
    "postgresql": ["--nodes", "1,2,4", "--fires", "100000", "--faults", "50", "--seconds", "150"],
    "sqlite": ["--sqlite", "--nodes", "3", "--fires", "30000", "--faults", "15", "--seconds", "120"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.limit(3600)
def test_whatever_is_killed_frozen_or_restarted_nothing_is_lost_and_nothing_doubled(
    tmp_path, capsys
):
    figures = tmp_path / "figures.json"
    options = [*FLEETS[connection.vendor], "--seed", SEED, "--json", str(figures)]
    command = [sys.executable, "-m", "tests.soak.chaos", *options]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    with capsys.disabled():
        sys.stdout.write(f"\n{done.stdout}\n")
    assert done.returncode == 0
    fleets = json.loads(figures.read_text())["fleets"]
    assert all(fleet["lost"] == fleet["doubled"] == 0 for fleet in fleets)
    assert sum(sum(fleet["faults"].values()) for fleet in fleets) >= 15
