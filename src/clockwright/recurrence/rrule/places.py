"""BYSETPOS: of the times of each period, some by their place from the start or the end."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from clockwright.recurrence.days import ones
from clockwright.recurrence.zones import DAY

from .days import WEEK_SHIFT, RuleDays, periods_of
from .text import SUB_DAILY, Freq, RuleParts

_MOST_DAYS: Final = {Freq.WEEKLY: 7, Freq.MONTHLY: 31, Freq.YEARLY: 366}


def placed_times(parts: RuleParts, times: Sequence[int]) -> Sequence[int]:
    """The times of day that BYSETPOS leaves of a rule whose periods are days or shorter: all periods are alike."""
    unit = SUB_DAILY.get(parts.freq, DAY)
    size = bisect_left(times, (times[0] // unit + 1) * unit)
    places = {p - 1 if p > 0 else size + p for p in parts.by_position}
    chosen = sorted(place for place in places if 0 <= place < size)
    if len(chosen) == size:
        return times
    return [times[at + place] for at in range(0, len(times), size) for place in chosen]


class PlacedDays:
    """The days and times that BYSETPOS leaves of each week, month or year.

    The times of a period are numbered day by day, so that a position is a place among its days and one of the times.
    """

    __slots__ = ("_by_place", "_days", "_kinds", "_parts")

    def __init__(self, parts: RuleParts, origin: int, times: Sequence[int]) -> None:
        self._parts = parts
        self._days = RuleDays(parts, origin)
        self._kinds: dict[int, dict[int, tuple[int, ...]]] = {}
        by_place: dict[int, set[int]] = {}
        for position in parts.by_position:
            # From the start day 0, 1, 2…; from the end -1, -2…
            place, at = divmod(abs(position) - 1, len(times))
            if position < 0:
                place, at = -1 - place, len(times) - 1 - at
            if -_MOST_DAYS[parts.freq] <= place < _MOST_DAYS[parts.freq]:
                by_place.setdefault(place, set()).add(times[at])
        self._by_place = by_place

    @property
    def same_times(self) -> tuple[int, ...] | None:
        """The times of every day that is chosen; None where they depend on its place."""
        different = {tuple(sorted(times)) for times in self._by_place.values()}
        return different.pop() if len(different) == 1 else None

    def chosen(self, model: int) -> int:
        return sum(1 << day for day in self._kind(model))

    def times_in(self, model: int, place: int) -> Sequence[int]:
        """The times of a day that is chosen, by its place in a year of the kind of ``model``."""
        return self._kind(model)[place]

    def _kind(self, model: int) -> dict[int, tuple[int, ...]]:
        # The chosen days of a year of this kind, from 0, with the times of each.
        known = self._kinds.get(model)
        if known is None:
            shift = WEEK_SHIFT if self._parts.freq is Freq.WEEKLY else 0
            length = self._days.length_of(model)
            found: dict[int, set[int]] = {}
            for period in periods_of(self._parts, self._days, model):
                days = ones(period)
                for place, times in self._by_place.items():
                    if -len(days) <= place < len(days) and 0 <= days[place] - shift < length:
                        found.setdefault(days[place] - shift, set()).update(times)
            known = {day: tuple(sorted(found[day])) for day in sorted(found)}
            self._kinds[model] = known
        return known
