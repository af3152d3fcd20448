"""The same seed is the same world: in another process, with other hash seeds, after other seeds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from clockwright.testing.simulation import Guard, simulate
from clockwright.testing.simulation.__main__ import main
from clockwright.testing.simulation.many import simulate_many
from tests.simulation.test_guards import first_violation_without

SEEDS = (3, 11, 17)


def told_by_another_process(seed, hash_seed):
    done = subprocess.run(
        [sys.executable, "-m", "clockwright.testing.simulation", str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_replays_exactly_whatever_the_hashes_are(seed):
    here = str(simulate(seed))
    assert "fingerprint" in here
    assert told_by_another_process(seed, "0") == here
    assert told_by_another_process(seed, "4711") == here


def test_a_seed_that_fails_fails_again_at_the_same_event_and_tells_the_last_ones():
    report = first_violation_without(Guard.VERSION)
    again = simulate(report.seed, removed=[Guard.VERSION])
    assert (again.violations, again.trace) == (report.violations, report.trace)
    assert len(report.trace) > 10
    assert f"seed {report.seed}:" in str(report)
    assert simulate(report.seed).is_clean


def test_many_seeds_are_summed_up_and_do_not_depend_on_the_processes():
    summary = simulate_many(range(4), processes=2)
    alone = [simulate(seed) for seed in range(4)]
    assert summary.is_clean
    assert (summary.seeds, summary.calls) == (4, sum(report.calls for report in alone))


def test_the_command_replays_a_seed_and_tells_whether_it_is_clean(capsys):
    assert main(["3"]) == 0
    assert capsys.readouterr().out.startswith("seed 3: clean; ")


def test_the_command_tells_what_a_missing_guard_leads_to(capsys):
    seed = first_violation_without(Guard.UNIQUE).seed
    assert main([str(seed), "--without", "unique"]) == 1
    assert "a second row" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [[], ["x"], ["3-"], ["1", "2"], ["3", "--without", "luck"]])
def test_the_command_says_how_it_is_used(wrong, capsys):
    assert main(wrong) == 2
    assert "usage" in capsys.readouterr().err
