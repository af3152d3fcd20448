"""Why an instant is a fire time of a rule, or is not: what each part of the rule says of it.

A rule judges the wall time that the instant stands for. That is what the clock shows, except after a gap, where it may
be a wall time that the clock leapt over. An instant fires exactly where every finding that decides admits it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from .errors import RecurrenceError
from .policy import Fold, Gap
from .walls import Walls
from .zones import DAY, EPOCH, FIRST_SECOND, LAST_SECOND, Change, Zone, find_zone, year_of

_NEAR: Final = 2 * DAY  # no gap and no fold is longer; changes lie further apart
_STAMP: Final = "%Y-%m-%d %H:%M:%S"


class Showing(StrEnum):
    """How the clock of the zone shows an instant."""

    PLAIN = "plain"
    FIRST_OF_TWO = "first_pass"  # the wall time will be shown again
    SECOND_OF_TWO = "second_pass"  # it has been shown before
    GAP_END = "gap_end"  # the first instant after wall times that the clock leapt over


@dataclass(frozen=True, slots=True)
class Finding:
    """What one part of a rule says of an instant.

    ``field`` names the part (``minute``, ``BYDAY``, ``start``), ``value`` is what the instant has there, ``allowed``
    what the rule admits there, ``reason`` a sentence where the two do not say it all. A finding that does not
    ``decide`` is told for its own sake: of two day fields of which either is enough, the day rule decides. ``parts``
    are the findings of which this one is made up.
    """

    field: str
    value: str
    admits: bool
    allowed: str = ""
    reason: str = ""
    decides: bool = True
    parts: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON-able data."""
        data: dict[str, Any] = {
            "field": self.field,
            "value": self.value,
            "admits": self.admits,
            "allowed": self.allowed,
            "reason": self.reason,
            "decides": self.decides,
        }
        return data | ({"parts": [part.to_json() for part in self.parts]} if self.parts else {})

    def lines(self, indent: str = "") -> list[str]:
        """The finding in words, with its parts below it."""
        mark = ("yes" if self.admits else "no ") if self.decides else "   "
        words = f"{self.field}: {self.value}" if self.value else self.field
        if self.allowed:
            words += f" (allowed: {self.allowed})"
        if not self.decides:
            words += " - admitted" if self.admits else " - not admitted"
        if self.reason:
            words += f" - {self.reason}"
        below = [line for part in self.parts for line in part.lines(f"{indent}    ")]
        return [f"{indent}{mark} {words}", *below]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an instant is a fire time of a rule, or is not.

    ``fires`` is exactly whether ``instant`` (UTC) is a fire time. ``wall`` is the instant in the rule's zone (aware),
    ``showing`` what is special about it there. ``previous`` and ``following`` are the fire times around it, in the
    rule's zone, without itself.
    """

    fires: bool
    instant: datetime
    tz: str
    wall: datetime
    showing: Showing
    findings: tuple[Finding, ...]
    previous: datetime | None = None
    following: datetime | None = None

    @property
    def rejections(self) -> tuple[Finding, ...]:
        """The findings because of which the instant is no fire time; none where it is one."""
        return tuple(f for f in self.findings if f.decides and not f.admits)

    def finding(self, field: str) -> Finding | None:
        """The finding about a part of the rule, if there is one."""
        return next((f for f in self.findings if f.field == field), None)

    def to_json(self) -> dict[str, Any]:
        """The explanation as JSON-able data; instants in UTC, ``wall_time`` with the zone's offset."""
        return {
            "fires": self.fires,
            "instant": _utc_text(self.instant),
            "timezone": self.tz,
            "wall_time": self.wall.isoformat(),
            "showing": str(self.showing),
            "findings": [finding.to_json() for finding in self.findings],
            "previous": _utc_text(self.previous),
            "following": _utc_text(self.following),
            "text": str(self),
        }

    def __str__(self) -> str:
        verdict = "is a fire time" if self.fires else "is not a fire time"
        shown = f"{self.wall:{_STAMP}} in {self.tz}{_SHOWN[self.showing]}"
        head = f"{_utc_text(self.instant)} {verdict}: the clock shows {shown}."
        lines = [line for finding in self.findings for line in finding.lines("  ")]
        around = [
            f"{name} fire time: {time:{_STAMP}} ({_utc_text(time)})" if time else f"no {name} one"
            for name, time in (("previous", self.previous), ("following", self.following))
        ]
        return "\n".join([head, *lines, *(f"{line[0].upper()}{line[1:]}." for line in around)])


_SHOWN: Final = {
    Showing.PLAIN: "",
    Showing.FIRST_OF_TWO: ", for the first of two times",
    Showing.SECOND_OF_TWO: ", for the second time",
    Showing.GAP_END: ", the end of a gap",
}


def _utc_text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Face(NamedTuple):
    """What the clock of a zone makes of an instant: its wall, and the clock change close by, if there is one."""

    wall: int
    showing: Showing
    change: Change | None


def face_of(zone: Zone, second: int) -> Face:
    """The face of an instant (seconds since 1970)."""
    wall = second + zone.offset_at(second)
    near = max(second - _NEAR, FIRST_SECOND), min(second + _NEAR, LAST_SECOND)
    for year in sorted({year_of(end) for end in near}):
        for change in zone.changes_in(year):
            leap = change.after - change.before
            if leap > 0 and change.at <= second < change.at + leap:
                showing = Showing.GAP_END if second == change.at else Showing.PLAIN
                return Face(wall, showing, change)
            if change.at + leap <= second < change.at:
                return Face(wall, Showing.FIRST_OF_TWO, change)
            if change.at <= second < change.at - leap:
                return Face(wall, Showing.SECOND_OF_TWO, change)
    return Face(wall, Showing.PLAIN, None)


def has_wall(walls: Walls, wall: int) -> bool:
    """Whether a wall time matches."""
    return walls.next(wall - 1) == wall


def reading(
    zone: Zone, policy: tuple[Gap, Fold], walls: Walls, second: int
) -> tuple[int, list[Finding]]:
    """The wall time by which a rule judges an instant, and what its clock policy says of it.

    Empty where no clock change is close by.
    """
    face, (gap, fold) = face_of(zone, second), policy
    if face.change is None:
        return face.wall, []
    if face.showing in {Showing.FIRST_OF_TWO, Showing.SECOND_OF_TWO}:
        return face.wall, [_of_pass(face, fold)]
    leapt = _leapt(face.change, gap, walls, second)
    if leapt is None and second != face.change.at:
        return face.wall, []
    in_its_own_right = has_wall(walls, face.wall)
    wall = face.wall if leapt is None or in_its_own_right else leapt
    return wall, [_of_gap(face.change, gap, leapt, second)]


def _of_gap(change: Change, gap: Gap, leapt: int | None, second: int) -> Finding:
    before, after = (wall_text(wall) for wall in _gap(change))
    if leapt is not None:
        what = f"{wall_text(leapt)}, which it never shows, runs here"
    else:
        what = "times between do not run" if gap is Gap.SKIP else "no time between is the rule's"
    where = "end of a gap" if second == change.at else "after a gap"
    reason = f"the clock leaps from {before} to {after}; {what}"
    return Finding("clock", where, True, _AFTER_A_GAP[gap], reason)


_AFTER_A_GAP: Final = {
    Gap.RUN_AT_GAP_END: "times leapt over run at the end of the gap",
    Gap.SKIP: "times leapt over do not run",
    Gap.SHIFT: "times leapt over run later by the length of the gap",
}


def _gap(change: Change) -> tuple[int, int]:
    return change.at + change.before, change.at + change.after


def _of_pass(face: Face, fold: Fold) -> Finding:
    is_first = face.showing is Showing.FIRST_OF_TWO
    admits = fold is Fold.BOTH or (fold is Fold.FIRST) == is_first
    which = "the first" if is_first else "the second"
    counts = "counts" if admits else "does not count"
    return Finding(
        "clock",
        "first pass" if is_first else "second pass",
        admits,
        {Fold.FIRST: "first pass", Fold.LAST: "second pass", Fold.BOTH: "both passes"}[fold],
        f"the clock shows {wall_text(face.wall)} twice; {which} pass {counts}",
    )


def _leapt(change: Change, gap: Gap, walls: Walls, second: int) -> int | None:
    # The wall time inside the gap that runs at this instant.
    if gap is Gap.SKIP:
        return None
    first, after = _gap(change)
    if gap is Gap.SHIFT:
        wall = second + change.before
        return wall if has_wall(walls, wall) else None
    found = walls.next(first - 1) if second == change.at else None
    return found if found is not None and found < after else None


def wall_text(wall: int) -> str:
    """A wall as text: 2025-03-30 02:30:00."""
    return f"{wall_time(wall):{_STAMP}}"


def wall_time(wall: int) -> datetime:
    """A wall as a naive datetime."""
    return (EPOCH + timedelta(seconds=wall)).replace(tzinfo=None)


def shown_in(zone: ZoneInfo, instant: datetime) -> datetime:
    """The instant in a zone. Raises RecurrenceError where the calendar ends."""
    second = (instant - EPOCH) // timedelta(seconds=1)
    if FIRST_SECOND <= second <= LAST_SECOND:
        with suppress(OverflowError):
            return instant.astimezone(zone)
    raise RecurrenceError("instant is out of range", field="instant", token=instant.isoformat())


def explanation(
    wall: datetime,
    tz: str,
    findings: Iterable[Finding],
    *,
    fires: bool,
    around: Sequence[datetime | None],
) -> Explanation:
    """The explanation of an instant (``wall``); one with a fraction of a second never fires, and it says so."""
    instant = wall.astimezone(UTC)
    face = face_of(find_zone(tz), (instant - EPOCH) // timedelta(seconds=1))
    fraction = Finding(
        "fraction",
        f"{wall.microsecond} microseconds",
        False,
        "0",
        "fire times are whole seconds",
    )
    return Explanation(
        fires=fires,
        instant=instant,
        tz=tz,
        wall=wall,
        showing=face.showing,
        findings=(*([fraction] if wall.microsecond else []), *findings),
        previous=around[0],
        following=around[1],
    )


def bounds_findings(
    second: int, zone: ZoneInfo, limits: tuple[int, int], holes: Sequence[tuple[int, int]]
) -> list[Finding]:
    """What the bounds of a rule (both included) and its exclusions (half-open) say of a second."""
    low, high = limits
    shown = _shown_in(second, zone)
    found = []
    if low > FIRST_SECOND:
        found.append(Finding("start", shown, second >= low, f"from {_shown_in(low, zone)} on"))
    if high < LAST_SECOND:
        found.append(Finding("end", shown, second <= high, f"until {_shown_in(high, zone)}"))
    if holes:
        hole = next(((a, b) for a, b in holes if a <= second < b), None)
        reason = (
            ""
            if hole is None
            else "excluded from {} to before {}".format(*(_shown_in(end, zone) for end in hole))
        )
        found.append(Finding("exclude", shown, hole is None, "outside the exclusions", reason))
    return found


def _shown_in(second: int, zone: ZoneInfo) -> str:
    # An exclusion may reach beyond what can be shown in every zone.
    second = min(max(second, FIRST_SECOND), LAST_SECOND)
    return datetime.fromtimestamp(second, zone).isoformat(" ")


def made_optional(findings: Iterable[Finding]) -> list[Finding]:
    """The findings as remarks, where something else decides."""
    return [replace(finding, decides=False) for finding in findings]
