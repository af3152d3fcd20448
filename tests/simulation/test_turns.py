"""A store that gives out runs in the order of their age alone is found out."""

from dataclasses import replace
from uuid import UUID

from clockwright.testing.simulation import simulate
from clockwright.testing.simulation import simulation as worlds
from clockwright.testing.simulation.guards import WatchedStore

SEEDS = range(40)


class Unhurried(WatchedStore):
    """Forgets while it claims which runs are urgent."""

    def claim_runs(self, node_id: str, limit: int):
        urgent = {run.run_id: run.priority for run in self._all_unfinished()}
        self._prioritise(dict.fromkeys(urgent, 0))
        try:
            return super().claim_runs(node_id, limit)
        finally:
            self._prioritise(urgent)

    def _prioritise(self, priorities: dict[UUID, int]) -> None:
        for run_id, priority in priorities.items():
            dict.__setitem__(self._runs, run_id, replace(self._runs[run_id], priority=priority))


def test_runs_that_begin_before_more_urgent_ones_are_a_violation(monkeypatch):
    monkeypatch.setattr(worlds, "WatchedStore", Unhurried)
    found = next(report for seed in SEEDS if (report := simulate(seed)).violations)
    assert "waits, and one of" in found.violations[0]
