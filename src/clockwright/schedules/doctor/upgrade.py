"""`clockwright doctor --diff`: what an upgrade of engine or zone data changes, and accepting it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.recurrence import ENGINE_VERSION, tzdata_version
from clockwright.recurrence.versions import HISTORY, EngineChange
from clockwright.schedules import stores
from clockwright.schedules.doctor.differences import Difference, difference
from clockwright.schedules.doctor.releases import Releases
from clockwright.schedules.store.saved import Saved, SavedSchedules, Suspects

PAGE = 500
"""Schedules read at a time; no more are in memory."""

REST = 5_000
"""Schedules saved anew at a time, where they need not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What accepting came to: schedules that changed, others saved anew, and those that could not be read and stay."""

    changed: int
    unchanged: int
    unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """The schedules as they were saved, under the present versions. `community` None looks at all of them.

    `history`: what the versions of the engine changed.
    """

    store: SavedSchedules
    releases: Releases
    community: str | None = None
    history: Sequence[EngineChange] = HISTORY

    @classmethod
    def look(
        cls, community: str | None = None, history: Sequence[EngineChange] = HISTORY
    ) -> Upgrade:
        """What stands in the database now; reads all versions and zones, and no schedule."""
        store = stores.saved_schedules()
        groups = store.groups(community)
        releases = Releases.of(store.zone_records(), groups, store.now(), tzdata_version())
        return cls(store=store, releases=releases, community=community, history=history)

    def differences(self) -> Iterator[Difference]:
        """The schedules that change or may change in the coming year, in the order in which they were made."""
        for page in self._examined():
            yield from (change for _, change in page if change is not None)

    def accept(self, caller: Caller) -> Accepted:
        """Save all of them under the present versions; each that changes is told to the audit trail. Needs an operator."""
        policy.require(caller, Right.EDIT)
        changed = unchanged = unreadable = 0
        for page in self._examined():
            readable = [pair for pair in page if pair[0].schedule is not None]
            moved = stores.in_transaction(partial(self._accept, caller, readable))
            changed += moved
            unchanged += len(readable) - moved
            unreadable += len(page) - len(readable)
        while count := self.store.accept_rest(self._suspects, REST):
            unchanged += count
        self._tidy()
        return Accepted(changed=changed, unchanged=unchanged, unreadable=unreadable)

    @property
    def _suspects(self) -> Suspects:
        return self.releases.suspects(self.community)

    def _examined(self) -> Iterator[list[tuple[Saved, Difference | None]]]:
        place = 0
        while page := self.store.page(self._suspects, place, PAGE):
            yield [(saved, difference(saved, self.releases, self.history)) for saved in page]
            place = page[-1].place

    def _accept(self, caller: Caller, page: Sequence[tuple[Saved, Difference | None]]) -> int:
        """One page, in the caller's transaction; how many changed."""
        changes = {change.schedule_id: change for _, change in page if change is not None}
        same = [saved.schedule_id for saved, _ in page if saved.schedule_id not in changes]
        for schedule in self.store.accept(changes.keys(), same):
            change = changes[schedule.schedule_id]
            trail.record(
                Category.AUDIT,
                Action.SCHEDULE_ACCEPT,
                actor=caller.actor,
                community=schedule.community,
                schedule_id=schedule.schedule_id,
                workflow_id=schedule.workflow_id,
                because=list(change.because),
                changes=_versions(change),
                next_execution_at=schedule.next_execution_at,
            )
        return len(changes)

    def _tidy(self) -> None:
        """What the next upgrade is compared with is recorded, and what nobody is compared with any more forgotten.

        What the present release was recorded to say, and does not say any more, is only replaced when all accepted it.
        """
        present = self.releases.by_version.get(tzdata_version())
        anew = present.apart.keys() if present is not None and self.community is None else ()
        self.store.record_zones(self.releases.known_zones, anew)
        self.store.forget_zones()


def _versions(change: Difference) -> dict[str, dict[str, object]]:
    return {
        "engine_version": {"before": change.engine_version, "after": ENGINE_VERSION},
        "tzdata_version": {"before": change.tzdata_version, "after": tzdata_version()},
    }
