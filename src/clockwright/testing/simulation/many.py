"""Many seeds, in as many processes as there are cores."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

from clockwright.testing.simulation.guards import Guard
from clockwright.testing.simulation.simulation import Report, simulate

_CHUNK = 20
_TOLD = 5
"""So many seeds that fail are told of; then it is enough."""


@dataclass(slots=True)
class Summary:
    """What became of many seeds. `failed` holds the reports of the first that were not clean."""

    seeds: int = 0
    runs: int = 0
    calls: int = 0
    crashes: int = 0
    failed: tuple[Report, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether all invariants held in all of them."""
        return not self.failed

    def __str__(self) -> str:
        """The sums."""
        return (
            f"{self.seeds} seeds, {len(self.failed)} failed; {self.runs} runs, {self.calls} store calls,"
            f" {self.crashes} crashes"
        )


def simulate_many(
    seeds: Sequence[int], *, processes: int | None = None, removed: Collection[Guard] = ()
) -> Summary:
    """Simulate each seed; ends early when several have failed. A seed depends on neither the others nor the processes."""
    summary = Summary()
    count = processes or os.cpu_count() or 1
    simulated = partial(_simulated, removed=tuple(removed))
    with multiprocessing.get_context("spawn").Pool(count) as pool:
        for runs, report in pool.imap_unordered(simulated, seeds, _CHUNK):
            summary.seeds += 1
            summary.runs += runs
            summary.calls += report.calls
            summary.crashes += report.crashes
            if not report.is_clean:
                summary.failed += (report,)
            if len(summary.failed) >= _TOLD:
                pool.terminate()
                break
    return summary


def _simulated(seed: int, removed: Collection[Guard]) -> tuple[int, Report]:
    """Without the ledger, which nobody asks for across processes."""
    report = simulate(seed, removed=removed)
    return len(report.ledger), replace(report, ledger=())
