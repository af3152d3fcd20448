"""The engine's side: claimed runs go to queues, and while there is no broker they wait in the ledger.

The run is put down in the ledger before its message goes out, so that no node and no lease stands for what waits in a
queue: a process that dies in between, or a broker that loses the message, costs the patience and nothing else.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from celery import Celery

from clockwright.contrib.celery.application import RUN_TASK, project_app
from clockwright.contrib.celery.conf import celery_settings
from clockwright.contrib.celery.store import HandoverStore
from clockwright.engine.model import Claim
from clockwright.engine.offload import offload
from clockwright.engine.ports import Handler, WorkflowResolver
from clockwright.engine.registry import Registry, default_registry

_log = logging.getLogger(__name__)

FIRST_BACKOFF, LAST_BACKOFF = 1.0, 30.0
"""Seconds before a broker that could not be reached is tried again; doubled each time."""

Publish = Callable[[str, UUID, int], None]
"""Sends (run, attempt) to a queue; raises what the broker's client raises."""


def publish(app: Celery, queue: str, run_id: UUID, attempt: int) -> None:
    """Send one run to the workers of a queue, as JSON; the broker has it when this returns."""
    app.send_task(RUN_TASK, args=[str(run_id), attempt], queue=queue, retry=False)


class Circuit:
    """Remembers that the broker was away, so that a thousand runs do not each wait for the same refusal."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pause = 0.0
        self._until = 0.0

    def wait(self) -> float:
        """Seconds until the broker is worth a try; 0 for now. Of several callers one is let through at a time."""
        with self._lock:
            left = self._until - self._clock()
            if left <= 0 and self._pause:
                self._until = self._clock() + self._pause
            return max(0.0, left)

    def broke(self) -> float:
        """The broker could not be reached: how many seconds to wait."""
        with self._lock:
            self._pause = min(self._pause * 2 or FIRST_BACKOFF, LAST_BACKOFF)
            self._until = self._clock() + self._pause
            return self._pause

    def closed(self) -> bool:
        """The broker answered; whether it had not before."""
        with self._lock:
            was_broken, self._pause, self._until = self._pause > 0, 0.0, 0.0
            return was_broken


class Dispatcher:
    """Gives claimed runs to queues. A run whose message could not go out stays queued, and goes out later."""

    def __init__(
        self,
        handover: HandoverStore,
        patience: timedelta,
        send: Publish,
        circuit: Circuit | None = None,
    ) -> None:
        self._handover = handover
        self._patience = patience
        self._send = send
        self._circuit = circuit or Circuit()

    async def pass_on(self, queue: str, claim: Claim) -> None:
        """Put the run down, and send it; raises what the database raises."""
        await offload(self._pass_on, queue, claim)

    def _pass_on(self, queue: str, claim: Claim) -> None:
        wait = self._circuit.wait()
        if wait:
            self._handover.put_down(claim, timedelta(seconds=wait))
            return
        if not self._handover.put_down(claim, self._patience):
            return
        attempt = claim.attempt - 1
        try:
            self._send(queue, claim.run_id, attempt)
        except Exception as error:  # noqa: BLE001 - logged; whatever a broker's client raises, the run goes out later
            pause = self._circuit.broke()
            _log.warning(
                "run %s could not be sent to queue %r (%s: %s); it waits, next try in %.0f s",
                claim.run_id,
                queue,
                type(error).__name__,
                error,
                pause,
            )
            self._handover.postpone(claim.run_id, attempt, timedelta(seconds=pause))
            return
        if self._circuit.closed():
            _log.info("the broker answers again; runs that waited for it go out")


class QueueingResolver:
    """What workflow ids mean where some are executed by workers: their handlers pass claims on to a queue."""

    def __init__(
        self,
        inner: WorkflowResolver,
        dispatcher: Dispatcher,
        default_queue: str | None,
        registry: Registry = default_registry,
    ) -> None:
        self._inner = inner
        self._dispatcher = dispatcher
        self._default_queue = default_queue
        self._registry = registry

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler, or None when this process does not know the workflow."""
        handler = self._inner.resolve(workflow_id)
        function = self._registry.by_workflow(workflow_id)
        if handler is None or function is None:
            return handler
        queue = self._default_queue if function.queue is None else function.queue
        if not queue:
            return handler
        return replace(handler, pass_on=partial(self._dispatcher.pass_on, queue))


def over_queues(inner: WorkflowResolver) -> WorkflowResolver:
    """The resolver of a project whose runs may go to queues."""
    settings = celery_settings()
    send = partial(publish, project_app())
    dispatcher = Dispatcher(HandoverStore(), settings.patience, send)
    return QueueingResolver(inner, dispatcher, default_queue=settings.queue)
