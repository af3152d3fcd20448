"""The peers are started, watched and judged as we are: what ran, what did not, how late."""

from __future__ import annotations

import re
import sys
import time
import tomllib

import pytest
from packaging.requirements import Requirement

from bench import beside
from bench.databases import ROOT, SQLite
from bench.figures import Unmeasurable
from bench.peers import common
from tools.environment import PEERS_LOCK

LOCK = PEERS_LOCK.read_text()
MEMORY = next(peer for peer in beside.PEERS if peer.name == "apscheduler_memory")


def work(**changes):
    given = {
        "count": 4,
        "due_at": 100.0,
        "window": 0.0,
        "variant": "",
        "url": "",
        "broker": "",
    }
    return common.Work(**given | changes)


def test_a_peer_is_run_and_every_run_is_found(tmp_path):
    store = SQLite(tmp_path)
    with beside._Attempt.made(store, MEMORY, sys.executable) as attempt:
        told = attempt.run((20, 0.0), time.time() + 5, 10.0)
    assert told is not None
    assert (told.missed, told.doubled) == (0, 0)
    assert 0 < told.p50 <= told.p99
    assert told.per_second > 0
    assert list(tmp_path.iterdir()) == [], "temporary data is left behind"


def test_a_peer_that_ends_by_itself_gives_no_figure(tmp_path):
    with beside._Attempt.made(SQLite(tmp_path), MEMORY, sys.executable) as attempt:
        work().write(attempt.folder)
        attempt.processes.append(attempt._start("serve", "no such role"))
        with pytest.raises(Unmeasurable, match="ended by itself"):
            attempt._wait(lambda: False, 20.0)


def test_what_never_ran_is_missed_and_what_ran_twice_is_doubled():
    told = beside.read(work(), [(0, 100.5), (1, 101.0), (1, 101.5), (3, 102.0)])
    assert (told.missed, told.doubled) == (1, 1)
    assert (told.p50, told.p99) == (1.0, 2.0)
    assert told.per_second == 3 / 2.0


def test_what_had_not_run_yet_when_the_time_was_up_is_not_called_missed():
    told = beside.read(work(), [(0, 100.5)], has_stopped=False)
    assert (told.missed, told.waiting) == (0, 3)


def test_under_a_steady_load_each_run_is_compared_with_its_own_instant():
    asked = work(count=50, window=10.0)
    due = asked.due()
    assert due == asked.due(), "the same in every process"
    assert all(100.0 <= instant < 110.0 for instant in due)
    told = beside.read(asked, [(place, instant + 0.25) for place, instant in enumerate(due)])
    assert told.p50 == pytest.approx(0.25)
    assert told.p99 == pytest.approx(0.25)


def test_a_peer_that_runs_nothing_has_missed_everything():
    told = beside.read(work(), [])
    assert (told.missed, told.per_second) == (4, 0.0)


@pytest.mark.parametrize("peer", beside.PEERS, ids=lambda peer: peer.name)
def test_every_peer_has_a_program_and_says_what_it_keeps(peer):
    assert (ROOT / "bench" / "peers" / f"{peer.module}.py").is_file()
    assert peer.keeps
    assert peer.title


def test_the_peers_lock_has_every_requirement_pinned_by_hash_and_names_no_place():
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for line in groups["bench"]:
        wanted = Requirement(line)
        pinned = re.findall(rf"^{re.escape(wanted.name)}==(\S+)", LOCK, re.MULTILINE)
        assert pinned, f"{wanted.name} is not locked: make lock"
        assert all(wanted.specifier.contains(version) for version in pinned)
    entries = [entry for entry in re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE) if entry]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    assert re.findall(r"https?://\S+|--(?:extra-)?index|--find-links|file:\S+", LOCK) == []
