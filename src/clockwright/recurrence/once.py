"""A single instant, and the start of a node."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import describe
from .base import Recurrence, bounds_json
from .bounds import UNBOUNDED, ceil_second, instant_text
from .errors import RecurrenceError, shown
from .explain import Finding
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy
from .timeline import resolve
from .zones import FIRST_SECOND, LAST_SECOND, find_zone, wall_of


@dataclass(frozen=True, slots=True, repr=False)
class Once(Recurrence):
    """One fire time.

    ``at``: a datetime or ISO 8601 text. With an offset it is an instant; without one it is read as
    wall time in ``tz``, by ``clock`` where the clock leaps over it or shows it twice; it is kept as
    an instant in UTC. A fraction of a second is rounded up, so that nothing fires early. Raises
    RecurrenceError, also for a wall time that does not exist where ``clock`` skips such.
    """

    at: datetime | str
    tz: str = "UTC"
    clock: InitVar[ClockPolicy | str] = field(default="vixie", kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _second: int = field(init=False, compare=False)

    start = None
    end = None
    _bounds = UNBOUNDED

    def __post_init__(self, clock: ClockPolicy | str) -> None:
        zone = find_zone(self.tz)
        second = read_instant(self.at, self.tz, ClockPolicy.of(clock))
        if not FIRST_SECOND <= second <= LAST_SECOND:
            raise RecurrenceError("the instant is out of range", field="at", token=str(self.at))
        self._settle(at=datetime.fromtimestamp(second, UTC), timezone=zone.info, _second=second)

    @property
    def instant(self) -> datetime:
        """The fire time, in the rule's zone."""
        return datetime.fromtimestamp(self._second, self.timezone)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        moment = phrases.say("on", moment=phrases.moment(self.instant))
        return describe.sentence([phrases.say("once"), moment], self, phrases)

    def to_json(self) -> dict[str, Any]:
        return {"type": "once", "at": instant_text(self.instant), **bounds_json(self)}

    def _findings(self, second: int) -> list[Finding]:
        at, apart = instant_text(self.instant), abs(second - self._second)
        side = "before" if second < self._second else "after"
        value = f"{apart:,} seconds {side} it" if apart else "the instant itself"
        return [Finding("at", value, not apart, at)]

    def _next(self, second: int) -> int | None:
        return self._second if self._second > second else None

    def _prev(self, second: int) -> int | None:
        return self._second if self._second < second else None

    def _count(self, low: int, high: int) -> int:
        return int(low <= self._second < high)


def read_instant(at: datetime | str, tz: str, policy: ClockPolicy, field: str = "at") -> int:
    """Seconds since 1970 of an instant, or of a wall time in ``tz``; rounded up.

    Raises RecurrenceError.
    """
    text = str(at)
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise RecurrenceError(
                f"{shown(text)} is not a date and time",
                field=field,
                token=text,
                hint="ISO 8601, such as 2025-03-30T02:30:00+01:00",
            ) from None
    if not isinstance(at, datetime):
        raise RecurrenceError(f"{field} must be a datetime, not {shown(at)}", field=field)
    if at.utcoffset() is not None:
        return ceil_second(at, field)
    second = resolve(tz, wall_of(at) + (at.microsecond > 0), policy)
    if second is None:
        raise RecurrenceError(
            f"the clock in {tz} never shows {at.isoformat()}",
            field=field,
            token=at.isoformat(),
            hint="another time, or a clock policy that does not skip",
        )
    return second


@dataclass(frozen=True, slots=True, repr=False)
class Reboot(Recurrence):
    """``@reboot``: when a node starts. It has no fire times, so that it is never *possible*."""

    tz: str = "UTC"
    timezone: ZoneInfo = field(init=False, compare=False)

    start = None
    end = None
    _bounds = UNBOUNDED

    def __post_init__(self) -> None:
        self._settle(timezone=find_zone(self.tz).info)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        return phrases.sentence([phrases.say("reboot")])

    def to_json(self) -> dict[str, Any]:
        return {"type": "reboot", **bounds_json(self)}

    def _findings(self, second: int) -> list[Finding]:
        why = "it fires when a node starts, at no instant that can be told"
        return [Finding("reboot", "", False, reason=why)]

    def _next(self, second: int) -> int | None:
        return None

    def _prev(self, second: int) -> int | None:
        return None

    def _count(self, low: int, high: int) -> int:
        return 0
