"""The examination: every invariant that can be asked of the tables, in bounded steps.

What one statement can say of all schedules is asked of all; what takes their rules is asked of a sample, which moves on
from one examination to the next, so that all have their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.engine.model import Schedule, ScheduleStatus
from clockwright.engine.ports import WorkflowResolver
from clockwright.engine.settle import next_fire
from clockwright.recurrence import tzdata_version
from clockwright.schedules.doctor.findings import SHOWN, Finding, Notes, Report
from clockwright.schedules.doctor.ledger_check import is_miscounted, missing, window_of
from clockwright.schedules.doctor.releases import Releases, is_zone
from clockwright.schedules.store.saved import Group, Saved
from clockwright.schedules.store.symptoms import Symptoms, Tally, Window

PATIENCE = timedelta(seconds=60)
"""A due schedule is looked at, a ready run claimed, and a dead node's run taken over within seconds."""

_NAMED = 5
PAGE = 500
"""Schedules read at a time; no more are in memory."""

OVERDUE_READ = 200
"""So many overdue schedules are looked at for whether they can be read at all."""


@dataclass(slots=True)
class Examination:
    """One examination. `steps` does it; then `report` and `place` say what it came to and where the next goes on.

    `limit`: how many schedules are read one by one, from `place` on; None reads them all.
    """

    store: Symptoms
    resolver: WorkflowResolver
    place: int = 0
    limit: int | None = None
    _notes: Notes = field(default_factory=Notes)
    _schedules: int = 0
    _examined: int = 0
    _unread: set[UUID] = field(default_factory=set)

    @property
    def report(self) -> Report:
        """What was found so far."""
        return Report(
            findings=self._notes.findings(), schedules=self._schedules, examined=self._examined
        )

    def steps(self) -> Iterator[None]:
        """Do it, pausing after every statement or page."""
        now = self.store.now()
        checks: Sequence[Callable[[datetime], None]] = (
            self._overdue,
            self._without_next,
            self._stuck,
            self._unclaimed,
            self._functions,
        )
        for check in checks:
            check(now)
            yield
        groups = self.store.groups()
        self._schedules = sum(group.count for group in groups)
        yield
        changed = self._zones(groups, now)
        yield
        yield from self._sample(changed)

    def _overdue(self, now: datetime) -> None:
        """A schedule that nobody here can read is left alone on purpose: that is another finding."""
        found = self.store.overdue(now - PATIENCE, SHOWN)
        blocked = [
            saved
            for saved in (
                self.store.overdue_page(now - PATIENCE, OVERDUE_READ) if found.count else ()
            )
            if saved.schedule is None
        ]
        for saved in blocked:
            self._unreadable(saved)
        ids = [i for i in found.ids if i not in self._unread]
        words = f"due for more than {PATIENCE.total_seconds():.0f} s"
        self._notes.enter(Finding.OVERDUE, ids, found.count - len(blocked), words)

    def _without_next(self, now: datetime) -> None:
        found = self.store.without_next(SHOWN)
        words = "active, and nothing will ever look at them"
        self._notes.enter(Finding.NO_NEXT_FIRE_TIME, found.ids, found.count, words)

    def _stuck(self, now: datetime) -> None:
        found = self.store.stuck_runs(now - PATIENCE, SHOWN)
        words = "running on nodes that have had no lease for a minute"
        self._notes.enter(Finding.STUCK_RUN, found.ids, found.count, words)

    def _unclaimed(self, now: datetime) -> None:
        found = self.store.unclaimed_runs(now - PATIENCE, now, SHOWN)
        words = "ready for more than a minute while living nodes have room"
        self._notes.enter(Finding.UNCLAIMED_RUN, found.ids, found.count, words)

    def _functions(self, now: datetime) -> None:
        unknown = {w: n for w, n in self.store.workflows().items() if not self._is_known(w)}
        if unknown:
            count, ids = sum(unknown.values()), self.store.starting(unknown.keys(), SHOWN)
            words = f"start {len(unknown)} workflows that are unknown here"
            self._notes.enter(Finding.UNKNOWN_FUNCTION, ids, count, words)

    def _is_known(self, workflow: UUID) -> bool:
        return self.resolver.resolve(workflow) is not None

    def _zones(self, groups: Sequence[Group], now: datetime) -> Releases:
        """Zones that are not known, and zones whose clock is not what it was when schedules were saved."""
        gone = {group.zone for group in groups if not is_zone(group.zone)}
        words = f"read in {_some(gone)}, unknown to tzdata {tzdata_version()}"
        self._in_zones(Finding.UNKNOWN_ZONE, [g for g in groups if g.zone in gone], words)
        releases = Releases.of(self.store.zone_records(), list(groups), now, tzdata_version())
        moved = [g for g in groups if g.zone in releases.by_version[g.tzdata_version].apart]
        words = f"read in {_some({g.zone for g in moved})}, whose clock is not what it was when they were saved"
        self._in_zones(Finding.ZONE_CHANGED, moved, words)
        return releases

    def _in_zones(self, finding: Finding, groups: Sequence[Group], words: str) -> None:
        if groups:
            ids = self.store.in_zones({group.zone for group in groups}, SHOWN)
            self._notes.enter(finding, ids, sum(group.count for group in groups), words)

    def _sample(self, releases: Releases) -> Iterator[None]:
        left = self.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = self.store.sample(self.place, size)
            self._read(page, releases)
            self._examined += len(page)
            if len(page) < size:
                self.place = 0  # the next examination begins anew
                return
            self.place = page[-1].place
            left = None if left is None else left - size
            yield

    def _read(self, page: Sequence[Saved], releases: Releases) -> None:
        """Everything that takes the rules, of one page."""
        windows: dict[UUID, Window] = {}
        pruned = self.store.pruned_until()
        for saved in page:
            if saved.schedule is None:
                self._unreadable(saved)
            else:
                self._next_fire_time(saved.schedule)
                windows[saved.schedule_id] = window_of(saved, saved.schedule, releases, pruned)
        tallies = self.store.tallies(list(windows.values()))
        if self.store.pruned_until() == pruned:  # else rows went away while they were counted
            self._compare(page, windows, tallies, pruned)

    def _compare(
        self,
        page: Sequence[Saved],
        windows: Mapping[UUID, Window],
        tallies: Mapping[UUID, Tally],
        pruned: datetime | None,
    ) -> None:
        """Ledgers with rules, and counters with ledgers."""
        for saved in page:
            schedule, tally = saved.schedule, tallies.get(saved.schedule_id)
            if schedule is None or tally is None:
                continue
            gap = missing(schedule, windows[saved.schedule_id], tally)
            if gap > 0:
                words = "fire times before the watermark without a row"
                self._notes.enter(Finding.LEDGER_GAP, [saved.schedule_id], gap, words)
            elif gap < 0:
                words = "rows of no fire time"
                self._notes.enter(Finding.LEDGER_SURPLUS, [saved.schedule_id], -gap, words)
            if is_miscounted(saved, schedule, tally, pruned):
                words = "execution_count is not the number of runs in the ledger"
                self._notes.enter(Finding.WRONG_COUNT, [saved.schedule_id], 1, words)

    def _unreadable(self, saved: Saved) -> None:
        if saved.schedule_id not in self._unread:
            if len(self._unread) < OVERDUE_READ:
                self._unread.add(saved.schedule_id)
            self._notes.enter(Finding.UNREADABLE, [saved.schedule_id], 1, saved.error)

    def _next_fire_time(self, schedule: Schedule) -> None:
        if schedule.status is not ScheduleStatus.ACTIVE or schedule.next_execution_at is None:
            return
        if next_fire(schedule, schedule.settled_until) != schedule.next_execution_at:
            words = "the stored next fire time is not the one that follows from the rule"
            self._notes.enter(Finding.WRONG_NEXT_FIRE_TIME, [schedule.schedule_id], 1, words)


def _some(names: Collection[str]) -> str:
    shown = sorted(names)[:_NAMED]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")
