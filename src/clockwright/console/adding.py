"""From a filled form to a schedule: the command does it, and its refusals come back to the fields they mean."""

from __future__ import annotations

from dataclasses import dataclass

from clockwright.access.callers import Caller
from clockwright.console.forms import AddForm
from clockwright.console.wording import wall_time
from clockwright.schedules import commands
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.errors import InvalidScheduleException, ScheduleConflictException
from clockwright.schedules.specs import config_of_rule

_FIELDS = {
    "cron_expression": "cron",
    "recurrence": "cron",
    "scheduled_time": "cron",
    "timezone": "tz",
    "context_data": "context",
    "workflow": "function",
    "key": "key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was made, and when it fires first."""

    name: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The HTTP status of the refusal; the form holds the words."""

    status: int


def add_schedule(caller: Caller, form: AddForm) -> Added | Refused:
    """Make the schedule of a valid form; raises Forbidden."""
    data = form.cleaned_data
    new = NewSchedule(
        workflow=data["function"],
        config=config_of_rule(form.rule) if form.rule else {},
        context_data=data["context"],
        key=data["key"] or None,
    )
    try:
        made = commands.add_schedule(caller, new)
    except InvalidScheduleException as error:
        for pointer, message in error.errors:
            form.add_error(_FIELDS.get(pointer.rsplit("/", 1)[-1]), message)
        return Refused(status=error.status_code)
    except ScheduleConflictException as error:
        form.add_error("key", error.message)
        return Refused(status=error.status_code)
    when = made.next_execution_at
    return Added(name=str(made), when=wall_time(when, made.timezone) if when else "at no time")
