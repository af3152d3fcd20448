"""A project whose functions have queues, as a test drives it: an engine in the test's process, and what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from clockwright.audit.engine_events import log_engine_event
from clockwright.contrib.celery.application import make_app
from clockwright.contrib.celery.conf import CelerySettings
from clockwright.contrib.celery.dispatch import Dispatcher, QueueingResolver, publish
from clockwright.contrib.celery.store import HandoverStore
from clockwright.engine.engine import Engine, EngineThread
from clockwright.engine.events import Events
from clockwright.engine.model import Policy, Schedule
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import ManualRun
from clockwright.engine.registry import Registry, workflow_id_of
from clockwright.recurrence import Once
from clockwright.schedules.models import Run
from clockwright.schedules.store import SqlStore
from clockwright.schedules.wakeup import wakeup_for
from clockwright.workflows.engine import WorkflowEngine
from tests.support.broker import wait_for
from tests.support.queued.functions import register, traces

UNLESS_SAID = Policy()


class Project:
    """An engine in this process whose functions have queues, and schedules of them."""

    def __init__(self, broker_url: str, options: Mapping[str, Any] | None = None) -> None:
        self.store = SqlStore()
        self.app = make_app(CelerySettings(broker=broker_url, options=options or {}))
        self._workflows = WorkflowEngine(register(Registry()))
        self._thread = EngineThread(self._engine)

    def _engine(self) -> Engine:
        registry = register(Registry())
        send = partial(publish, self.app)
        dispatcher = Dispatcher(HandoverStore(), timedelta(minutes=5), send)
        resolver = QueueingResolver(self._workflows, dispatcher, None, registry)
        # the sweep: what is asked of the broker here is not to wait for a word that the database passes on late
        options = EngineOptions(
            capacity=4,
            heartbeat=timedelta(seconds=0.5),
            lease=timedelta(seconds=2),
            sweep=timedelta(seconds=0.5),
        )
        events = Events()
        events.subscribe(log_engine_event)
        return Engine(self.store, resolver, wakeup_for(), options, events)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._thread.stop()
        self._workflows.shutdown()
        self.app.close()

    def ask_for(self, function: str, policy: Policy = UNLESS_SAID, **context: object) -> UUID:
        """A run of a function, now."""
        now = self.store.now()
        schedule = Schedule(
            schedule_id=uuid4(),
            workflow_id=workflow_id_of(f"queued.{function}"),
            recurrence=Once(now + timedelta(days=1)),
            settled_until=now,
            policy=policy,
            context=context,
        )
        self.store.add_schedule(schedule)
        return self.store.trigger_run(schedule.schedule_id, ManualRun(request_id="now")).run_id


def row(run_id: UUID) -> Run:
    return Run.objects.get(run_id=run_id)


def ended(run_id: UUID) -> Run:
    wait_for(lambda: Run.objects.final().filter(run_id=run_id).exists(), "the run to end")
    return row(run_id)


def begun(path: Path, count: int = 1) -> list[str]:
    wait_for(lambda: len(traces(path)) >= count, "the function to begin")
    return traces(path)


def let_go(path: Path) -> None:
    path.with_name(f"{path.name}.go").touch()


def process_of(path: Path) -> int:
    return int(begun(path)[-1].split()[0])


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()
