"""An engine for this Django project: the SQL store, the wake-up, the workflows, the settings, and who listens.

`engine_thread()` is the one of this process; `make_engine()` is for a program with an event loop of its own.
"""

from __future__ import annotations

import functools
import gc
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from django.db import DEFAULT_DB_ALIAS

from clockwright.audit.actions import Action, Category
from clockwright.audit.engine_events import log_engine_event
from clockwright.audit.trail import log_event
from clockwright.engine.chores import Chore
from clockwright.engine.engine import Engine, EngineOptions, EngineThread
from clockwright.engine.events import Events, Subscriber
from clockwright.engine.ports import WorkflowResolver
from clockwright.schedules import registrations, selectors
from clockwright.schedules.backfilling import Backfilling
from clockwright.schedules.catalog import resolver as project_resolver
from clockwright.schedules.conf import EngineSettings, engine_settings
from clockwright.schedules.doctor.periodic import PeriodicExamination
from clockwright.schedules.doctor.recomputation import Recomputation
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store.backfills import Backfills
from clockwright.schedules.store.saved import SavedSchedules
from clockwright.schedules.store.symptoms import Symptoms
from clockwright.schedules.wakeup import wakeup_for

DRAIN: Final = 10.0
"""Seconds that running work is given to finish when the process ends."""

_LIVENESS_CHECK: Final = 1.0
_NEW_OBJECTS: Final = 50_000
"""Between two collections in a process that is an engine alone."""

_subscribers: list[Subscriber] = [log_engine_event]
_chores: list[Callable[[EngineSettings, str], Chore]] = []


def subscribe(subscriber: Subscriber) -> None:
    """Have every engine that this process makes from now on tell `subscriber` what happens; once is enough."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def provide_chore(make: Callable[[EngineSettings, str], Chore]) -> None:
    """To be called by a room above: every engine that this process makes does its chore as well.

    It is made from the settings and the database's alias; once is enough.
    """
    if make not in _chores:
        _chores.append(make)


def make_options(settings: EngineSettings | None = None) -> EngineOptions:
    """How a node of this project behaves (S4-80, S4-81); raises ImproperlyConfigured."""
    found = settings or engine_settings()
    return EngineOptions(
        capacity=found.max_concurrent,
        timeout=found.timeout,
        heartbeat=found.heartbeat,
        lease=found.lease,
        retention=found.retention,
    )


def make_events() -> Events:
    """Where a node of this process tells what happens: all who subscribed are told."""
    events = Events()
    for subscriber in _subscribers:
        events.subscribe(subscriber)
    return events


def make_engine(
    resolver: WorkflowResolver | None = None, *, using: str = DEFAULT_DB_ALIAS
) -> Engine:
    """An engine that has not started; nothing is asked of the database yet. Raises ImproperlyConfigured."""
    settings, known = engine_settings(), resolver or project_resolver()
    engine = Engine(
        SqlStore(using), known, wakeup_for(using), make_options(settings), make_events()
    )
    engine.adopt(Recomputation(SavedSchedules(using)))
    engine.adopt(Backfilling(Backfills(using)))
    for make in _chores:
        engine.adopt(make(settings, using))
    if settings.doctor is not None:
        engine.adopt(PeriodicExamination(Symptoms(using), known, settings.doctor))
    return engine


@functools.cache
def engine_thread() -> EngineThread:
    """The background engine of this process. It is made here and started by whoever wants it."""
    return EngineThread(make_engine)


def start_engine(thread: EngineThread | None = None) -> EngineThread:
    """Bring code's schedules up to date and start the process's engine; does nothing when it runs.

    Raises what the database raises when it cannot be reached or is not migrated.
    """
    started = thread or engine_thread()
    if not started.is_running:
        prepare()
        started.start()
    return started


def prepare() -> None:
    """What comes before every start: see that the database is there, and write the schedules that code wants."""
    count = selectors.count_active()
    registrations.autodiscover()
    registrations.apply_registrations()
    log_event(
        Category.SYSTEM, Action.LOAD_SCHEDULES, message="schedules found", active_schedules=count
    )


def stop_engine(deadline: float = DRAIN) -> None:
    """Drain the process's engine, if it runs."""
    engine_thread().stop(deadline)


def forget_engine() -> None:
    """In a forked child: the parent's threads are not here."""
    engine_thread.cache_clear()


def _collect_seldom() -> None:
    """Leave what was loaded out of every collection, and collect when there is something to find.

    A burst makes ten objects a run, none of them in a cycle; looking through all of them costs a sixth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


def run_until_signalled(drain: float, on_ready: Callable[[], None] = lambda: None) -> bool:
    """Run the process's engine until SIGTERM or SIGINT, then drain it; False when it ended by itself."""
    asked = threading.Event()

    def stop(_signum: int, _frame: FrameType | None) -> None:
        asked.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        thread = start_engine()
        _collect_seldom()
        on_ready()
        while not asked.wait(_LIVENESS_CHECK):
            if not thread.is_running:
                return False
        return True
    finally:
        stop_engine(drain)
        for number, handler in before.items():
            signal.signal(number, handler)
