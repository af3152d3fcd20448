"""A thousand schedules of all types, and what their ledger must be at the end of some virtual days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import UUID, uuid4

from django.db import connection

from clockwright.engine.model import Policy, Schedule
from clockwright.recurrence import CalendarInterval, Cron, CronFields, Interval, Once, Recurrence
from clockwright.schedules.models import Run
from clockwright.schedules.store import SqlStore
from clockwright.testing.manual import ManualEngine, OneHandler
from clockwright.testing.virtual import VirtualClock

ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata"]


def rules(start: datetime) -> Iterator[Recurrence]:
    """About 6,500 fire times a day."""
    zones = cycle(ZONES)
    for n in range(400):
        yield Cron(f"{30 * (n % 2)} {n % 4}-23/4 * * *", next(zones))
    for n in range(200):
        yield Interval(hours=4, anchor=start + timedelta(minutes=30 * n), tz=next(zones))
    for n in range(150):
        yield CronFields(next(zones), hour="*/3", minute=30 * (n % 2))
    for n in range(100):
        yield CalendarInterval(days=1, anchor=start + timedelta(minutes=30 * n), tz=next(zones))
    for _ in range(50):
        yield Cron("*/30 * * * *", next(zones))
    for n in range(100):
        yield Once(start + timedelta(hours=7 * n + 1), next(zones))


def added(store: SqlStore, rule: Recurrence, start: datetime) -> Schedule:
    schedule = Schedule(
        schedule_id=uuid4(),
        workflow_id=uuid4(),
        recurrence=rule,
        settled_until=start,
        policy=Policy(max_retries=0),
    )
    return store.add_schedule(schedule)


def live_through(start: datetime, days: int) -> int:
    """Check every row of the ledger against the preview taken before; returns how many fire times there were."""
    clock, end = VirtualClock(start), start + timedelta(days=days)
    store = SqlStore(clock=clock)
    promised: dict[UUID, list[datetime]] = {}
    for rule in rules(start):
        schedule = added(store, rule, start)
        preview = schedule.recurrence.upcoming(start, 50 * days)
        promised[schedule.schedule_id] = [at.astimezone(UTC) for at in preview if at <= end]
    assert len(promised) == 1_000
    with ManualEngine(store, OneHandler(lambda _run: None), clock) as engine:
        engine.run_until(end)
    ledger, states = read_ledger(promised)
    wrong = [schedule_id for schedule_id, times in promised.items() if ledger[schedule_id] != times]
    assert not wrong, f"{len(wrong)} of 1,000 on {connection.vendor}: {wrong[:3]}"
    assert set(states) == {"succeeded"}
    return sum(map(len, promised.values()))


def read_ledger(schedules: Iterable[UUID]) -> tuple[dict[UUID, list[datetime]], Counter[str]]:
    """The fire times of each schedule in order, and how often each state occurs."""
    ledger: dict[UUID, list[datetime]] = {schedule_id: [] for schedule_id in schedules}
    states: Counter[str] = Counter()
    rows = Run.objects.order_by("scheduled_for").values_list(
        "schedule_id", "scheduled_for", "status"
    )
    for schedule_id, scheduled_for, status in rows.iterator(chunk_size=10_000):
        ledger[schedule_id].append(scheduled_for)
        states[status] += 1
    return ledger, states
