"""`GET /functions`: what callers may schedule."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from clockwright.api.bodies import function_body
from clockwright.api.schemas import Functions
from clockwright.api.security import caller_of
from clockwright.engine.registry import default_registry

router = Router(tags=["functions"])


@router.get("", response=Functions, operation_id="list_functions", summary="List functions")
def list_functions(request: HttpRequest) -> dict[str, Any]:
    """The functions that are registered as exposed, in the order of their keys."""
    caller_of(request)
    exposed = [function for function in default_registry if function.exposed]
    return {"items": [function_body(function) for function in exposed], "next": None}
