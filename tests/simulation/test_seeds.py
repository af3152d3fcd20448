"""Fleets of real engines in worlds of faults: the promises hold in each (promises 1 and 2, S4-59…68)."""

from __future__ import annotations

from collections import Counter

import pytest

from clockwright.engine.model import Reason, RunState
from clockwright.testing.simulation import Simulation, simulate

SEEDS = 100
AT_A_TIME = 10


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_whatever_goes_wrong_every_fire_time_is_accounted_for_once_and_nothing_stays_behind(first):
    """A failing seed prints its last events; `python -m clockwright.testing.simulation SEED` replays it."""
    for seed in range(first, first + AT_A_TIME):
        report = simulate(seed)
        assert report.is_clean, str(report)


def test_the_worlds_are_not_too_kind():
    """Everything that can become of a run, and every kind of accident, does happen in a few of them."""
    states: Counter[RunState] = Counter()
    reasons: Counter[Reason | None] = Counter()
    happened: Counter[str] = Counter()
    for seed in range(SEEDS, SEEDS + 40):
        simulation = Simulation(seed)
        report = simulation.run()
        states.update(run.state for run in report.ledger)
        reasons.update(run.reason for run in report.ledger)
        happened["taken over"] += sum(run.takeovers for run in report.ledger)
        happened["tried again"] += sum(run.retries for run in report.ledger)
        happened["crashed"] += report.crashes
    assert set(states) == {state for state in RunState if state.is_final}
    assert min(happened.values()) >= 10, happened
    assert {Reason.OVERLAP, Reason.COALESCED, Reason.PAUSED, Reason.TIMEOUT} <= set(reasons)
