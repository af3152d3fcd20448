"""What is sent and answered about backfills."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from clockwright.api.schemas import Answer, Body, Instant, Text
from clockwright.engine.backfill import Action, BackfillReason, BackfillState
from clockwright.engine.model import Overlap, Reason, RunState

_EXAMPLE: dict[str, Any] = {
    "from": "2027-03-01T00:00:00+00:00",
    "to": "2027-03-02T00:00:00+00:00",
    "dry_run": True,
}


class StartBackfill(Body):
    """The fire times from `from` to `to`, both included; what ran already is left alone."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    from_: str = Field(
        alias="from",
        max_length=100,
        description="ISO 8601; without an offset it is read in the schedule's zone.",
    )
    to: str = Field(max_length=100, description="Likewise; it has passed.")
    overlap: Literal["allow", "buffer_all", "skip"] = Field(
        default="buffer_all", description="When `max_instances` of its runs are active."
    )
    max_instances: int = Field(
        default=1, strict=True, ge=1, le=10_000, description="Of its own; not looked at by allow."
    )
    priority: int | None = Field(
        default=None, strict=True, ge=-100, le=100, description="Instead of the schedule's own."
    )
    limit: int = Field(
        default=1_000,
        strict=True,
        ge=1,
        le=10_000,
        description="A range that holds more fire times is refused.",
    )
    dry_run: bool = Field(default=False, strict=True, description="Tell what would become of it.")
    request_id: Annotated[Text, Field(min_length=1, max_length=200)] | None = None


class Backfill(Answer):
    """A backfill and how far it is. The counts from `waiting` to `skipped` are of its runs, by the ledger."""

    backfill_id: UUID
    schedule_id: UUID
    status: BackfillState
    reason: BackfillReason | None
    error: str | None
    from_: Instant = Field(alias="from")
    to: Instant
    overlap: Overlap
    max_instances: int
    priority: int
    total: int = Field(description="Fire times in the range.")
    created: int = Field(description="So many got a run so far.")
    existing: int = Field(description="So many had run before, and are left alone.")
    undecided: int = Field(description="So many are still to be looked at.")
    waiting: int
    running: int
    succeeded: int
    failed: int = Field(description="Failed, timed out or lost.")
    cancelled: int
    skipped: int
    asked_by: str | None
    request_id: str
    node: str | None = Field(description="Which engine makes its runs.")
    created_at: Instant
    finished_at: Instant | None


class Backfills(Answer):
    """A page of a schedule's backfills, asked for last first."""

    items: list[Backfill]
    next: str | None


class ForeseenFireTime(Answer):
    """A fire time of the range, and the run that the ledger has for it."""

    scheduled_for: Instant
    action: Action
    run_id: UUID | None
    status: RunState | None
    reason: Reason | None


class ForeseenBackfill(Answer):
    """What a backfill would do now. `fire_times` are the first 1,000; the counts are of all."""

    dry_run: Literal[True]
    from_: Instant = Field(alias="from")
    to: Instant
    total: int
    created: int
    superseding: int = Field(description="So many of them beside a missed or skipped run.")
    existing: int
    pruned_until: Instant | None = Field(
        description="Of what ended before, the ledger may know nothing any more."
    )
    fire_times: list[ForeseenFireTime]
