"""The errors of the schedule service, with the documented messages (S4-04…06, S4-21).

    ScheduleServiceException            500  something failed here
    ├── ScheduleNotFoundException       404  no such schedule in the caller's community
    ├── CalendarNotFoundException       404  no such calendar in the caller's community
    ├── BackfillNotFoundException       404  the schedule has no such backfill
    ├── InvalidScheduleException        400  also a ValueError; `errors` says what is wrong, part by part
    │   └── InvalidBackfillException    400  likewise, of a range that was asked for
    └── ScheduleConflictException       409  somebody else has the key, changed it first, or uses it

`InvalidCronExpression` is the ValueError of `ScheduleService.preview` (S1-33).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID


class ConfigProblem(NamedTuple):
    """What is wrong with one part of a request: a JSON pointer (RFC 6901) into it, and the words."""

    pointer: str
    message: str


class ScheduleServiceException(Exception):
    """The service could not do it; `.message` is for people, `.status_code` for HTTP."""

    status_code = 500

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__(message)


class ScheduleNotFoundException(ScheduleServiceException):
    """There is no such schedule, or it belongs to somebody else, or it was removed."""

    status_code = 404

    def __init__(self, schedule_id: UUID | str) -> None:
        self.schedule_id = schedule_id
        super().__init__(f"Schedule not found: {schedule_id}")


class CalendarNotFoundException(ScheduleServiceException):
    """The caller's community keeps no calendar of that name."""

    status_code = 404

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Calendar not found: {name}")


class BackfillNotFoundException(ScheduleServiceException):
    """The schedule has no such backfill, or it was pruned with its runs."""

    status_code = 404

    def __init__(self, backfill_id: UUID | str) -> None:
        self.backfill_id = backfill_id
        super().__init__(f"Backfill not found: {backfill_id}")


class InvalidScheduleException(ScheduleServiceException, ValueError):
    """A configuration that cannot be meant; `.errors` holds every problem that was found."""

    status_code = 400
    subject = "schedule configuration"

    def __init__(self, *problems: ConfigProblem) -> None:
        self.errors: Sequence[ConfigProblem] = problems
        why = "; ".join(problem.message for problem in problems)
        super().__init__(f"Invalid {self.subject}: {why}")

    @classmethod
    def of(cls, pointer: str, message: str) -> InvalidScheduleException:
        """The error of one problem."""
        return cls(ConfigProblem(pointer, message))


class InvalidBackfillException(InvalidScheduleException):
    """A range that cannot be meant, or terms that a backfill does not know."""

    subject = "backfill"


class ScheduleConflictException(ScheduleServiceException):
    """It would contradict what is there already: a key that is taken, a version that is no longer current."""

    status_code = 409


class InvalidCronExpression(ValueError):
    """The text is exactly what document 1 promises (S1-33); `.reason` says what is wrong with the expression."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__("Invalid cron expression")
