"""Durable schedules inside any asyncio program, Django out of sight (S4-56).

    from clockwright import embed

    schedules = embed.open("sqlite:///schedules.sqlite3")

    async with schedules:                      # or: await schedules.start() … await schedules.stop()
        await schedules.add_schedule("reports.daily", {"schedule_type": "cron", "cron_expression": "0 5 * * *"})

`job` registers functions, as everywhere. In a program that has Django already, `open()` without a DSN uses its database.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any, Final, Self
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from clockwright.engine.offload import offload
from clockwright.engine.ports import RunContext
from clockwright.engine.registry import job
from clockwright.schedules.dsn import database_settings
from clockwright.schedules.errors import ScheduleServiceException
from clockwright.schedules.hosting import ExecutesWorkflows
from clockwright.schedules.seam import borrowed
from clockwright.schedules.services import ScheduleService
from clockwright.schedules.setup import ensure_django

__all__ = ["EmbeddedSchedules", "RunContext", "ScheduleServiceException", "job", "open"]

_APPS: Final = [
    "django.contrib.contenttypes",
    "django.contrib.auth",  # members of communities are its users
    "clockwright.access",
    "clockwright.audit",
    "clockwright.schedules",
    "clockwright.workflows",
]
_USER: Final = "embedded"
_COMMUNITY: Final = "default"


class EmbeddedSchedules(ScheduleService):
    """A `ScheduleService` with a beginning and an end; `open` makes it.

    `migrates`: bring the database to this version at the start. `runs`: also run what is due; without it the object
    only adds and looks, and other processes run.
    """

    def __init__(
        self,
        *,
        migrates: bool = True,
        runs: bool = True,
        workflow_engine: ExecutesWorkflows | None = None,
        logger_instance: logging.Logger | None = None,
    ) -> None:
        super().__init__(workflow_engine=workflow_engine, logger_instance=logger_instance)
        self._migrates = migrates
        self._runs = runs
        self._preparing = asyncio.Lock()
        self._is_prepared = False

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Prepare the database and start running; for a program's start-up hook. Raises ScheduleServiceException."""
        await self.prepare()
        if self._runs:
            await self.start_scheduler()

    async def stop(self, deadline: float = 10.0) -> None:
        """Let running work finish for `deadline` seconds, hand back the rest; for a program's shutdown hook."""
        await self.stop_scheduler(deadline)

    async def prepare(self) -> None:
        """Set Django up and migrate the database, once; raises ScheduleServiceException."""
        async with self._preparing:
            if self._is_prepared:
                return
            try:
                await offload(_prepare, migrate=self._migrates)
            except Exception as error:
                self.logger.exception("the database cannot be prepared")
                raise ScheduleServiceException(
                    f"Failed to prepare the database: {error}"
                ) from error
            self._is_prepared = True

    async def start_scheduler(self) -> bool:
        """See `ScheduleService.start_scheduler`; the database is prepared first."""
        await self.prepare()
        return await super().start_scheduler()

    async def add_schedule(
        self,
        workflow_id: UUID | str,
        schedule_config: Mapping[str, Any],
        user_id: object = _USER,
        community_id: object = _COMMUNITY,
        context_data: Mapping[str, Any] | None = None,
        **details: Any,
    ) -> dict[str, Any]:
        """See `ScheduleService.add_schedule`; the program itself is the user unless one is named."""
        await self.prepare()
        return await super().add_schedule(
            workflow_id, schedule_config, user_id, community_id, context_data, **details
        )


def open(dsn: str | None = None, **options: Any) -> EmbeddedSchedules:  # noqa: A001 - reads well as embed.open
    """Schedules kept in a database: `sqlite:///file`, `sqlite:////absolute/file` or `postgresql://user@host/name`.

    `options` are those of `EmbeddedSchedules`; nothing is opened before it starts. Without a DSN the Django settings
    of the program are used, or `DATABASE_URL`. Raises ImproperlyConfigured for a DSN that cannot be read, and
    ScheduleServiceException when Django is set up for another database.
    """
    _configure(dsn or ("" if settings.configured else os.environ.get("DATABASE_URL", "")))
    return EmbeddedSchedules(**options)


def _configure(dsn: str) -> None:
    if not settings.configured and not dsn:
        ensure_django()  # by DJANGO_SETTINGS_MODULE, or it says what is missing
        return
    if not dsn:
        return
    database = database_settings(dsn)
    if settings.configured:
        _refuse_other_database(database)
        return
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=_APPS,
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LOGGING_CONFIG=None,  # the program's logging is its own
    )


def _refuse_other_database(wanted: Mapping[str, Any]) -> None:
    """One process has one Django, and so one default database."""
    known = settings.DATABASES["default"]
    for part in ("ENGINE", "NAME", "HOST", "PORT", "USER"):
        if str(known.get(part) or "") != str(wanted.get(part) or ""):
            raise ScheduleServiceException(
                f"dsn: this process uses another database already ({part} differs); open it once, or leave the DSN out"
            )


def _prepare(*, migrate: bool) -> None:
    ensure_django()
    missing = [name for name in _APPS if not apps.is_installed(name)]
    if missing:
        raise ScheduleServiceException(f"add {', '.join(missing)} to INSTALLED_APPS")
    if migrate:
        with borrowed():
            call_command("migrate", interactive=False, verbosity=0)
