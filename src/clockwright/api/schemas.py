"""What is sent and what is answered, as the OpenAPI document describes it.

`schedule_config` is described here and validated in one place for all entrances, `clockwright.schedules.config`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from clockwright.api.paging import DEFAULT_PAGE, LARGEST_PAGE
from clockwright.api.parsing import is_storable
from clockwright.engine.model import CatchUp, Overlap, Reason, RunState, ScheduleStatus, Trigger
from clockwright.schedules.store.projection import ScheduleType

SCHEMA_MARK = "x-schema"
"""Stands for a reference to a component until the document is put together."""

_AN_ID = "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"
_AN_INSTANT = "2027-03-01T19:00:00+00:00"


def _storable(text: str) -> str:
    if not is_storable(text):
        raise ValueError("has a NUL character or half of a surrogate pair")
    return text


Text = Annotated[str, AfterValidator(_storable)]
Key = Annotated[Text, Field(min_length=1, max_length=255)]
Name = Annotated[Text, Field(max_length=255)]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=[_AN_INSTANT])]
JsonObject = dict[str, Any]
ConfigObject = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", SCHEMA_MARK: "ScheduleConfig"})
]


class Body(BaseModel):
    """A request: a field that it does not have is refused by name."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A response."""

    model_config = ConfigDict(extra="ignore")


class ScheduleConfig(Body):
    """When a schedule fires and how it behaves. Give the rule of its type, and only that."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"schedule_type": "cron", "cron_expression": "0 5 * * mon-fri"},
                {"schedule_type": "interval", "interval_seconds": 90, "max_executions": 10},
                {"schedule_type": "one_time", "scheduled_time": _AN_INSTANT},
            ]
        },
    )

    schedule_type: Literal["cron", "interval", "one_time", "rrule", "rule"]
    cron_expression: str = Field(default="", description="Type cron: exactly five fields.")
    seed: str = Field(default="", description="Type cron: what chooses the values of `H` in it.")
    interval_seconds: int = Field(default=60, gt=0, description="Type interval.")
    scheduled_time: str = Field(
        default="",
        description="Type one_time: ISO 8601 in the future; without an offset it is read in `timezone`.",
    )
    rrule: str = Field(
        default="", description="Type rrule: an RFC 5545 rule, counted from `start`."
    )
    start: str = Field(default="", description="Type rrule: its first instant, ISO 8601.")
    recurrence: JsonObject = Field(default={}, description="Type rule: a recurrence as JSON.")
    timezone: str = Field(default="UTC", description="An IANA zone, in which the rule is read.")
    max_executions: int | None = Field(default=None, gt=0, description="null: unlimited.")
    start_at: str | None = Field(default=None, description="Nothing fires before.")
    end_at: str | None = Field(default=None, description="Nothing fires after.")
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_limit: int = Field(default=1_000, gt=0)
    overlap: Overlap = Overlap.SKIP
    max_instances: int = Field(default=3, gt=0)
    grace_period_seconds: float | None = Field(
        default=900, ge=0, description="How late a run may start; null: any lateness."
    )
    jitter_seconds: float = Field(
        default=0, ge=0, description="A run starts up to so long after its fire time."
    )
    max_retries: int = Field(default=3, ge=0)
    retry_backoff_seconds: float = Field(default=2, ge=0)
    retry_backoff_max_seconds: float = Field(default=3_600, ge=0)
    retry_jitter: float = Field(
        default=0, ge=0, le=1, description="Up to this share of the pause is taken off."
    )
    no_retry_on: list[str] = Field(
        default=[], description="Names of exceptions after which nothing is tried again."
    )
    pause_after_failures: int | None = Field(
        default=None, gt=0, description="Pause when so many runs in a row failed; null: never."
    )
    timeout_seconds: float | None = Field(default=None, gt=0)
    priority: int = Field(
        default=0, ge=-100, le=100, description="Of runs that wait, higher ones start first."
    )


_CREATE_EXAMPLE: dict[str, Any] = {
    "workflow": "samples.echo",
    "schedule_config": {
        "schedule_type": "cron",
        "cron_expression": "0 5 * * *",
        "timezone": "Australia/Sydney",
    },
    "context_data": {"greeting": "good morning"},
}


class CreateSchedule(Body):
    """A new schedule. Name its workflow by `workflow_id` or by `workflow`, the key of a function."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_CREATE_EXAMPLE]})

    workflow_id: UUID | None = Field(default=None, examples=[_AN_ID])
    workflow: Key | None = Field(default=None, examples=["samples.echo"])
    schedule_config: ConfigObject
    context_data: JsonObject | None = Field(default=None, description="What runs are called with.")
    key: Key | None = Field(default=None, description="Your own name, unique in the community.")
    name: Name | None = None


class ReplaceSchedule(Body):
    """`schedule_config` is replaced whole; what else is left out stays (R29)."""

    schedule_config: ConfigObject
    context_data: JsonObject | None = None
    name: Name | None = None
    version: int | None = Field(
        default=None, strict=True, ge=1, le=2**31 - 1, description="409 if it has another by now."
    )


class ChangeSchedule(Body):
    """`schedule_config` is merged with what is there; the result is validated as a whole (R29)."""

    schedule_config: ConfigObject | None = None
    context_data: JsonObject | None = None
    name: Name | None = None
    version: int | None = Field(
        default=None, strict=True, ge=1, le=2**31 - 1, description="409 if it has another by now."
    )


class TriggerSchedule(Body):
    """A run now, beside the schedule's fire times. The same `request_id` makes one run, however often it is sent."""

    context_data: JsonObject | None = Field(
        default=None, description="Instead of the schedule's own."
    )
    request_id: Annotated[Text, Field(min_length=1, max_length=200)] | None = None
    priority: int | None = Field(
        default=None, strict=True, ge=-100, le=100, description="Instead of the schedule's own."
    )


class PageQuery(BaseModel):
    """Which page of a list."""

    limit: int = Field(default=DEFAULT_PAGE, ge=1, le=LARGEST_PAGE)
    cursor: str | None = Field(
        default=None, max_length=500, description="`next` of the page before."
    )


class ScheduleQuery(PageQuery):
    """Which schedules. Removed ones are never listed."""

    status: (
        Literal[
            ScheduleStatus.ACTIVE,
            ScheduleStatus.PAUSED,
            ScheduleStatus.COMPLETED,
            ScheduleStatus.FAILED,
        ]
        | None
    ) = None
    type: ScheduleType | None = None
    workflow_id: UUID | None = None
    key: Key | None = None
    q: Annotated[Text, Field(max_length=200)] | None = Field(
        default=None, description="Part of a key, a name or a cron line."
    )


class RunQuery(PageQuery):
    """Which runs of a schedule."""

    status: list[RunState] = Field(
        default=[], max_length=20, description="May be given several times; none means all."
    )


class Schedule(Answer):
    """A schedule as it stands. `next_execution_at` is null unless it is active."""

    schedule_id: UUID = Field(examples=[_AN_ID])
    workflow_id: UUID = Field(examples=[_AN_ID])
    workflow: str | None = Field(description="The function's key, where it is one known here.")
    schedule_type: str
    next_execution_at: Instant | None
    is_active: bool
    execution_count: int
    max_executions: int | None
    key: str | None
    name: str | None
    status: ScheduleStatus
    status_reason: str | None
    timezone: str
    cron_expression: str | None
    interval_seconds: int | None
    scheduled_time: Instant | None
    recurrence: JsonObject
    description: str = Field(description="The rule in English.")
    start_at: Instant | None
    end_at: Instant | None
    catch_up: CatchUp
    catch_up_limit: int
    overlap: Overlap
    max_instances: int
    grace_period_seconds: int | float | None
    jitter_seconds: int | float
    max_retries: int
    retry_backoff_seconds: int | float
    retry_backoff_max_seconds: int | float
    retry_jitter: int | float
    no_retry_on: list[str]
    pause_after_failures: int | None
    timeout_seconds: int | float | None
    priority: int
    context_data: JsonObject
    args: list[Any]
    last_execution_at: Instant | None
    last_execution_id: UUID | None
    created_by: str | None
    created_at: Instant
    updated_at: Instant
    version: int


class Removed(Answer):
    """That a schedule is removed."""

    status: Literal["removed"]
    schedule_id: UUID


class Schedules(Answer):
    """A page of schedules. `next` is the cursor of the next page, null after the last."""

    items: list[Schedule]
    next: str | None


class WorkflowSchedules(Schedules):
    """A page of a workflow's schedules in the order of their next fire time. `count` is how many it has."""

    workflow_id: UUID
    schedules: list[Schedule] = Field(description="The same as `items`, under the documented name.")
    count: int


class Run(Answer):
    """What became of one fire time, or of `covers_count` of them up to `covers_until`."""

    run_id: UUID = Field(examples=[_AN_ID])
    execution_id: UUID = Field(description="The documented name of `run_id`.", examples=[_AN_ID])
    schedule_id: UUID | None
    workflow_id: UUID
    scheduled_for: Instant
    covers_until: Instant | None
    covers_count: int
    priority: int
    trigger: Trigger
    status: RunState
    reason: Reason | None
    attempt: int
    takeovers: int
    node: str | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    result: Any
    error: str | None
    request_id: str | None
    backfill_id: UUID | None
    supersedes: UUID | None


class RunInFull(Run):
    """One run with its traceback."""

    traceback: str | None
    context_data: JsonObject | None


class Runs(Answer):
    """A page of runs, newest first, missed and skipped ones included."""

    items: list[Run]
    next: str | None


class FieldProblem(Answer):
    """What is wrong with one part of the request."""

    pointer: str = Field(examples=["/schedule_config/cron_expression"])
    message: str
    place: str | None = Field(default=None, alias="in", description="query, path or header.")


class ProblemDetails(Answer):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:clockwright:problem:invalid"])
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] = []
    conflicts: list[JsonObject] = []


class RefusedPreview(ProblemDetails):
    """Why a rule cannot be previewed: a problem with the documented members beside."""

    ok: Literal[False]
    error: str = Field(examples=["Invalid cron expression"])


class ParameterInfo(Answer):
    """A name that a function takes from `context_data`."""

    name: str
    required: bool


class FunctionInfo(Answer):
    """A function that callers may schedule."""

    key: str = Field(examples=["samples.echo"])
    workflow_id: UUID
    description: str
    parameters: list[ParameterInfo]
    takes_more: bool = Field(description="Whether it takes names beside these.")


class Functions(Answer):
    """The functions that callers may schedule."""

    items: list[FunctionInfo]
    next: None = None


class LoadForecast(Answer):
    """How many fire times are to come, per slot."""

    start: str
    step_seconds: int
    counts: list[int]
    total: int
    peak: int
    peak_at: str | None


class Examined(Answer):
    """What the last examination of the schedules found; `findings` says how many have what, by code."""

    ok: bool
    examined_at: Instant
    findings: dict[str, int]


class Health(Answer):
    """How it stands (S4-94)."""

    status: Literal["healthy", "degraded", "unhealthy"]
    module: str
    version: str
    scheduler_running: bool
    active_schedules: int | None
    jobs: int | None
    nodes: int | None
    doctor: Examined | None
    database: Literal["connected", "unreachable"]
    timestamp: Instant
