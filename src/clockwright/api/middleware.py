"""What Django itself refuses under /api/ is told as a problem too: unknown addresses, wrong methods, unknown hosts."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from clockwright.api.problems import Problem, respond

_WORDS = {
    HTTPStatus.BAD_REQUEST: ("refused", "the request is refused as a whole; see ALLOWED_HOSTS"),
    HTTPStatus.NOT_FOUND: ("not-found", "there is nothing at this address"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method-not-allowed", "this address takes other methods"),
}


def api_problems(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: give bare refusals under /api/ the shape of all the others."""

    def respond_to(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if not request.path.startswith("/api/") or response.status_code not in _WORDS:
            return response
        if "json" in response.headers.get("Content-Type", ""):
            return response
        return _as_problem(request, response)

    return respond_to


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    status = HTTPStatus(response.status_code)
    kind, detail = _WORDS[status]
    kept = {name: response.headers[name] for name in ("Allow",) if name in response.headers}
    return respond(request, Problem(status=status, kind=kind, detail=detail, headers=kept))
