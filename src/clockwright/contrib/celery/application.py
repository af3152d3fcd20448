"""The Celery application of the bridge: its own, whatever else of Celery the host has.

So what is sent and accepted is JSON alone, whatever the host's own application accepts, and a message is acknowledged
when its task begins: from then on the ledger knows who runs it, and a broker that delivers again is refused.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Any, Final

import django
from celery import Celery
from django.apps import apps

from clockwright.contrib.celery.conf import DEFAULT_QUEUE, CelerySettings, celery_settings

RUN_TASK: Final = "clockwright.run"

_CONNECT_SECONDS = 4
_REDIS = {"socket_connect_timeout": _CONNECT_SECONDS, "socket_timeout": 30}


def make_app(settings: CelerySettings) -> Celery:
    """An application for these settings; connects to nothing."""
    made = Celery("clockwright", set_as_current=False, fixups=[])
    made.conf.update(_configuration(settings))
    return made


def _configuration(settings: CelerySettings) -> dict[str, Any]:
    options = dict(settings.options)
    transport = _transport_options(settings.broker) | options.pop("broker_transport_options", {})
    return {
        "broker_connection_timeout": _CONNECT_SECONDS,
        "broker_connection_retry_on_startup": True,
        "worker_prefetch_multiplier": 1,
        "worker_hijack_root_logger": False,
        **options,
        "broker_url": settings.broker,
        "broker_transport_options": transport,
        "imports": ["clockwright.contrib.celery.tasks"],
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "event_serializer": "json",
        "task_serializer": "json",
        "result_serializer": "json",
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_default_queue": settings.queue or DEFAULT_QUEUE,
        "task_publish_retry": False,
        "enable_utc": True,
    }


def _transport_options(broker: str) -> dict[str, Any]:
    """Publishing must neither hang nor be taken for done before the broker has it."""
    scheme = broker.partition("://")[0].lower()
    if scheme.startswith("redis"):
        return dict(_REDIS)
    return {"confirm_publish": True} if scheme.startswith(("amqp", "pyamqp")) else {}


@functools.cache
def project_app() -> Celery:
    """The application of this process; raises ImproperlyConfigured where no broker is named.

    In Celery's own program Django is set up here: its fixup would load the host's web pages as well.
    """
    if not apps.ready and not getattr(apps, "loading", False):
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clockwright.server.settings")
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        django.setup()
    return make_app(celery_settings())
