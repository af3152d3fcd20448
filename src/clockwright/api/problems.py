"""Problem details (RFC 9457): the shape of every error."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:clockwright:problem:"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one part of a request. `place` is body, query, path or header."""

    pointer: str
    message: str
    place: str = "body"

    def as_json(self) -> dict[str, str]:
        """As it is sent."""
        told = {"pointer": self.pointer, "message": self.message}
        return told if self.place == "body" else {**told, "in": self.place}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as the caller sees it; `kind` is the end of its type."""

    status: HTTPStatus
    kind: str
    detail: str
    errors: Sequence[FieldError] = ()
    conflicts: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, instance: str) -> dict[str, Any]:
        """The members that RFC 9457 names, and ours."""
        told: dict[str, Any] = {
            "type": _TYPE + self.kind,
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "instance": instance,
            **self.extra,
        }
        if self.errors:
            told["errors"] = [error.as_json() for error in self.errors]
        if self.conflicts:
            told["conflicts"] = list(self.conflicts)
        return told


def respond(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The response of a problem."""
    response = HttpResponse(
        json.dumps(problem.as_json(request.path)),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )
    response.headers["Cache-Control"] = "no-store"
    return response
