"""The one task that workers execute, and the life of the processes that do."""

from __future__ import annotations

import functools
import logging
import os
import signal
import time
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from celery.signals import worker_process_init, worker_process_shutdown, worker_shutdown
from django.db import close_old_connections

from clockwright.contrib.celery.application import RUN_TASK, project_app
from clockwright.contrib.celery.store import HandoverStore
from clockwright.contrib.celery.worker import WorkerNode
from clockwright.engine.model import Outcome, Reason
from clockwright.engine.registry import Isolation, default_registry
from clockwright.schedules.engines import make_events, make_options
from clockwright.schedules.store import SqlStore
from clockwright.workflows.engine import default_engine

_log = logging.getLogger(__name__)

_CUT_OFF: Final = frozenset({Reason.TIMEOUT, Reason.REQUESTED})
_PATIENCE_WITH_POOL: Final = 5.0
"""Seconds that the worker is given to end this process before it does so itself."""


@functools.cache
def node() -> WorkerNode:
    """This process as a node."""
    options = replace(make_options(), capacity=1) if _Child.is_alone else make_options()
    return WorkerNode(SqlStore(), HandoverStore(), default_engine(), options, make_events())


def execute(task: Any, run_id: str, attempt: int) -> None:
    """Execute a run that was sent at this attempt; a second delivery of it is refused."""
    try:
        outcome = node().run(UUID(run_id), int(attempt))
        if outcome is not None and _runs_on(UUID(run_id), outcome):
            _end(task.request)
    finally:
        close_old_connections()


class _Child:
    """What is known of this process."""

    is_alone = False
    """Whether it executes one task at a time and its parent starts another when it ends: a prefork pool's child."""


def _runs_on(run_id: UUID, outcome: Outcome) -> bool:
    """Whether a plain function may go on in its thread after its run was cut off, in a process that can be ended."""
    if outcome.reason not in _CUT_OFF or not _Child.is_alone:
        return False
    workflow_id = SqlStore().get_run(run_id).workflow_id
    function = default_registry.by_workflow(workflow_id)
    if function is None or function.isolation is Isolation.PROCESS:
        return False
    return not function.is_coroutine


def _end(request: Any) -> None:
    """Have this process ended: nothing else stops a thread."""
    node().close()
    try:
        project_app().control.revoke(
            request.id, terminate=True, signal="SIGKILL", destination=[request.hostname]
        )
        time.sleep(_PATIENCE_WITH_POOL)
    except Exception:  # noqa: BLE001 - logged; the process ends without the worker's word
        _log.exception("the worker could not be asked to revoke task %s", request.id)
    os.kill(os.getpid(), signal.SIGKILL)


def _begin_child(**_kwargs: Any) -> None:
    _Child.is_alone = True
    node.cache_clear()


def _leave(**_kwargs: Any) -> None:
    if node.cache_info().currsize:
        node().close()


project_app().task(name=RUN_TASK, bind=True, acks_late=False, ignore_result=True)(execute)
worker_process_init.connect(_begin_child, weak=False)
worker_process_shutdown.connect(_leave, weak=False)
worker_shutdown.connect(_leave, weak=False)
