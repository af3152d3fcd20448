"""Loop 3: keep this node's lease, take over from nodes that lost theirs, keep the ledger tidy."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from clockwright.engine.events import Events, NodeTakenOver
from clockwright.engine.offload import offload
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import Store

_log = logging.getLogger(__name__)

PRUNE_BATCH = 1_000
PRUNE_EVERY = timedelta(minutes=10)
ATTEND_EVERY = 1.0

LATE_PAUSE = 0.5
"""Seconds until a node whose own heartbeat is late looks again whether it may judge the others."""


class Heartbeat:
    """Renews the lease in a thread of its own, so that a handler that blocks the event loop cannot stop it."""

    def __init__(
        self,
        store: Store,
        *,
        node_id: str,
        every: timedelta,
        lease: timedelta,
        on_dead: Callable[[], None],
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._node_id = node_id
        self._every = every.total_seconds()
        self._lease = lease
        self._on_dead = on_dead
        self._is_wanted = is_wanted
        self._renewed_at = time.monotonic()
        self._stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._beat_on, name="clockwright-heartbeat", daemon=True
        )

    def start(self) -> None:
        """Begin to beat; the lease was taken when the node was registered."""
        self._thread.start()

    @property
    def is_late(self) -> bool:
        """Whether the lease was not renewed when it should have been."""
        return time.monotonic() - self._renewed_at > 1.5 * self._every

    def stop(self) -> None:
        """Beat no more, and wait for the beat in progress."""
        self._stopping.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=self._every)

    def _beat_on(self) -> None:
        try:
            self._beat_until_stopped()
        finally:
            self._store.release()

    def _beat_until_stopped(self) -> None:
        pause = self._every
        while not self._stopping.wait(pause):
            if not self._is_wanted():
                return  # the engine's event loop ended without a word: its lease must run out
            pause = self._every
            try:
                self._store.hold()
                is_alive = self._store.beat(self._node_id, self._lease)
                self._renewed_at = time.monotonic()
            except Exception:  # noqa: BLE001 - logged; a lease is worth another try
                _log.exception("node %s could not renew its lease; it tries again", self._node_id)
                pause = min(1.0, self._every)
                continue
            if not is_alive:
                self._on_dead()
                return


class Keeper:
    """Looks after the fleet: every node does, and the store lets one of them at a time."""

    def __init__(
        self,
        store: Store,
        *,
        options: EngineOptions,
        events: Events,
        node_id: Callable[[], str],
        on_queued: Callable[[], None],
        is_late: Callable[[], bool],
    ) -> None:
        self._is_late = is_late
        self._store = store
        # half a beat: a dead node's lease, this pause and a claim must fit into 20 seconds
        self._every = options.heartbeat.total_seconds() / 2
        self._retention = options.retention
        self._events = events
        self._node_id = node_id
        self._on_queued = on_queued
        self._passes_until_prune = 0

    async def step(self) -> float:
        """One look at the other nodes and at what waits; the pause until the next."""
        if not self._node_id() or self._is_late():
            # a store that was away let everybody's lease run out: first they beat, then they are judged
            return min(LATE_PAUSE, self._every)
        for takeover in await offload(self._store.take_over):
            event = NodeTakenOver(
                node_id=self._node_id(), dead_node_id=takeover.node_id, runs=takeover.runs
            )
            self._events.emit(event)
            self._on_queued()
        if await offload(self._store.promote_buffered):
            self._on_queued()
        return 0.0 if await self._prune() else self._every

    async def _prune(self) -> bool:
        """Delete one batch of what is past its retention; whether there may be more."""
        if self._retention is None:
            return False
        self._passes_until_prune -= 1
        if self._passes_until_prune > 0:
            return False
        before = await offload(self._store.now) - self._retention
        is_full = await offload(self._store.prune, before, PRUNE_BATCH) == PRUNE_BATCH
        self._passes_until_prune = 0 if is_full else int(PRUNE_EVERY.total_seconds() / self._every)
        return is_full
