"""What the present versions make of one schedule that was saved under others. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from clockwright.engine.model import Schedule, ScheduleStatus
from clockwright.engine.settle import next_fire
from clockwright.recurrence import ENGINE_VERSION, Recurrence
from clockwright.recurrence.compare import Comparison, compare
from clockwright.recurrence.recorded import Apart, Span, zones_of
from clockwright.recurrence.versions import HISTORY, EngineChange, changes_since
from clockwright.schedules.doctor.releases import Release, Releases, rule_in
from clockwright.schedules.store.saved import Saved


class Certainty(StrEnum):
    """How sure it is that a schedule changes."""

    CERTAIN = "certain"
    POSSIBLE = "possible"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A fire time (UTC) that is not what it was; None where there is none on that side."""

    was: datetime | None
    now: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A schedule that the present versions read otherwise, or may.

    `changed`: how many fire times of the coming year differ, at least so many where `is_cut_short`; `first` are some of
    them. `next_was` and `next_now` differ where the stored next fire time is not the one that follows from the rule.
    `because`: why, in words.
    """

    schedule_id: UUID
    community: str
    key: str | None
    name: str
    rule: str
    timezone: str
    engine_version: int
    tzdata_version: str
    certainty: Certainty
    because: tuple[str, ...]
    changed: int = 0
    is_cut_short: bool = False
    first: tuple[Moved, ...] = ()
    next_was: datetime | None = None
    next_now: datetime | None = None


@dataclass(slots=True)
class _Findings:
    because: list[str] = field(default_factory=list)
    is_certain: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def difference(
    saved: Saved, releases: Releases, history: Sequence[EngineChange] = HISTORY
) -> Difference | None:
    """What is different about a schedule; None where nothing is, or may be."""
    if saved.schedule is None:
        return _told(saved, Certainty.UNREADABLE, (saved.error,))
    found = _Findings()
    _compare_clocks(saved, saved.schedule, releases, found)
    _compare_engines(saved, saved.schedule.recurrence, history, found)
    _compare_next(saved.schedule, found)
    if not found.because:
        return None
    certainty = Certainty.CERTAIN if found.is_certain else Certainty.POSSIBLE
    return _told(saved, certainty, tuple(found.because), **found.facts)


def _told(saved: Saved, certainty: Certainty, because: tuple[str, ...], **facts: Any) -> Difference:
    rule = None if saved.schedule is None else saved.schedule.recurrence
    return Difference(
        schedule_id=saved.schedule_id,
        community=saved.community,
        key=saved.key,
        name=saved.name,
        rule=saved.rule if rule is None else rule.describe(),
        timezone="" if rule is None else rule.tz,
        engine_version=saved.engine_version,
        tzdata_version=saved.tzdata_version,
        certainty=certainty,
        because=because,
        **facts,
    )


def _compare_clocks(saved: Saved, schedule: Schedule, releases: Releases, found: _Findings) -> None:
    release = releases.by_version.get(saved.tzdata_version)
    if release is None:
        return
    zones = zones_of(schedule.recurrence)
    if unrecorded := release.unrecorded(zones):
        found.because.append(
            f"what tzdata {saved.tzdata_version} said of {', '.join(unrecorded)} was not recorded"
        )
        return
    window = _window(schedule, releases.window)
    if window[0] < window[1] and (apart := release.apart_in(zones)):
        outcome = _compared(release, saved.rule, schedule.recurrence, window, apart)
        if outcome.count or outcome.is_cut_short:
            _enter(saved, outcome, found)


@lru_cache(maxsize=10_000)
def _compared(
    release: Release, text: str, rule: Recurrence, window: Span, apart: Apart
) -> Comparison:
    """Equal rules in equal windows are compared once."""
    return compare(rule_in(release, text), rule, window, apart)


def _enter(saved: Saved, outcome: Comparison, found: _Findings) -> None:
    found.is_certain = found.is_certain or outcome.count > 0
    many = f"{'at least ' if outcome.is_cut_short else ''}{outcome.count}"
    found.because.append(
        f"{many} fire times of the coming year are not those of tzdata {saved.tzdata_version}"
    )
    found.facts |= {
        "changed": outcome.count,
        "is_cut_short": outcome.is_cut_short,
        "first": tuple(Moved(was=_at(s.was), now=_at(s.now)) for s in outcome.first),
    }


def _window(schedule: Schedule, window: Span) -> Span:
    """The part of the coming year in which a schedule may fire: its bounds, and as often as it still may."""
    low, high = window
    if schedule.start_at is not None:
        low = max(low, int(schedule.start_at.timestamp()))
    if schedule.end_at is not None:
        high = min(high, int(schedule.end_at.timestamp()) + 1)
    limit = schedule.policy.max_executions
    if limit is not None and low < high:
        left = max(0, limit - schedule.execution_count)
        high = _end_of(schedule.recurrence, low, high, left)
    return low, high


def _end_of(rule: Recurrence, low: int, high: int, count: int) -> int:
    """Just behind the `count`-th fire time in `[low, high)`, or `high` where there are fewer."""
    if rule.count_seconds(low, high) <= count:
        return high
    below, above = low, high
    while above - below > 1:
        middle = (below + above) // 2
        if rule.count_seconds(low, middle) < count:
            below = middle
        else:
            above = middle
    return above if count else low


def _compare_engines(
    saved: Saved, rule: Recurrence, history: Sequence[EngineChange], found: _Findings
) -> None:
    if saved.engine_version > ENGINE_VERSION:
        found.because.append(f"it was saved by a later engine, version {saved.engine_version}")
    found.because += (
        f"since version {change.version} of the engine {change.what}"
        for change in changes_since(saved.engine_version, rule, history)
    )


def _compare_next(schedule: Schedule, found: _Findings) -> None:
    """The stored next fire time follows from rule and watermark; where it does not, something has changed."""
    if schedule.status is not ScheduleStatus.ACTIVE:
        return
    upcoming = next_fire(schedule, schedule.settled_until)
    if upcoming != schedule.next_execution_at:
        found.is_certain = True
        found.because.append("the stored next fire time is not the one that follows from the rule")
        found.facts |= {"next_was": schedule.next_execution_at, "next_now": upcoming}


def _at(second: int | None) -> datetime | None:
    return None if second is None else datetime.fromtimestamp(second, UTC)
