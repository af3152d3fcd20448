"""`/runs`: one row of the ledger."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from clockwright.api.bodies import run_in_full
from clockwright.api.schemas import RunInFull
from clockwright.api.security import caller_of
from clockwright.engine.ports import UnknownRun
from clockwright.schedules.selectors import find_run

router = Router(tags=["runs"])


@router.get(
    "/{run_id}", response=RunInFull, operation_id="get_run", url_name="get_run", summary="Get a run"
)
def get_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """A run with its traceback."""
    run = find_run(caller_of(request).community, run_id)
    if run is None:
        raise UnknownRun(run_id)
    return run_in_full(run)
