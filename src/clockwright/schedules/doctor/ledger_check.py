"""Whether the ledger of a schedule has what its rule says, and its counter what the ledger has. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from clockwright.engine.model import Schedule
from clockwright.recurrence import ENGINE_VERSION
from clockwright.recurrence.recorded import zones_of
from clockwright.schedules.doctor.releases import Releases
from clockwright.schedules.store.saved import Saved
from clockwright.schedules.store.symptoms import ROWS_COUNTED, Tally, Window

LOOKS_BACK = timedelta(days=1)
"""How much of a schedule's ledger is counted, before its watermark."""

FIRE_TIMES_COUNTED = 2_000
"""And at most so many fire times of it."""

_TICK = timedelta(microseconds=1)


def window_of(
    saved: Saved, schedule: Schedule, releases: Releases, pruned: datetime | None
) -> Window:
    """The stretch of the ledger in which every fire time of the rule must have its row; empty where none can be named.

    It begins when the rule as it stands began, and after what was pruned. Pauses have rows. What was settled under
    another engine or another clock is not judged by this one.
    """
    high = schedule.settled_until
    if schedule.end_at is not None:
        high = min(high, schedule.end_at)
    low = high
    if saved.rule_since is not None and not _is_foreign(saved, schedule, releases):
        low = max(saved.rule_since, schedule.settled_until - LOOKS_BACK)
        low = low if pruned is None else max(low, pruned)
        low = low if schedule.start_at is None else max(low, schedule.start_at - _TICK)
        low = min(low, high)
    while schedule.recurrence.count_between(low, high) > FIRE_TIMES_COUNTED:
        low = high - (high - low) / 2
    return Window(schedule_id=schedule.schedule_id, low=low, high=high)


def _is_foreign(saved: Saved, schedule: Schedule, releases: Releases) -> bool:
    if saved.engine_version != ENGINE_VERSION:
        return True
    release = releases.by_version.get(saved.tzdata_version)
    if release is None or (release.is_present and not release.apart):
        return False
    zones = zones_of(schedule.recurrence)
    return bool(release.unrecorded(zones) or release.apart.keys() & zones)


def missing(schedule: Schedule, window: Window, tally: Tally) -> int:
    """How many fire times of the window have no row; below zero there are rows of no fire time."""
    low = window.low
    if tally.covered_until is not None:
        low = max(low, tally.covered_until)  # a range row from before reaches in
    expected = schedule.recurrence.count_between(low, window.high) if low < window.high else 0
    return expected - tally.fire_times


def is_miscounted(saved: Saved, schedule: Schedule, tally: Tally, pruned: datetime | None) -> bool:
    """Whether the counter of runs is not what the ledger has, where all of the ledger is there and was counted."""
    if tally.rows >= ROWS_COUNTED or (pruned is not None and pruned > saved.created_at):
        return False
    return schedule.execution_count != tally.runs
