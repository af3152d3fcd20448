"""Exit codes, and the one table from an error to a line for people and a code for scripts.

0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 unavailable. Nothing here imports Django: an error of Django's
can only have been raised where Django is loaded already.
"""

from __future__ import annotations

import sys
from enum import IntEnum


class Exit(IntEnum):
    """What a command ends with; scripts rely on it."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNAVAILABLE = 5


class CommandError(Exception):
    """Something to tell the user in one line, and the exit code it ends with."""

    code = Exit.FAILURE

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageProblem(CommandError):
    """What was typed cannot be meant; the message names the option, the value and the mend."""

    code = Exit.USAGE


class NotFound(CommandError):
    """There is no such thing."""

    code = Exit.NOT_FOUND


class Unavailable(CommandError):
    """Something outside this process is needed and does not answer."""

    code = Exit.UNAVAILABLE


_BY_STATUS = {
    400: Exit.USAGE,
    403: Exit.FAILURE,
    404: Exit.NOT_FOUND,
    409: Exit.CONFLICT,
    422: Exit.USAGE,
}
"""The exceptions of the schedule service carry the HTTP status they mean (S4-04 ff.)."""


def explain(error: BaseException) -> tuple[str, Exit]:
    """One line that says what is wrong, and the exit code."""
    if isinstance(error, CommandError):
        return error.message, error.code
    line = _first_line(error)
    if _is_database_trouble(error):
        return (
            f"the database does not answer: {line} (DATABASE_URL says where it is)",
            Exit.UNAVAILABLE,
        )
    code = _code_of(error)
    return (
        line if code is not None else f"{type(error).__name__}: {line} (--debug shows where)"
    ), (code or Exit.FAILURE)


def _code_of(error: BaseException) -> Exit | None:
    """The code of an error that speaks for itself; None for one that nobody expected."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _BY_STATUS.get(status, Exit.FAILURE)
    if _is_a(error, "django.core.exceptions", "ImproperlyConfigured"):
        return Exit.USAGE
    return None


def _is_database_trouble(error: BaseException) -> bool:
    return _is_a(error, "django.db", "OperationalError") or _is_a(
        error, "django.db", "InterfaceError"
    )


def _is_a(error: BaseException, module: str, name: str) -> bool:
    """Whether it is of a class of a module that may not be loaded; then nothing of it can have been raised."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(error, getattr(loaded, name))


def _first_line(error: BaseException) -> str:
    text = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
