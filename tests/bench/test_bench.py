"""The measurements themselves: they run from end to end, say what they found in a fixed shape, and refuse to flatter."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys

import pytest

from bench import burst
from bench.databases import ROOT, SQLite
from bench.figures import Unmeasurable
from tools import postgres

SHAPE = {"name", "value", "unit", "against", "ratio"}


def run_bench(*arguments, folder, url=None):
    kept = {key: text for key, text in os.environ.items() if key != "BENCH_DATABASE_URL"}
    environ = kept | {"TMPDIR": str(folder)} | ({"BENCH_DATABASE_URL": url} if url else {})
    command = [sys.executable, "bench/run.py", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.slow
@pytest.mark.limit(300)
def test_every_figure_is_measured_and_written_in_the_shape_that_others_read(tmp_path):
    output = tmp_path / "latest.json"
    sizes = ["--schedules", "40", "--standing", "80", "--forecast", "200", "--rate", "60"]
    sizes += ["--window", "1", "--quick", "--forgetful"]
    done = run_bench(*sizes, "--output", str(output), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    figures = json.loads(output.read_text())
    assert {frozenset(figure) for figure in figures} == {frozenset(SHAPE)}
    names = [figure["name"] for figure in figures]
    assert len(names) == len(set(names))
    for expected in (
        "w1_burst_postgresql_40",
        "w1_burst_sqlite_40",
        "w2_steady_postgresql_60_lateness_p99",
        "w3_standing_80_memory",
        "w3_standing_80_due_query",
        "recurrence_next_after_daily_sydney_vs_croniter",
        "recurrence_cold_first_answer_daily_sydney_vs_cronsim",
    ):
        (figure,) = [figure for figure in figures if figure["name"] == expected]
        assert figure["value"] > 0
        assert figure["against"]
        assert figure["ratio"] > 0
        assert expected in done.stdout
    plans = tmp_path / "w3_standing_80.plans.txt"
    assert "FOR UPDATE SKIP LOCKED" in plans.read_text()
    assert set(tmp_path.iterdir()) == {output, plans}, "temporary data is left behind"


def test_a_database_that_forgets_commits_is_not_measured(tmp_path):
    with postgres.running() as server:
        forgetful = f"{server.url}?options=-c%20synchronous_commit%3Doff"
        done = run_bench("--quick", folder=tmp_path, url=forgetful)
    assert done.returncode == 2
    assert "synchronous_commit=off" in done.stderr
    assert "--forgetful" in done.stderr


def test_a_name_that_measures_nothing_is_refused(tmp_path):
    done = run_bench("--only", "w9", "--forgetful", folder=tmp_path)
    assert done.returncode == 2
    assert "w3_standing_100000" in done.stderr


@pytest.mark.parametrize(
    "runs",
    [
        [("a", "succeeded", 1), ("b", "succeeded", 1)],
        [("a", "succeeded", 1), ("b", "succeeded", 1), ("b", "succeeded", 1)],
        [("a", "succeeded", 1), ("b", "succeeded", 1), ("c", "failed", 1)],
        [("a", "succeeded", 1), ("b", "succeeded", 1), ("c", "succeeded", 2)],
    ],
    ids=["one is absent", "one ran twice", "one failed", "one was tried again"],
)
def test_a_burst_with_an_incomplete_ledger_gives_no_figure(tmp_path, runs):
    url = f"sqlite:///{tmp_path}/ledger.sqlite3"
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.sqlite3")) as ledger, ledger:
        ledger.execute(
            "CREATE TABLE schedule_runs (schedule_id, status, attempt, started_at, finished_at)"
        )
        ledger.executemany("INSERT INTO schedule_runs VALUES (?, ?, ?, 'then', 'then')", runs)
    with (
        contextlib.closing(SQLite(tmp_path).connect(url)) as connection,
        pytest.raises(Unmeasurable, match="should have 3 runs of 3 schedules"),
    ):
        burst.verify(connection, 3)
