"""The documented attributes of a running service as lazy views: nothing is asked before somebody looks (S4-90…92, R17)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

from clockwright.schedules import selectors
from clockwright.schedules.documents import describe_rule, schedule_document
from clockwright.schedules.seam import ask

if TYPE_CHECKING:
    from clockwright.schedules.models import Schedule


class ActiveSchedules(Mapping[str, dict[str, Any]]):
    """The active schedules by id, as the database has them at the moment of looking (C-26). `len` counts there."""

    def __len__(self) -> int:
        """How many there are."""
        return ask(selectors.count_active)

    def __iter__(self) -> Iterator[str]:
        """Their ids, the next to fire first."""
        return iter([str(row.schedule_id) for row in ask(selectors.active_schedules)])

    def __getitem__(self, schedule_id: str) -> dict[str, Any]:
        """One of them; raises KeyError."""
        row = ask(selectors.find_active, schedule_id)
        if row is None:
            raise KeyError(schedule_id)
        return schedule_document(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """An active schedule, by the names that APScheduler's jobs have."""

    id: str
    name: str
    trigger: str
    next_run_time: datetime | None


class Jobs(Sequence[ScheduledJob]):
    """One job an active schedule (S4-64), the next to fire first."""

    def __len__(self) -> int:
        """How many there are."""
        return ask(selectors.count_active)

    def __iter__(self) -> Iterator[ScheduledJob]:
        """All of them, by one query."""
        return iter([_job(row) for row in ask(selectors.active_schedules)])

    @overload
    def __getitem__(self, index: int) -> ScheduledJob: ...
    @overload
    def __getitem__(self, index: slice) -> list[ScheduledJob]: ...
    def __getitem__(self, index: int | slice) -> ScheduledJob | list[ScheduledJob]:
        """One by its place; raises IndexError."""
        return list(self)[index]


class SchedulerView:
    """What stands for the APScheduler of document 3."""

    def __init__(self, is_running: Callable[[], bool]) -> None:
        self._is_running = is_running

    @property
    def running(self) -> bool:
        """Whether the service's engine runs."""
        return self._is_running()

    def get_jobs(self) -> Jobs:
        """The jobs (S4-92)."""
        return Jobs()


def _job(row: Schedule) -> ScheduledJob:
    return ScheduledJob(
        id=str(row.schedule_id),
        name=str(row),
        trigger=describe_rule(row.recurrence),
        next_run_time=row.next_execution_at,
    )
