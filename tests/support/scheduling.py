"""Schedules that live on a virtual clock, and functions for them to call."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clockwright.access.callers import Caller, Role
from clockwright.engine.registry import Registry, function_of
from clockwright.schedules import commands, stores
from clockwright.schedules.catalog import FunctionCatalog
from clockwright.schedules.commands import Change, NewSchedule
from clockwright.schedules.models import Run, Schedule
from clockwright.testing import ManualEngine, VirtualClock
from clockwright.workflows import WorkflowEngine

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""

OPERATOR = Caller(actor="olga", community="default", role=Role.OPERATOR)
VIEWER = Caller(actor="vera", community="default", role=Role.VIEWER)
STRANGER = Caller(actor="sam", community="elsewhere", role=Role.ADMIN)


def at(text: str) -> datetime:
    """An instant by its ISO text."""
    return datetime.fromisoformat(text)


@dataclass
class Life:
    """A registry, a store and an engine that share a virtual clock. `calls` keeps what `note` was called with."""

    clock: VirtualClock
    engine: ManualEngine
    registry: Registry
    workflows: WorkflowEngine
    calls: list[dict] = field(default_factory=list)

    @property
    def catalog(self) -> FunctionCatalog:
        return FunctionCatalog(only_exposed=False, registry=self.registry)

    def register(self, key, call, **settings):
        return self.registry.register(function_of(call, key, **settings))

    def add(
        self, caller=OPERATOR, *, workflow="note", key=None, context=None, **config
    ) -> Schedule:
        new = NewSchedule(workflow=workflow, config=config, context_data=context, key=key)
        return commands.add_schedule(caller, new, catalog=self.catalog)

    def every(self, seconds, **more) -> Schedule:
        return self.add(schedule_type="interval", interval_seconds=seconds, **more)

    def cron(self, line, **more) -> Schedule:
        return self.add(schedule_type="cron", cron_expression=line, **more)

    def once(self, when, **more) -> Schedule:
        return self.add(schedule_type="one_time", scheduled_time=when, **more)

    def update(self, row, context=None, **config) -> Schedule:
        change = Change(config=config, context_data=context)
        return commands.update_schedule(OPERATOR, row.schedule_id, change, catalog=self.catalog)

    def advance(self, **by) -> None:
        self.engine.advance(timedelta(**by))

    def sleep(self, **by) -> None:
        """Let time pass while no engine runs."""
        self.clock.advance(timedelta(**by))


@contextlib.contextmanager
def living(start: datetime = START, node_id: str = "first") -> Iterator[Life]:
    """A life that begins at an instant; two in one database are two nodes."""
    clock, registry = VirtualClock(start), Registry()
    workflows = WorkflowEngine(registry)
    with (
        stores.on_clock(clock) as store,
        ManualEngine(store, workflows, clock, node_id=node_id) as engine,
    ):
        life = Life(clock=clock, engine=engine, registry=registry, workflows=workflows)

        async def note(**context):
            life.calls.append(context)
            return context

        life.register("note", note)
        yield life


def again(row: Schedule) -> Schedule:
    """The row as it stands now."""
    return Schedule.objects.get(pk=row.pk)


def ledger(row: Schedule) -> list[tuple[datetime, str]]:
    """What became of a schedule's fire times, oldest first."""
    runs = Run.objects.filter(schedule_id=row.schedule_id).order_by("scheduled_for", "run_id")
    return [(run.scheduled_for, run.status) for run in runs]


def statuses(row: Schedule) -> list[str]:
    return [status for _, status in ledger(row)]


def eventually(condition, *, within: float = 30.0, every: float = 0.02):
    """Wait until a condition holds and return what it said; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{condition} did not come true within {within} s"
        time.sleep(every)
