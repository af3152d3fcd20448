"""The engine that starts by itself in a web server's serving process (S2-03, S2-08, R5); any number of them are safe.

`start_if_wanted` is called by `AppConfig.ready()`: it makes no query (C-41), raises nothing, and leaves the start to a
thread, which waits for Django, tries again when the database is not there yet, and revives an engine that died.
`CLOCKWRIGHT_AUTOSTART=1` wishes for one in programs that are not recognised, `=0` for none anywhere.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - its exit hook must be registered before ours, see `_at_exit`
import inspect
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from clockwright.engine import offload
from clockwright.schedules import engines, registrations
from clockwright.schedules.conf import autostart_wish
from clockwright.schedules.serving import ProcessFacts, Verdict, verdict

_log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before the second try to start, doubled each time."""

_CHECK_EVERY: Final = 5.0
_AFTER_FORK: Final = 1.0
"""A forked child may be about to become another program: let it."""


class Supervisor:
    """Starts the engine in the background, tries again when it cannot, starts it again when it died."""

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._asked_to_stop = threading.Event()
        self._thread = threading.Thread(
            target=self._live, name="clockwright-autostart", daemon=True
        )

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self, deadline: float = engines.DRAIN) -> None:
        """Drain the engine and end."""
        self._asked_to_stop.set()
        self._thread.join()
        engines.stop_engine(deadline)

    def _live(self) -> None:
        apps.ready_event.wait()
        self._asked_to_stop.wait(self._delay)
        pause = FIRST_PAUSE
        while not self._asked_to_stop.is_set():
            try:
                engines.start_engine()
            except Exception as error:  # noqa: BLE001 - a start never aborts the program (S2-11)
                _log.exception("Error starting scheduler: %s; next try in %.0f s", error, pause)
                self._asked_to_stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                self._asked_to_stop.wait(_CHECK_EVERY)
            finally:
                connections.close_all()


class _State:
    """What this process decided."""

    def __init__(self) -> None:
        self.verdict = Verdict.NO
        self.supervisor: Supervisor | None = None
        self.hooked_in: int | None = None
        """The process that last installed, or went through, the hooks."""


_state = _State()


def start_if_wanted() -> None:
    """Learn the apps' jobs, and start an engine in the background where this process is to have one."""
    registrations.autodiscover()
    try:
        _state.verdict = verdict(_facts())
    except ImproperlyConfigured as error:
        _log.error("Error starting scheduler: %s", error)
        return
    _hook()
    if _state.verdict is Verdict.HERE:
        start()


def start(delay: float = 0.0) -> None:
    """Start the supervisor of this process, unless there is one."""
    if _state.supervisor is None:
        _state.verdict = Verdict.HERE
        _state.supervisor = Supervisor(delay)
        _state.supervisor.start()


def stop(deadline: float = engines.DRAIN) -> None:
    """Stop the supervisor and its engine; nothing happens where there is none."""
    supervisor, _state.supervisor = _state.supervisor, None
    if supervisor is not None:
        supervisor.stop(deadline)


def should_run() -> bool:
    """Whether an engine is to run in this process by itself; what health asks."""
    return _state.supervisor is not None


def is_running() -> bool:
    """Whether the engine of this process runs, however it was started."""
    return engines.engine_thread().is_running


def _facts() -> ProcessFacts:
    return ProcessFacts(
        argv=tuple(sys.argv),
        environ=dict(os.environ),
        modules=_modules_on_the_stack(),
        wish=autostart_wish(),
        uwsgi_worker=_uwsgi_worker(),
    )


def _modules_on_the_stack() -> frozenset[str]:
    """Who loads the application: that alone tells a server's worker from its master and its reloader."""
    frame = inspect.currentframe()
    found = set()
    while frame is not None:
        found.add(str(frame.f_globals.get("__name__", "")))
        frame = frame.f_back
    return frozenset(found)


def _uwsgi_worker() -> int | None:
    uwsgi: Any = sys.modules.get("uwsgi") or _built_in("uwsgi")
    return None if uwsgi is None else int(uwsgi.worker_id())


def _built_in(name: str) -> Any:
    """A module that only the program around the interpreter provides."""
    return __import__(name) if name in sys.builtin_module_names else None


def _hook() -> None:
    """Once: begin anew in forked children, and drain before the interpreter ends."""
    if _state.hooked_in is not None:
        return
    _state.hooked_in = os.getpid()
    os.register_at_fork(after_in_child=_after_fork)
    uwsgi: Any = sys.modules.get("uwsgi") or _built_in("uwsgi")
    if uwsgi is not None:
        # its fork is not Python's: unless told otherwise it calls this one hook alone
        uwsgi.post_fork_hook = _chained(getattr(uwsgi, "post_fork_hook", None))
    _at_exit(stop)


def _chained(earlier: Callable[[], None] | None) -> Callable[[], None]:
    def hook() -> None:
        if earlier is not None:
            earlier()
        _after_fork()

    return hook


def _at_exit(function: Callable[[], None]) -> None:
    """Call it while threads can still be started: `atexit` comes too late for an engine that wants to drain."""
    register: Any = getattr(threading, "_register_atexit", None)
    if register is not None:
        register(function)


_inherited: list[Any] = []
"""Connections of the parent: never used and never closed here, since they are the parent's sockets."""


def _after_fork() -> None:
    if _state.hooked_in == os.getpid():  # uWSGI may call both hooks
        return
    _state.hooked_in = os.getpid()
    _state.supervisor = None
    before, _state.verdict = _state.verdict, Verdict.NO
    engines.forget_engine()
    offload.after_fork()
    _let_go_of_connections()
    # the child of a server's worker is a helper of its own: the worker's engine goes on in the worker
    if before is Verdict.IN_CHILDREN:
        start(_AFTER_FORK)


def _let_go_of_connections() -> None:
    for wrapper in connections.all(initialized_only=True):
        _inherited.append(wrapper.connection)
        wrapper.connection = None
        pools = getattr(type(wrapper), "_connection_pools", None)
        if pools:
            _inherited.append(dict(pools))
            pools.clear()
