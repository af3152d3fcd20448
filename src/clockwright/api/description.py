"""What the OpenAPI document needs beyond what ninja writes: error responses, shared schemas, tags."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from clockwright.api.problems import MEDIA_TYPE
from clockwright.api.schemas import (
    SCHEMA_MARK,
    ProblemDetails,
    RefusedPreview,
    ScheduleConfig,
)

_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    "400": ("Invalid", "The request cannot be meant; `errors` says where."),
    "401": ("Unauthorized", "No token, or one that is unknown, revoked or expired."),
    "403": ("Forbidden", "The token may look at it, but not do this."),
    "404": ("NotFound", "Unknown, or another community's."),
    "409": ("Conflict", "The key is taken, or somebody else changed it in the meantime."),
    "413": ("TooLarge", "The body is too large."),
    "422": ("Reused", "The idempotency key was used before with another body."),
    "500": ("Internal", "Something went wrong here."),
    "503": ("Unavailable", "The database does not answer."),
}
_TAGS = [
    {"name": "schedules", "description": "What runs when."},
    {"name": "runs", "description": "What became of it."},
    {"name": "workflows", "description": "Graphs of steps, their versions and their executions."},
    {"name": "preview", "description": "What would happen, before anything is saved."},
    {"name": "functions", "description": "What can be scheduled."},
    {"name": "tokens", "description": "Who may call."},
    {"name": "communities", "description": "Who is in a community, and who may do what there."},
    {"name": "health", "description": "How it stands."},
]


def complete(document: dict[str, Any]) -> None:
    """Put in what is missing, in place."""
    components = document["components"]
    _, shared = models_json_schema(
        [
            (ProblemDetails, "serialization"),
            (RefusedPreview, "serialization"),
            (ScheduleConfig, "validation"),
        ],
        ref_template=_REF,
    )
    components["schemas"].update(shared["$defs"])
    components["schemas"] = dict(sorted(components["schemas"].items()))
    components["responses"] = {name: _problem(words) for name, words in _PROBLEMS.values()}
    for path in document["paths"].values():
        for operation in path.values():
            _complete_operation(operation)
    document["tags"] = _TAGS
    _resolve_marks(document)


def _problem(words: str, model: str = "ProblemDetails") -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model)}
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}


REFUSED_PREVIEW = _problem("The rule is refused.", "RefusedPreview")


def _complete_operation(operation: dict[str, Any]) -> None:
    responses = {str(status): told for status, told in operation["responses"].items()}
    for status in _statuses(operation):
        name = _PROBLEMS[status][0]
        responses.setdefault(status, {"$ref": f"#/components/responses/{name}"})
    operation["responses"] = dict(sorted(responses.items()))


def _statuses(operation: dict[str, Any]) -> list[str]:
    if not operation.get("security"):
        return []
    statuses = ["400", "401", "413", "500", "503"]
    if any(parameter["in"] == "path" for parameter in operation["parameters"]):
        statuses.append("404")
    if operation.get("x-needs-role", "viewer") != "viewer":
        statuses += ["403", "409"]
    if operation.get("x-idempotent"):
        statuses.append("422")
    return statuses


def _resolve_marks(node: Any) -> None:
    """Turn the marks of `schemas` into references, which pydantic refuses to write itself."""
    if isinstance(node, list):
        for item in node:
            _resolve_marks(item)
    elif isinstance(node, dict):
        if SCHEMA_MARK in node:
            name = node.pop(SCHEMA_MARK)
            node.pop("type", None)
            node["$ref"] = _REF.format(model=name)
        for item in node.values():
            _resolve_marks(item)
