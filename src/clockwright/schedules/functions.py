"""`from clockwright.schedules import scheduler`: jobs as document 2 knows them (S2-12…17, R6, R7, R19, R20).

A job is a schedule of a registered function in the community `default`; its `id` is the schedule's key. Before Django
is ready nothing is asked of the database: such jobs wait until an engine starts (C-41). No models are imported with
this module, so that an `apps.py` may import it at its top, as document 2 does: hence the imports inside functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.apps import apps

from clockwright.engine.registry import Function, Registry, default_registry, function_of
from clockwright.recurrence import Recurrence, from_json
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
)
from clockwright.schedules.reading import read_context, read_json
from clockwright.schedules.registrations import CODE, Pending, Registration, pending, write
from clockwright.schedules.seam import ask
from clockwright.schedules.triggers import convert_trigger

if TYPE_CHECKING:
    from clockwright.schedules.models import Schedule

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = frozenset(
    {
        "catch_up",
        "catch_up_limit",
        "overlap",
        "max_instances",
        "max_executions",
        "grace_period_seconds",
        "jitter_seconds",
        "max_retries",
        "retry_backoff_seconds",
        "retry_backoff_max_seconds",
        "retry_jitter",
        "no_retry_on",
        "pause_after_failures",
        "timeout_seconds",
        "priority",
        "start_at",
        "end_at",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands. `next_run_time` is None while it waits for an engine, is paused, or has run out."""

    id: str
    name: str
    func: Callable[..., Any] | None
    trigger: Recurrence
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    next_run_time: datetime | None
    pending: bool = False
    schedule_id: UUID | None = None


class JobScheduler:
    """Adds, steers and lists jobs. `timezone`: the zone of triggers without one; default SCHEDULER_TIMEZONE."""

    def __init__(
        self,
        timezone: str | None = None,
        *,
        defaults: Mapping[str, Any] | None = None,
        registry: Registry = default_registry,
        waiting: Pending = pending,
    ) -> None:
        self._timezone = timezone
        self._defaults = dict(defaults or {})
        self._registry = registry
        self._waiting = waiting

    @property
    def timezone(self) -> str:
        """The zone of triggers that have none of their own."""
        return self._timezone or engine_settings().timezone

    @property
    def running(self) -> bool:
        """Whether this process has an engine, or is about to start one."""
        from clockwright.schedules import autostart

        return autostart.is_running() or autostart.should_run()

    def add_job(
        self,
        func: Callable[..., Any],
        trigger: object,
        id: str | None = None,  # noqa: A002 - the documented name
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Job:
        """Have `func` called at the times of `trigger`, with JSON `args` and `kwargs` (S2-12…15).

        `options`: `max_instances` (S2-17), `replace_existing` (S2-16), `name`, `coalesce`, `misfire_grace_time`
        (seconds; None or left out: however late), and the policy keys of schedule_config. Raises
        ScheduleConflictException when the id is taken and not to be replaced, InvalidScheduleException for what
        cannot be scheduled, TypeError for an unknown option.
        """
        settings = {**self._defaults, **options}
        conversion = convert_trigger(trigger, self.timezone)
        registration = Registration(
            key=_id(id),
            function=self._function(func),
            recurrence=_possible(conversion.recurrence),
            args=read_json(list(args or ()), "/args"),
            kwargs=read_context(kwargs, "/kwargs"),
            name=str(settings.pop("name", None) or ""),
            replaces=bool(settings.pop("replace_existing", False)),
            keeps_anchor=conversion.keeps_anchor,
            options=_options(settings),
        )
        _fits(registration)
        if apps.ready:
            return _job_of_row(ask(write, registration, self._registry), self._registry)
        if not self._waiting.put(registration):
            raise _taken(registration.key)
        return _job_of_registration(registration)

    def remove_job(self, job_id: str) -> None:
        """Remove a job; raises ScheduleNotFoundException."""
        dropped = self._waiting.drop(job_id)
        if apps.ready:
            self._on_row(job_id, "remove_schedule")
        elif dropped is None:
            raise ScheduleNotFoundException(job_id)

    def pause_job(self, job_id: str) -> Job:
        """Let a job fire no more until it is resumed, also across restarts; raises ScheduleNotFoundException."""
        return self._on_row(job_id, "pause_schedule")

    def resume_job(self, job_id: str) -> Job:
        """Let a paused job fire again; raises ScheduleNotFoundException."""
        return self._on_row(job_id, "resume_schedule")

    def get_job(self, job_id: str) -> Job | None:
        """The job of an id, or None."""
        waiting = self._waiting.get(job_id)
        if waiting is not None:
            return _job_of_registration(waiting)
        if not apps.ready:
            return None
        from clockwright.schedules import selectors

        row = ask(selectors.find_by_key, CODE.community, job_id)
        return None if row is None else _job_of_row(row, self._registry)

    def get_jobs(self) -> list[Job]:
        """All jobs, the next to fire first, then those that wait for an engine to start."""
        waiting = [_job_of_registration(each) for each in self._waiting.all()]
        if not apps.ready:
            return waiting
        from clockwright.schedules import selectors

        ids = {job.id for job in waiting}
        rows = ask(selectors.with_keys, CODE.community)
        return [_job_of_row(row, self._registry) for row in rows if row.key not in ids] + waiting

    def start(self) -> None:
        """Start this process's engine.

        From `AppConfig.ready()`: in the background, and only where the process is to have one (R5); it raises nothing
        there (S2-11). Later: now, raising what the database raises.
        """
        if apps.ready:
            from clockwright.schedules import engines

            ask(engines.start_engine)

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - the documented signature
        """Stop this process's engine; `wait`: let running jobs finish, else hand them back at once."""
        from clockwright.schedules import autostart, engines

        deadline = engines.DRAIN if wait else 0.0
        autostart.stop(deadline)
        engines.stop_engine(deadline)

    def _function(self, func: Callable[..., Any]) -> Function:
        known = next((each for each in self._registry if each.call is func), None)
        if known is not None:
            return known
        return self._registry.register(function_of(func, _importable_name(func)))

    def _on_row(self, job_id: str, command: str) -> Job:
        if not apps.ready:
            raise ScheduleNotFoundException(job_id)
        from clockwright.schedules import commands, selectors

        def work() -> Schedule:
            row = selectors.find_by_key(CODE.community, job_id)
            if row is None:
                raise ScheduleNotFoundException(job_id)
            changed: Schedule = getattr(commands, command)(CODE, row.schedule_id)
            return changed

        return _job_of_row(ask(work), self._registry)


def _id(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise InvalidScheduleException.of(
            "/id", f"id: give text of 1 to 255 characters, not {value!r}"
        )
    return value


def _importable_name(func: object) -> str:
    """`module.qualname`, by which every process finds the same function; refuses what has no such name."""
    qualname, module = getattr(func, "__qualname__", ""), getattr(func, "__module__", "")
    owner = getattr(func, "__self__", None)
    is_bound = owner is not None and not inspect.isclass(owner) and not inspect.ismodule(owner)
    if not callable(func) or not module or not qualname or "<" in qualname or is_bound:
        raise InvalidScheduleException.of(
            "/func",
            f"func: {func!r} has no name that another process could find; give a function defined at the top of a "
            "module, and what it needs as args or kwargs",
        )
    return f"{module}.{qualname}"


def _possible(rule: Recurrence) -> Recurrence:
    if rule.is_possible():
        return rule
    raise InvalidScheduleException.of("/trigger", f"trigger: {rule!r} never fires")


def _options(settings: dict[str, Any]) -> dict[str, Any]:
    found = dict(settings)
    if "coalesce" in found:
        found["catch_up"] = "latest" if found.pop("coalesce") else "all"
    if "misfire_grace_time" in found:
        found["grace_period_seconds"] = found.pop("misfire_grace_time")
    for place in ("jobstore", "executor"):
        if found.pop(place, "default") != "default":
            raise TypeError(f"{place}: there is one, 'default'; leave it out")
    unknown = set(found) - _OPTIONS
    if unknown:
        raise TypeError(f"add_job() does not know {', '.join(sorted(unknown))}")
    return found


def _fits(registration: Registration) -> None:
    why = registration.function.payload_error(registration.args, registration.kwargs)
    if why is not None:
        raise InvalidScheduleException.of(
            "/kwargs", f"args and kwargs do not fit {registration.function.key}: {why}"
        )


def _taken(key: str) -> ScheduleConflictException:
    return ScheduleConflictException(
        f"id: the job {key!r} is there already; choose another id or give replace_existing=True"
    )


def _job_of_registration(registration: Registration) -> Job:
    return Job(
        id=registration.key,
        name=registration.name or registration.function.key,
        func=registration.function.call,
        trigger=registration.recurrence,
        args=tuple(registration.args),
        kwargs=registration.kwargs,
        next_run_time=None,
        pending=True,
    )


def _job_of_row(row: Schedule, registry: Registry) -> Job:
    function = registry.by_workflow(row.workflow_id)
    rule = from_json(row.recurrence)
    upcoming = row.next_execution_at
    return Job(
        id=row.key or str(row.schedule_id),
        name=row.name or (function.key if function else str(row.workflow_id)),
        func=function.call if function else None,
        trigger=rule,
        args=tuple(row.args),
        kwargs=row.context_data,
        next_run_time=None if upcoming is None else upcoming.astimezone(rule.timezone),
        schedule_id=row.schedule_id,
    )


def job(key: str, *, tz: str | None = None, **settings: Any) -> Callable[[F], F]:
    """Register a function, and its schedule if it brings one: `@job("reports.daily", cron="0 5 * * *")`.

    `tz`: the zone of the rule; default SCHEDULER_TIMEZONE (S4-77). The rest, and what is raised, as `Registry.job`.
    """
    return default_registry.job(key, tz=tz or engine_settings().timezone, **settings)


scheduler = JobScheduler()
"""The jobs of this project."""
