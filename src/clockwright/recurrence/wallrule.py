"""What rules by wall times have in common: `Cron`, `CronFields` and `CalendarInterval`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from .base import SHORTEST_SPAN, Recurrence, bearable_span, fitting_span
from .bounds import floor_second
from .timeline import Timeline
from .walls import DayTimes

_NOTHING: Final[Mapping[int, int]] = MappingProxyType({})
_MOST_AT_ONCE: Final = 32_768  # they are listed by slices
_NOBODY: Final = object()


class Lookahead:
    """Remembers some dozens of fire times ahead of one who asks for one after the other. Never changes an answer.

    ``following`` maps a fire time to the next one, ``answered`` is the last answer, as a datetime and as a second: who
    goes on with it need not have it converted. Both are replaced, not changed, so that threads may share a rule.
    """

    __slots__ = ("_last", "_span", "answered", "following")

    def __init__(self) -> None:
        self.answered: tuple[object, int] = (_NOBODY, 0)
        self.following = _NOTHING
        self._last: int | None = None
        self._span = SHORTEST_SPAN

    def __reduce__(self) -> tuple[type[Lookahead], tuple[()]]:
        # A copy of a rule starts with nothing remembered.
        return Lookahead, ()

    def next(self, rule: Recurrence, second: int) -> int | None:
        """``next_second``; who asks with the last answer is taken to go on."""
        found = rule.next_second(second)
        if found is None or second != self._last:
            self._last = found
            return found
        ahead = rule.seconds_within(found, found + self._span)
        self._span = fitting_span(self._span, len(ahead), rule.longest_span)
        self.following = dict(pairwise(ahead))
        self._last = ahead[-1]
        return found


class WallRule(Recurrence):
    """A rule whose fire times are matching walls on a timeline."""

    __slots__ = ()

    _ahead: Lookahead
    _line: Timeline
    _walls: DayTimes

    @property
    def longest_span(self) -> int:
        return bearable_span(self._walls.per_day, _MOST_AT_ONCE)

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire time strictly after ``instant``; None when there is none."""
        ahead = self._ahead
        answered, second = ahead.answered
        if instant is not answered:
            second = floor_second(instant)
        found = ahead.following.get(second)
        if found is None:
            found = ahead.next(self, second)
            if found is None:
                return None
        answer = datetime.fromtimestamp(found, self.timezone)
        ahead.answered = answer, found
        return answer

    def _next(self, second: int) -> int | None:
        return self._line.next(self._walls, second)

    def _prev(self, second: int) -> int | None:
        return self._line.prev(self._walls, second)

    def _count(self, low: int, high: int) -> int:
        return self._line.count(self._walls, low, high)

    def _within(self, low: int, high: int) -> list[int]:
        return self._line.within(self._walls, low, high)
