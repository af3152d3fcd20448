"""Shapes of requests and answers about calendars. What they mean is decided by `recurrence.Calendar`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from clockwright.api.schemas import Answer, Body, Instant, Text

CalendarName = Annotated[Text, Field(min_length=1, max_length=64)]
_Texts = Annotated[list[Text], Field(max_length=1_000)]


class PutCalendar(Body):
    """What a calendar is to hold: all of it, without its name."""

    weekend: _Texts = Field(default=["sat", "sun"], description="Weekdays, `mon` to `sun`.")
    holidays: _Texts = Field(default=[], description="Dates.", examples=[["2027-12-27"]])
    yearly: _Texts = Field(default=[], description="Month and day.", examples=[["12-25"]])
    easter: list[int] = Field(
        default=[], max_length=366, description="Days after Easter Sunday.", examples=[[-2, 1]]
    )
    nth_weekdays: _Texts = Field(default=[], examples=[["last mon may"]])
    version: int | None = Field(
        default=None, description="Refuse unless the calendar still has it; 0: unless it is new."
    )


class Calendar(Answer):
    """A calendar that the community keeps."""

    name: str
    weekend: list[str]
    holidays: list[str]
    yearly: list[str]
    easter: list[int]
    nth_weekdays: list[str]
    version: int
    created_at: Instant
    updated_at: Instant


class CalendarSaved(Calendar):
    """The calendar as it is kept now, and the ids of the schedules that were changed with it."""

    schedules: list[UUID]


class Calendars(Answer):
    """The community's calendars."""

    items: list[Calendar]
    next: None = None


class CalendarRemoved(Answer):
    """The calendar is kept no longer."""

    status: str = Field(examples=["removed"])
    name: str
