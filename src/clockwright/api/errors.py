"""The one table from error to problem details. Nothing else in this room decides a status for an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from clockwright.access import policy
from clockwright.access.callers import Forbidden
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.api.paging import BadCursor
from clockwright.api.parsing import BadBody, BodyTooLarge, escape
from clockwright.api.problems import FieldError, Problem, respond
from clockwright.engine.ports import (
    DuplicateKey,
    NothingToRun,
    UnknownRun,
    UnknownSchedule,
    VersionConflict,
)
from clockwright.schedules.errors import ScheduleServiceException
from clockwright.workflows.errors import WorkflowEngineException

_log = logging.getLogger(__name__)


class Unacceptable(Exception):
    """A request that this room refuses itself; what is wrong with it, part by part."""

    def __init__(self, *errors: FieldError, detail: str = "") -> None:
        """Keep the parts."""
        self.errors = errors
        super().__init__(detail or summary(errors))


class ReusedKey(Exception):
    """An idempotency key that was sent before with another body (R30); `.args[0]` is the key."""


def summary(errors: Sequence[FieldError]) -> str:
    """The errors in one line."""
    if not errors:
        return "the request is not valid"
    first = errors[0]
    name = first.pointer.removeprefix("/").replace("/", ".")
    text = f"{name}: {first.message}" if name else first.message
    return text if len(errors) == 1 else f"{text} (and {len(errors) - 1} more)"


def unauthorized() -> Problem:
    """No token, or one that does not hold."""
    return Problem(
        status=HTTPStatus.UNAUTHORIZED,
        kind="unauthorized",
        detail="this takes a token: send `Authorization: Bearer cw_…`",
        headers={"WWW-Authenticate": 'Bearer realm="clockwright"'},
    )


def invalid(errors: Sequence[FieldError], detail: str = "") -> Problem:
    """A request that cannot be meant."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST,
        kind="invalid",
        detail=detail or summary(errors),
        errors=tuple(errors),
    )


def not_found(detail: str) -> Problem:
    """Unknown, or another community's."""
    return Problem(status=HTTPStatus.NOT_FOUND, kind="not-found", detail=detail)


def _conflict(detail: str, **conflict: Any) -> Problem:
    return Problem(
        status=HTTPStatus.CONFLICT,
        kind="conflict",
        detail=detail,
        conflicts=(conflict,) if conflict else (),
    )


def _of_service(error: ScheduleServiceException | WorkflowEngineException) -> Problem:
    """`status_code` is documented (S4-04…06); the fields come from `errors` where there are any."""
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.BAD_REQUEST:
        found = getattr(error, "errors", ()) or ()
        return invalid([FieldError(pointer=p, message=m) for p, m in found], error.message)
    if status is HTTPStatus.NOT_FOUND:
        return not_found(error.message)
    if status is HTTPStatus.CONFLICT:
        return _conflict(error.message)
    _log.error("a service failed", exc_info=error)
    return _internal(error)


def _of_validation(error: ValidationError) -> Problem:
    errors = [_field_error(each) for each in error.errors]
    if errors and all(each.place == "path" for each in errors):
        return not_found("there is nothing at this address: an id is a UUID")
    return invalid(errors)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    place, *steps = error["loc"]
    # the first step in a body is the name of our parameter, which is nobody's business
    named = steps[1:] if place == "body" else steps
    pointer = "".join(f"/{escape(str(step))}" for step in named)
    return FieldError(pointer=pointer, message=_words(error), place=place)


def _words(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case _:
            text = str(error["msg"]).removeprefix("Value error, ")
            return text[:1].lower() + text[1:]


def _of_http(error: HttpError) -> Problem:
    cause = error.__cause__
    if isinstance(cause, BadBody):  # ninja hides what a parser says
        return _of_body(cause)
    return Problem(status=HTTPStatus(error.status_code), kind="refused", detail=error.message)


def _of_body(error: BadBody) -> Problem:
    if isinstance(error, BodyTooLarge):
        return Problem(
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, kind="too-large", detail=error.message
        )
    return invalid([FieldError(pointer=error.pointer, message=error.message)])


def _of_database(error: Exception) -> Problem:
    _log.error("the database does not answer", exc_info=error)
    return Problem(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        kind="unavailable",
        detail="the database does not answer; try again",
        headers={"Retry-After": "5"},
    )


def _internal(error: Exception) -> Problem:
    return Problem(
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        kind="internal",
        detail="something went wrong here; the log says what",
    )


def _unforeseen(error: Exception) -> Problem:
    _log.error("unforeseen error", exc_info=error)
    return _internal(error)


TABLE: Mapping[type[Exception], Callable[[Any], Problem]] = {
    AuthenticationError: lambda _: unauthorized(),
    Forbidden: lambda error: Problem(
        status=HTTPStatus.FORBIDDEN, kind="forbidden", detail=error.message
    ),
    AccessError: lambda error: invalid(
        [FieldError(pointer=f"/{error.field}", message=error.why)], error.message
    ),
    UnknownHere: lambda error: not_found(error.message),
    AccessConflict: lambda error: _conflict(error.message),
    ValidationError: _of_validation,
    HttpError: _of_http,
    BadBody: _of_body,
    BadCursor: lambda error: invalid(
        [FieldError(pointer="/cursor", message=str(error), place="query")]
    ),
    Unacceptable: lambda error: invalid(error.errors, str(error)),
    ReusedKey: lambda error: Problem(
        status=HTTPStatus.UNPROCESSABLE_ENTITY,
        kind="reused-key",
        detail=f"the idempotency key {error.args[0]!r} was used before with another body",
    ),
    Http404: lambda _: not_found("there is nothing at this address"),
    ScheduleServiceException: _of_service,
    WorkflowEngineException: _of_service,
    UnknownSchedule: lambda error: not_found(f"Schedule not found: {error.args[0]}"),
    UnknownRun: lambda error: not_found(f"Run not found: {error.args[0]}"),
    DuplicateKey: lambda error: _conflict(
        f"the key {error.args[0]!r} is taken", key=str(error.args[0])
    ),
    VersionConflict: lambda _: _conflict("the schedule was changed in the meantime; read it again"),
    NothingToRun: lambda error: invalid(
        [FieldError(pointer="/schedule_config", message=f"has no fire time to come: {error}")]
    ),
    OperationalError: _of_database,
    InterfaceError: _of_database,
    Exception: _unforeseen,
}


def install(api: NinjaAPI) -> None:
    """Let an API answer with problem details; the handler of the nearest class in TABLE is taken."""
    for kind in TABLE:
        api.add_exception_handler(kind, _handler(TABLE[kind]))


def _handler(
    problem_of: Callable[[Any], Problem],
) -> Callable[[HttpRequest, Any], HttpResponse]:
    def handle(request: HttpRequest, error: Any) -> HttpResponse:
        problem = _as_documented(request, problem_of(error))
        if isinstance(error, Forbidden):
            policy.note_refusal(error, method=request.method, path=request.path)
        return respond(request, problem)

    return handle


def _as_documented(request: HttpRequest, problem: Problem) -> Problem:
    """The preview's refusals also have the members that document 1 promises (S1-31, R23)."""
    match = request.resolver_match
    if problem.status is not HTTPStatus.BAD_REQUEST or match is None:
        return problem
    if match.url_name != "preview":
        return problem
    return replace(problem, extra={"ok": False, "error": problem.detail})
