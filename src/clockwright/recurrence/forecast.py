"""How many fire times are to come in each slot of a stretch of time: the load that schedules will make."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime

from .base import Recurrence
from .bounds import ceil_second, floor_second
from .errors import RecurrenceError, shown

MOST_SLOTS = 1_000_000
_MOST_TIMES = 1_000_000_000_000


class Forecast:
    """Counts of fire times in ``slots`` slots of ``step`` seconds each, from the instant ``start`` on.

    A slot holds the fire times ``[start + k * step, start + (k + 1) * step)``. Memory is eight bytes a slot, however
    many rules are added. Raises RecurrenceError for a naive start, and for no slots or more than a million.
    """

    __slots__ = ("counts", "start", "step")

    def __init__(self, start: datetime, slots: int, step: int = 60) -> None:
        if not 0 < slots <= MOST_SLOTS or step <= 0:
            raise RecurrenceError(
                f"{slots} slots of {step} seconds",
                field="slots",
                hint=f"1 to {MOST_SLOTS:,} slots of at least a second",
            )
        self.start = ceil_second(start, "start")
        self.step = step
        self.counts = array("Q", bytes(8 * slots))

    @property
    def end(self) -> int:
        """Where the last slot ends, in whole seconds since 1970 (UTC)."""
        return self.start + self.step * len(self.counts)

    @property
    def total(self) -> int:
        """How many fire times there are in all slots."""
        return sum(self.counts)

    def peak(self) -> tuple[datetime, int]:
        """The first of the fullest slots: its beginning (UTC), and how many fire times it holds."""
        most = max(self.counts)
        return self.slot_start(self.counts.index(most)), most

    def slot_start(self, slot: int) -> datetime:
        """The instant (UTC) at which a slot begins."""
        return datetime.fromtimestamp(self.start + slot * self.step, UTC)

    def add(
        self,
        rule: Recurrence,
        times: int = 1,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        most: int | None = None,
    ) -> None:
        """Counts a rule that ``times`` schedules have: from ``since`` to ``until`` (both included), ``most`` at most.

        Raises RecurrenceError for a naive bound, and for ``times`` or ``most`` that are no number from 0 on.
        """
        _check_number("times", times)
        if most is not None:
            _check_number("most", most)
        start, step, counts = self.start, self.step, self.counts
        low = start if since is None else max(start, ceil_second(since, "since"))
        high = self.end if until is None else min(self.end, floor_second(until, "until") + 1)
        seconds = rule.seconds_within(low, high) if low < high else []
        for second in seconds[:most]:
            counts[(second - start) // step] += times


def _check_number(field: str, number: object) -> None:
    # Counts are kept unsigned, in eight bytes each.
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= _MOST_TIMES:
        raise RecurrenceError(
            f"{field} must be a whole number, not {shown(number)}",
            field=field,
            token=shown(number),
            hint=f"from 0 to {_MOST_TIMES:,}",
        )
