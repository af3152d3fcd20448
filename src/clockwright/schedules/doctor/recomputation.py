"""After an upgrade: stored next fire times that no longer follow from their rules are set right when an engine starts.

What is settled follows from the rule in any case. But what is due is found by the stored instant: one that is too late
would make its schedule late, and too late for its grace period.
"""

from __future__ import annotations

from clockwright.audit.actions import Action, Category
from clockwright.audit.trail import log_event
from clockwright.recurrence import tzdata_version
from clockwright.recurrence.versions import HISTORY
from clockwright.schedules.doctor.releases import Releases
from clockwright.schedules.store.saved import SavedSchedules, Suspects

BATCH = 200
FINISHED = 86_400.0
"""Seconds: the zone data of a process never changes, so that once is enough."""


class Recomputation:
    """A chore of every engine: one pass over the schedules that may need it, a batch a step."""

    name = "recomputation"

    def __init__(self, store: SavedSchedules) -> None:
        self._store = store
        self._suspects: Suspects | None = None
        self._place: int | None = 0
        self._moved = 0

    def step(self, node_id: str) -> float:
        """Set one batch right."""
        if self._suspects is None:
            self._suspects = self._look()
        if self._place is None or not (self._suspects.zones or self._suspects.also_engine):
            return FINISHED
        moved, self._place = self._store.recompute(self._suspects, self._place, BATCH)
        self._moved += moved
        if self._place is not None:
            return 0.0
        if self._moved:
            log_event(
                Category.SYSTEM,
                Action.SCHEDULES_RECOMPUTED,
                message="next fire times follow another engine or zone data than the stored ones",
                count=self._moved,
                tzdata_version=tzdata_version(),
                node=node_id,
            )
        return FINISHED

    def _look(self) -> Suspects:
        """By the records alone: a look through all schedules at every start would be felt."""
        records, now = self._store.zone_records(), self._store.now()
        releases = Releases.of(records, [], now, tzdata_version())
        return releases.suspects(also_engine=bool(HISTORY))
