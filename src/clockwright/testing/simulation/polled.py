"""Any other store in a simulation: what a call changed is found by reading everything again after it."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Any
from uuid import UUID

from clockwright.engine.model import Run, Schedule
from clockwright.engine.ports import Store, UnknownSchedule
from clockwright.testing.simulation.guards import Changes, WatchedStore

_QUESTIONS = frozenset(
    "now get_schedule get_run runs_of nodes cancelled_runs held_runs register_node beat".split()  # noqa: SIM905
)
"""What changes no schedule and no run."""


class PolledStore:
    """A store seen from outside. Slow, and good for every store: also for one whose clock is the world's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._added: dict[UUID, None] = {}
        self._schedules: dict[UUID, Schedule] = {}
        self._runs: dict[UUID, Run] = {}

    def __getattr__(self, method: str) -> Any:
        """Whatever the store can do."""
        return getattr(self._store, method)

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
        return all(run.state.is_final for run in self._runs.values())

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """As the store's."""
        self._added[schedule.schedule_id] = None
        return self._store.add_schedule(schedule)

    def reads_something_stale(self, chance: Random) -> None:
        """It reads what it reads."""

    def take_changes(self, method: str) -> tuple[Changes[Run], Changes[Schedule]]:
        """What is otherwise than after the call before."""
        runs: Changes[Run] = []
        schedules: Changes[Schedule] = []
        if method in _QUESTIONS:
            return runs, schedules
        for who in self._added:
            try:
                schedule = self._store.get_schedule(who)
            except UnknownSchedule:
                continue
            if schedule != self._schedules.get(who):
                schedules.append((self._schedules.get(who), schedule))
                self._schedules[who] = schedule
            for run in self._store.runs_of(who):
                if run != self._runs.get(run.run_id):
                    runs.append((self._runs.get(run.run_id), run))
                    self._runs[run.run_id] = run
        return runs, schedules


Seen = WatchedStore | PolledStore
"""A store that tells what calls changed."""
