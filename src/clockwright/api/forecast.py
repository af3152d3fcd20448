"""`GET /forecast`: how many runs are to come in each slot of the next hours."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router

from clockwright.api.schemas import LoadForecast
from clockwright.api.security import caller_of
from clockwright.engine.clock import utc_now
from clockwright.schedules.forecast import LONGEST_HOURS, load_forecast
from clockwright.schedules.specs import utc_text

router = Router(tags=["forecast"])

Hours = Annotated[int, Query(ge=1, le=LONGEST_HOURS)]
Step = Annotated[int, Query(ge=60, le=86_400)]


@router.get("", response=LoadForecast, operation_id="forecast", summary="Forecast the load")
def forecast(request: HttpRequest, hours: Hours = 24, step_seconds: Step = 60) -> dict[str, Any]:
    """The fire times of the community's active schedules from the coming minute on, counted per slot."""
    start = (utc_now() + timedelta(minutes=1)).replace(second=0, microsecond=0)
    length = timedelta(hours=hours)
    found = load_forecast(caller_of(request).community, start, length, step_seconds)
    peak_at, peak = found.peak()
    return {
        "start": utc_text(start),
        "step_seconds": step_seconds,
        "counts": list(found.counts),
        "total": found.total,
        "peak": peak,
        "peak_at": utc_text(peak_at) if peak else None,
    }
