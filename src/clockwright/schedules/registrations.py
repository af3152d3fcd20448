"""Schedules that code brings along: those of `@job`, and those of `scheduler.add_job` before the database is there.

They are kept here until an engine starts, so that `AppConfig.ready()` makes no query (C-41), and then written by
(community `default`, key) without losing an overdue run (C-44). Unless they say otherwise such schedules start however
late: a job that code wants is not to be lost to a night's downtime (C-43).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.module_loading import autodiscover_modules

from clockwright.access.callers import system_caller
from clockwright.audit.actions import Action, Category, Result
from clockwright.engine.registry import Function, Registry, default_registry
from clockwright.recurrence import Recurrence
from clockwright.schedules.catalog import FunctionCatalog
from clockwright.schedules.conf import EngineSettings, engine_settings
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.errors import ScheduleServiceException
from clockwright.schedules.specs import RULE_KEYS

_log = logging.getLogger(__name__)

CODE = system_caller(actor="code")
_RULE_KEYS = frozenset({"schedule_type", *(key for keys in RULE_KEYS.values() for key in keys)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A schedule as code asks for it. `options` are further keys of schedule_config."""

    key: str
    function: Function
    recurrence: Recurrence
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    replaces: bool = True
    keeps_anchor: bool = False

    @property
    def new(self) -> NewSchedule:
        """As the commands take it; raises TypeError for options that would contradict the rule."""
        wrong = _RULE_KEYS & set(self.options)
        if wrong:
            raise TypeError(
                f"job {self.key!r}: {', '.join(sorted(wrong))} is the trigger's to say; leave it out"
            )
        rule = {"schedule_type": "rule", "recurrence": self.recurrence.to_json()}
        return NewSchedule(
            workflow=self.function.key,
            config={**rule, **self.options},
            context_data=self.kwargs,
            args=self.args,
            key=self.key,
            name=self.name,
        )


class Pending:
    """Registrations that wait for an engine to start; any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Registration] = {}

    def put(self, registration: Registration) -> bool:
        """Keep it; False when one of its key waits already and it is not to replace that."""
        with self._lock:
            if registration.key in self._by_key and not registration.replaces:
                return False
            self._by_key[registration.key] = registration
            return True

    def get(self, key: str) -> Registration | None:
        """The one that waits under a key."""
        return self._by_key.get(key)

    def drop(self, key: str) -> Registration | None:
        """Forget the one of a key; returns it."""
        with self._lock:
            return self._by_key.pop(key, None)

    def all(self) -> list[Registration]:
        """Those that wait, in the order in which they came."""
        with self._lock:
            return list(self._by_key.values())


pending = Pending()


def autodiscover() -> None:
    """Import each installed app's `jobs.py`, so that its functions are known; raises what such a module raises."""
    autodiscover_modules("jobs")


def code_settings() -> EngineSettings:
    """What a schedule of code gets that says nothing else."""
    return replace(engine_settings(), grace=None)


def apply_registrations(registry: Registry = default_registry) -> None:
    """Write what code wants; what is refused is logged and left out. Raises what the database raises."""
    for function in registry:
        if function.recurrence is not None:
            _apply(_of_job(function), registry)
    for registration in pending.all():
        _apply(registration, registry)
        pending.drop(registration.key)


def write(registration: Registration, registry: Registry = default_registry) -> Any:
    """Write one now and return its row; raises the errors of `commands`."""
    from clockwright.schedules import commands

    catalog = FunctionCatalog(only_exposed=False, registry=registry)
    if not registration.replaces:
        return commands.add_schedule(
            CODE, registration.new, catalog=catalog, settings=code_settings()
        )
    return commands.upsert_schedule(
        CODE,
        registration.new,
        catalog=catalog,
        settings=code_settings(),
        keeps_anchor=registration.keeps_anchor,
    )


def _of_job(function: Function) -> Registration:
    assert function.recurrence is not None  # noqa: S101 - the caller looked
    return Registration(
        key=function.schedule_key or function.key,
        function=function,
        recurrence=function.recurrence,
        options=function.options,
    )


def _apply(registration: Registration, registry: Registry) -> None:
    try:
        write(registration, registry)
    except (ScheduleServiceException, TypeError) as error:
        from clockwright.audit import trail

        # one bad job must not keep the others, or the engine, from starting
        _log.error("job %r is not scheduled: %s", registration.key, error)
        trail.log_event(
            Category.ERROR,
            Action.REGISTER_SCHEDULE,
            caller=CODE,
            result=Result.FAILURE,
            message="a job of code is not scheduled",
            key=registration.key,
            error=str(error),
        )
