"""What a rule is made of, as far as the clock is concerned.

A rule of wall times shows its sets of them (`WallLayer`), a rule of elapsed time its period (`ElapsedLayer`), a
combination the layers of its members; a rule of single instants has none. `clock_effects` reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .policy import ClockPolicy
from .walls import Walls


@dataclass(frozen=True, slots=True, kw_only=True)
class WallLayer:
    """Wall times in the zone ``tz``, under ``policy``.

    ``admits(wall, second)`` says whether the fire time of a wall is kept (bounds, exceptions); ``second`` is its
    instant or, for a skipped wall, the one it would have by the offset before the gap. None where all are kept.
    """

    tz: str
    walls: Walls
    policy: ClockPolicy
    is_wildcard: bool = False
    admits: Callable[[int, int], bool] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ElapsedLayer:
    """A fire time every ``period`` seconds of elapsed time, shown in the zone ``tz``."""

    tz: str
    period: int


ClockLayer = WallLayer | ElapsedLayer
