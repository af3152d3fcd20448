"""The settings of runs that go to Celery: the environment over Django's `CLOCKWRIGHT` over the defaults.

| environment                        | CLOCKWRIGHT             | default | meaning                                          |
|------------------------------------|-------------------------|---------|--------------------------------------------------|
| CLOCKWRIGHT_CELERY_BROKER          | CELERY_BROKER           |         | URL of the broker                                |
| CLOCKWRIGHT_CELERY_QUEUE           | CELERY_QUEUE            |         | queue of functions that name none; none: in here |
| CLOCKWRIGHT_CELERY_PATIENCE_SECONDS| CELERY_PATIENCE_SECONDS | 300     | after so long in a queue a run is sent again     |
|                                    | CELERY_OPTIONS          | {}      | further `broker_…` and `worker_…` settings       |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured

from clockwright.schedules.conf import settings_reader

DEFAULT_QUEUE: Final = "clockwright"
"""What a worker listens to that is told no queue."""

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OPTION = re.compile(r"(broker|worker)_[a-z_]+")
_QUEUE_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class CelerySettings:
    """What the host says. `queue` None: functions that name no queue run in the engine's own process."""

    broker: str
    queue: str | None = None
    patience: timedelta = timedelta(minutes=5)
    options: Mapping[str, Any] = field(default_factory=dict)


def celery_settings() -> CelerySettings:
    """The settings as they stand now; raises ImproperlyConfigured naming variable, value and mend."""
    read = settings_reader()
    name, broker = read.given("CLOCKWRIGHT_CELERY_BROKER", "CELERY_BROKER")
    if not isinstance(broker, str) or not _URL.match(broker):
        raise ImproperlyConfigured(
            f"{name}: {'it is not set' if broker is None else 'what is set is no URL'}; "
            "write for example redis://localhost:6379/0 or amqp://user:password@localhost:5672//"
        )
    queue_name, queue = read.given("CLOCKWRIGHT_CELERY_QUEUE", "CELERY_QUEUE")
    return CelerySettings(
        broker=broker,
        queue=None if queue is None else _queue(queue_name, queue),
        patience=read.duration(
            "CLOCKWRIGHT_CELERY_PATIENCE_SECONDS", "CELERY_PATIENCE_SECONDS", timedelta(minutes=5)
        ),
        options=_options(read.given("", "CELERY_OPTIONS")[1]),
    )


def _queue(name: str, value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= _QUEUE_LENGTH:
        return value
    raise ImproperlyConfigured(f"{name}: {value!r} is no queue's name; write for example reports")


def _options(given: object) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured(
            f"CLOCKWRIGHT['CELERY_OPTIONS']: {given!r} is no dictionary; "
            "write for example {'broker_use_ssl': True}"
        )
    # what may be sent and accepted, and when it is acknowledged, is not the host's to change
    wrong = sorted(str(key) for key in given if not _OPTION.fullmatch(str(key)))
    if wrong:
        raise ImproperlyConfigured(
            f"CLOCKWRIGHT['CELERY_OPTIONS']: {', '.join(wrong)} cannot be set here; "
            "give Celery settings that begin with broker_ or worker_"
        )
    return dict(given)
