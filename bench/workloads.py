"""When things are due: the same instants for Clockwright, the limit and the peers. Standard library only."""

from __future__ import annotations

import random

PERIOD = 3_600
"""Seconds: every schedule repeats hourly, so that it fires once within a measurement."""

_SEED = 1_000


def burst(count: int, due_at: float) -> list[float]:
    """All at one instant (W1)."""
    return [due_at] * count


def steady(count: int, due_at: float, window: float) -> list[float]:
    """Each at a random place of the window that begins at `due_at`, the same in every run (W2)."""
    chance = random.Random(_SEED)
    return [due_at + chance.random() * window for _ in range(count)]


def percentile(ordered: list[float], share: float) -> float:
    """Of values in ascending order; 0 for none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
