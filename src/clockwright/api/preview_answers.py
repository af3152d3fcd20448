"""What `POST /preview` answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from clockwright.api.schemas import Answer, Instant


class FireTime(Answer):
    """One instant, in UTC and in the rule's zone."""

    utc: Instant
    local: Instant


class AffectedWall(Answer):
    """A wall time of the rule that does not exist or comes twice, and when it fires instead."""

    wall: str = Field(examples=["2027-03-28T02:30:00"], description="Local, without an offset.")
    outcome: Literal["skipped", "at_gap_end", "shifted", "first", "last", "both"]
    instants: list[Instant]


class ClockChange(Answer):
    """What one clock change of the zone does to the rule. Lengths of time are in seconds."""

    timezone: str
    at: Instant
    kind: Literal["gap", "fold"]
    offset_before: int
    offset_after: int
    length: int
    rhythm: Literal["fixed", "wildcard", "elapsed", "instant"]
    gap: str | None = Field(description="What applies of the rule's clock policy.")
    fold: str | None
    is_affected: bool
    count: int = Field(description="How many wall times do not exist or come twice.")
    walls: list[AffectedWall] = Field(description="The first 60 of them.")
    shift: int = Field(description="So much later the runs of a rule of elapsed time are then.")
    description: str


class Preview(Answer):
    """When a rule fires. `dates` are in its zone; `clock_changes` is null unless asked for.

    Of a rule given as `words`: the sentence as it is understood, and the rule as `recurrence` takes it.
    """

    ok: Literal[True]
    dates: list[Instant]
    description: str
    timezone: str
    fire_times: list[FireTime]
    words: str | None = None
    rule: dict[str, Any] | None = None
    clock_changes: list[ClockChange] | None = None
