"""The store of a simulation: the real one in memory, which tells what each call changed, and whose guards can be removed.

The guards are what the simulation is there to defend. Removing one (`Guard`) must lead to a violation: else the
simulation would not notice its absence in the product either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Any, TypeVar
from uuid import UUID

from clockwright.engine.ids import RunIds
from clockwright.engine.memory import MemoryStore
from clockwright.engine.model import Outcome, Run, Schedule, Start, Verdict
from clockwright.engine.ports import Amendment, Clock, Recorded, Settled, StoreError

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", Start, Outcome)

Changes = list[tuple[V | None, V | None]]
"""What was there before and what is there now, in the order of writing; None where there is nothing."""

_TAIL_BITS = 62


class Guard(StrEnum):
    """What keeps the ledger true when nodes die, stand still, or decide on something they read too early."""

    FENCE = "fence"
    UNIQUE = "unique"
    VERSION = "version"


class WriteConflict(StoreError):
    """A transaction that was decided on something read too early, and was rolled back."""


class Journal(dict[K, V]):
    """A dictionary that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._changes: Changes[V] = []

    def __setitem__(self, key: K, value: V) -> None:
        """Write, and remember."""
        self._changes.append((self.get(key), value))
        super().__setitem__(key, value)

    def __delitem__(self, key: K) -> None:
        """Delete, and remember."""
        self._changes.append((self[key], None))
        super().__delitem__(key)

    def taken(self) -> Changes[V]:
        """What was written since this was last asked."""
        changes, self._changes = self._changes, []
        return changes

    def restore(self, before: dict[K, V]) -> None:
        """Be as before, without a trace."""
        self.clear()
        super().update(before)
        self._changes = []


class ZeroTailIds(RunIds):
    """Ids as in real life, but for their random tail: the same in every replay of a seed."""

    def take(self, now: datetime, count: int) -> list[UUID]:
        """As `RunIds.take`: ascending, never the same twice."""
        return [UUID(int=u.int >> _TAIL_BITS << _TAIL_BITS) for u in super().take(now, count)]


class WatchedStore(MemoryStore):
    """`changed_runs` and `changed_schedules` hold what a call wrote; `removed` are the guards that are missing.

    With `stale_read`, the next settling decides on that schedule as it was some changes ago, as a node does that read
    ahead or lost its lock. The version condition refuses it when the schedule was edited since, the unique constraint
    when its fire times were settled since; the transaction is rolled back.
    """

    def __init__(self, clock: Clock, removed: Collection[Guard] = ()) -> None:
        self.changed_runs: Journal[UUID, Run] = Journal()
        self.changed_schedules: Journal[UUID, Schedule] = Journal()
        super().__init__(
            clock,
            _schedules=self.changed_schedules,
            _runs=self.changed_runs,
            _ids=ZeroTailIds(),
        )
        self.removed = frozenset(removed)
        self.stale_read: Schedule | None = None
        self._earlier: deque[Schedule] = deque(maxlen=64)

    @property
    def all_runs(self) -> Collection[Run]:
        """The whole ledger."""
        return self._runs.values()

    @property
    def all_schedules(self) -> Collection[Schedule]:
        """Also the removed ones."""
        return self._schedules.values()

    @property
    def is_at_rest(self) -> bool:
        """Whether every run is final."""
        return not self._unfinished

    def reads_something_stale(self, chance: Random) -> None:
        """Have the next settling decide on something that may have changed since."""
        if self._earlier:
            self.stale_read = chance.choice(self._earlier)

    def take_changes(self, method: str) -> tuple[Changes[Run], Changes[Schedule]]:
        """What the last call wrote."""
        runs, schedules = self.changed_runs.taken(), self.changed_schedules.taken()
        self._earlier.extend(old for old, _ in schedules if old is not None)
        return runs, schedules

    def settle_due(self, *args: Any, **kwargs: Any) -> Settled:
        """As the product's; on a stale read, all or nothing."""
        stale, self.stale_read = self.stale_read, None
        current = self._schedules.get(stale.schedule_id) if stale else None
        if stale is None or current is None:
            return super().settle_due(*args, **kwargs)
        if stale.version != current.version and Guard.VERSION not in self.removed:
            raise WriteConflict(f"{stale.schedule_id} is at version {current.version} by now")
        before = self._copy()
        try:
            dict.__setitem__(self._schedules, stale.schedule_id, stale)
            settled = super().settle_due(*args, **kwargs)
        except AssertionError as doubled:
            self._restore(before)
            raise WriteConflict(str(doubled)) from doubled
        if self._schedules[stale.schedule_id] is stale:  # others were due before it
            dict.__setitem__(self._schedules, stale.schedule_id, current)
        return settled

    def amend_schedule(self, schedule_id: UUID, amendment: Amendment) -> Schedule:
        """As the product's."""
        if Guard.VERSION in self.removed:
            amendment = replace(amendment, expected_version=None)
        return super().amend_schedule(schedule_id, amendment)

    def record_starts(self, starts: Sequence[Start]) -> Collection[UUID]:
        """As the product's."""
        return super().record_starts([self._let_through(start) for start in starts])

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> Recorded:
        """As the product's."""
        return super().record_outcomes([self._let_through(outcome) for outcome in outcomes])

    def _let_through(self, report: R) -> R:
        """Without the fence every report looks like one of the present attempt."""
        run = self._runs.get(report.run_id)
        if run is None or Guard.FENCE not in self.removed:
            return report
        return replace(report, attempt=run.attempt, node_id=run.node_id or report.node_id)

    def _account(self, schedule: Schedule, verdict: Verdict, now: datetime) -> Run:
        """Without the unique constraint a second row of a fire time is as good as the first."""
        try:
            return super()._account(schedule, verdict, now)
        except AssertionError:
            if Guard.UNIQUE not in self.removed:
                raise
        run = Run(
            run_id=self._next_id(now),
            schedule_id=schedule.schedule_id,
            workflow_id=schedule.workflow_id,
            scheduled_for=verdict.scheduled_for,
            state=verdict.state,
            reason=verdict.reason,
            created_at=now,
        )
        return self._put(run)

    def _copy(self) -> dict[str, Any]:
        return {name: _copied(value) for name, value in vars(self).items() if _is_kept(value)}

    def _restore(self, before: dict[str, Any]) -> None:
        for name, value in before.items():
            kept = getattr(self, name)
            if isinstance(kept, Journal):
                kept.restore(value)
            else:
                setattr(self, name, value)


def _is_kept(value: object) -> bool:
    return isinstance(value, (dict, set, list))


def _copied(value: Any) -> Any:
    """A container with copies of the containers in it."""
    if isinstance(value, dict):
        return {k: _copied(v) if _is_kept(v) else v for k, v in value.items()}
    return type(value)(value)
