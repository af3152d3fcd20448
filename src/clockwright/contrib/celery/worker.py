"""A worker process of Celery as a node: it takes up runs under a lease of its own and records what they came to.

Each process that executes is a node, registered at its first run: of a prefork pool each child, else the worker. It
plans nothing and takes over from nobody; the engines do, also when this one dies.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import datetime, timedelta
from uuid import UUID

from clockwright.contrib.celery.store import HandoverStore
from clockwright.engine.events import (
    Events,
    NodeDeclaredDead,
    OutcomeRefused,
    RunEnded,
    RunsClaimed,
    SchedulePaused,
)
from clockwright.engine.executors import InProcessExecutor
from clockwright.engine.keeper import ATTEND_EVERY, Heartbeat
from clockwright.engine.model import Claim, Node, Outcome, RunState, Start
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Recorded, Store, WorkflowResolver
from clockwright.engine.processes import Processes
from clockwright.schedules.querysets import QUEUE_WORKER

_log = logging.getLogger(__name__)

FIRST_PAUSE, LAST_PAUSE = 0.2, 5.0
"""Seconds before a database that is away is told an outcome again; doubled each time."""


class WorkerNode:
    """Executes one run per call, any number of calls at a time in threads. Not to be shared across a fork."""

    def __init__(
        self,
        store: Store,
        handover: HandoverStore,
        resolver: WorkflowResolver,
        options: EngineOptions,
        events: Events,
    ) -> None:
        self._store = store
        self._handover = handover
        self._options = options
        self._events = events
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._node_id = ""
        self._heartbeat: Heartbeat | None = None
        self._tasks: dict[str, set[asyncio.Task[Outcome | None]]] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(
            target=self._loop.run_forever, name="clockwright-worker", daemon=True
        ).start()
        self._executor = InProcessExecutor(
            resolver,
            threads=options.capacity,
            timeout=options.timeout,
            announce=self._announce,
            processes=Processes(),
        )

    def run(self, run_id: UUID, attempt: int) -> Outcome | None:
        """Take the run up, execute it, record its outcome. None when it was refused, or taken away meanwhile.

        Raises what the database raises while the run is taken up: the run goes out again after the patience.
        """
        node_id = self._alive()
        claim = self._take_up(run_id, attempt, node_id)
        if claim is None:
            _log.info("run %s is not waiting at attempt %d any more: refused", run_id, attempt)
            return None
        self._events.emit(RunsClaimed(node_id=node_id, claims=[claim]))
        try:
            outcome = asyncio.run_coroutine_threadsafe(self._execute(claim), self._loop).result()
        except CancelledError:
            _log.warning("run %s was taken over: node %s had been declared dead", run_id, node_id)
            return None
        if outcome is None or not self._record(claim, outcome):
            return None
        return outcome

    def close(self) -> None:
        """Hand back what is still under way, and leave."""
        self._closing.set()
        with self._lock:
            node_id, self._node_id = self._node_id, ""
            heartbeat, self._heartbeat = self._heartbeat, None
        if not node_id:
            return
        if heartbeat is not None:
            heartbeat.stop()
        self._abandon(node_id)
        try:
            self._store.retire_node(node_id)
        except Exception:  # noqa: BLE001 - logged; the lease runs out, and an engine sees to it
            _log.exception("node %s could not retire", node_id)

    def _alive(self) -> str:
        """The id of this node, which it gets with its first run, and anew when it was declared dead."""
        with self._lock:
            if self._node_id:
                return self._node_id
            host, pid = socket.gethostname(), os.getpid()
            node_id = f"{QUEUE_WORKER}{host}:{pid}:{secrets.token_hex(4)}"
            node = Node(node_id=node_id, host=host, pid=pid, capacity=self._options.capacity)
            self._store.register_node(node, self._options.lease)
            self._heartbeat = Heartbeat(
                self._store,
                node_id=node_id,
                every=self._options.heartbeat,
                lease=self._options.lease,
                on_dead=lambda: self._declared_dead(node_id),
            )
            self._heartbeat.start()
            self._node_id = node_id
        _log.info("node %s takes up runs from its queues", node_id)
        return node_id

    def _declared_dead(self, node_id: str) -> None:
        """An engine took over: what runs here may not be recorded any more, so stop it."""
        with self._lock:
            if self._node_id == node_id:
                self._node_id = ""
        self._abandon(node_id)
        self._events.emit(NodeDeclaredDead(node_id=node_id, new_node_id=""))

    def _abandon(self, node_id: str) -> None:
        for task in list(self._tasks.get(node_id, ())):
            self._loop.call_soon_threadsafe(task.cancel)

    def _take_up(self, run_id: UUID, attempt: int, node_id: str) -> Claim | None:
        try:
            return self._handover.take_up(run_id, attempt, node_id)
        except Exception:
            # it may have been committed: a run that nobody executes must not stay with a node that lives
            self._persist(node_id, "hand back", lambda: self._store.hand_back(node_id, [run_id]))
            raise

    async def _execute(self, claim: Claim) -> Outcome | None:
        loop = asyncio.get_running_loop()
        landed_at = loop.time()

        def now() -> datetime:
            # the store's clock, carried on by this machine's monotonic one
            return claim.claimed_at + timedelta(seconds=loop.time() - landed_at)

        task: asyncio.Task[Outcome | None] | None = asyncio.current_task()
        if task is None:  # pragma: no cover - a coroutine is always run by a task
            raise RuntimeError("a run is executed in a task")
        tasks = self._tasks.setdefault(claim.node_id, set())
        tasks.add(task)
        watch = asyncio.create_task(self._watch(claim))
        try:
            return await self._executor.execute(claim, now)
        finally:
            watch.cancel()
            tasks.discard(task)

    async def _watch(self, claim: Claim) -> None:
        """Pass on a request to stop."""
        while True:
            await asyncio.sleep(ATTEND_EVERY)
            try:
                asked = await offload(self._store.cancelled_runs, claim.node_id)
            except Exception:  # noqa: BLE001 - logged; the next look may be answered
                _log.exception("node %s could not look for requests to stop", claim.node_id)
                continue
            if claim.run_id in asked:
                self._executor.cancel(claim.run_id)

    async def _announce(self, start: Start) -> bool:
        return start.run_id in await offload(self._store.record_starts, [start])

    def _record(self, claim: Claim, outcome: Outcome) -> bool:
        """Write the outcome down, behind the fence; whether it held. Told again while the database is away."""
        kept: list[Recorded] = []
        self._persist(
            claim.node_id,
            f"record run {claim.run_id}",
            lambda: kept.append(self._store.record_outcomes([outcome])),
        )
        if not any(claim.run_id in recorded for recorded in kept):
            self._events.emit(OutcomeRefused(node_id=claim.node_id, outcome=outcome))
            return False
        self._events.emit(RunEnded.of(claim, outcome))
        for pause in kept[-1].paused:
            self._events.emit(SchedulePaused(node_id=claim.node_id, pause=pause))
        try:
            if not self._store.promote_buffered() and outcome.state is RunState.RETRYING:
                self._handover.wake()
        except Exception:  # noqa: BLE001 - logged; the engines' keepers look as well
            _log.exception("node %s could not wake the engines", claim.node_id)
        return True

    def _persist(self, node_id: str, what: str, call: Callable[[], object]) -> None:
        """Do it, again and again while the database is away and this node is not dead for it."""
        pause = FIRST_PAUSE
        while True:
            try:
                call()
            except Exception:  # noqa: BLE001 - logged, and tried again
                _log.exception("node %s could not %s; next try in %.1f s", node_id, what, pause)
            else:
                return
            deadline = time.monotonic() + pause
            while time.monotonic() < deadline:
                if self._node_id != node_id or self._closing.wait(FIRST_PAUSE):
                    return  # another node has it by now, or will when the lease is over
            pause = min(pause * 2, LAST_PAUSE)
