"""`GET /health`: how it stands, for anybody who asks (S4-89, S4-94, C-13)."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from clockwright import __version__
from clockwright.api import selectors
from clockwright.api.schemas import Health
from clockwright.engine.clock import utc_now
from clockwright.schedules import autostart, stores
from clockwright.schedules.doctor.findings import Summary
from clockwright.schedules.doctor.periodic import last_summary
from clockwright.schedules.engines import engine_thread
from clockwright.schedules.selectors import count_active
from clockwright.schedules.specs import utc_text

router = Router(tags=["health"], auth=None)

_log = logging.getLogger(__name__)


@router.get(
    "",
    response={200: Health, 503: Health},
    operation_id="get_health",
    summary="Get health",
)
def get_health(request: HttpRequest, response: HttpResponse) -> Status[dict[str, Any]]:
    """Takes no token. 503 when the database does not answer, or an engine that should run here does not."""
    response.headers["Cache-Control"] = "no-store"
    body = _standing()
    return Status(503 if body["status"] == "unhealthy" else 200, body)


def _standing() -> dict[str, Any]:
    now = utc_now()
    body: dict[str, Any] = {
        "module": "clockwright",
        "version": __version__,
        "timestamp": utc_text(now),
        "active_schedules": None,
        "jobs": None,
        "nodes": None,
        "doctor": None,
    }
    try:
        active, nodes = count_active(), selectors.nodes_alive(now)
        examined = last_summary(stores.symptoms())
    except DatabaseError as error:
        _log.warning("the database does not answer: %s", error)
        return {
            **body,
            "status": "unhealthy",
            "scheduler_running": False,
            "database": "unreachable",
        }
    is_well = nodes > 0 and (examined is None or examined.is_well)
    status = "unhealthy" if _is_broken() else "healthy" if is_well else "degraded"
    return {
        **body,
        "status": status,
        "scheduler_running": nodes > 0,
        "active_schedules": active,
        "jobs": active,
        "nodes": nodes,
        "doctor": None if examined is None else _told(examined),
        "database": "connected",
    }


def _told(examined: Summary) -> dict[str, Any]:
    """How many have what: no ids, as anybody may ask."""
    return {
        "ok": examined.is_well,
        "examined_at": utc_text(examined.finished_at),
        "findings": {code: count for code, count in examined.counts.items() if count},
    }


def _is_broken() -> bool:
    """Whether an engine should run in this process and does not: not yet, or not any more."""
    was_started = engine_thread().engine is not None
    return (was_started or autostart.should_run()) and not autostart.is_running()
