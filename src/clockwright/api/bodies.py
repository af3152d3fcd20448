"""Rows as the API shows them; what schedules and runs look like is told once for all entrances, by `documents`."""

from __future__ import annotations

from inspect import Parameter
from typing import TYPE_CHECKING, Any

from clockwright.engine.registry import Function
from clockwright.schedules.documents import run_document as run_body
from clockwright.schedules.documents import schedule_document as schedule_body

if TYPE_CHECKING:
    from clockwright.schedules.models import Run

__all__ = ["function_body", "run_body", "run_in_full", "schedule_body"]

_OPEN = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def run_in_full(run: Run) -> dict[str, Any]:
    """One row of the ledger with its traceback, and what it was called with unless that is the schedule's own."""
    return {**run_body(run), "traceback": run.traceback, "context_data": run.context_data}


def function_body(function: Function) -> dict[str, Any]:
    """A function that callers may schedule."""
    words = (function.call.__doc__ or "").strip().partition("\n\n")[0]
    parameters = [
        {"name": name, "required": parameter.default is Parameter.empty}
        for name, parameter in function.signature.parameters.items()
        if name != function.context_parameter and parameter.kind not in _OPEN
    ]
    return {
        "key": function.key,
        "workflow_id": str(function.workflow_id),
        "description": " ".join(words.split()),
        "parameters": parameters,
        "takes_more": any(
            parameter.kind is Parameter.VAR_KEYWORD
            for parameter in function.signature.parameters.values()
        ),
    }
