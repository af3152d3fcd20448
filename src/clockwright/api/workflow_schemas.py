"""Shapes of requests and answers about workflows. What a definition means is decided by `clockwright.workflows`."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from clockwright.api.schemas import Answer, Body, Instant, JsonObject, Name, PageQuery, Text
from clockwright.workflows.states import ExecutionStatus, StepStatus, WorkflowStatus

_AN_ID = "7b1c2f3e-52a5-4a6e-9c55-0d1f2a3b4c5d"
_DEFINITION: dict[str, Any] = {
    "steps": [
        {
            "id": "hello",
            "kind": "function",
            "function": "samples.echo",
            "arguments": {"greeting": {"$": "'hello ' + context.name"}},
        }
    ]
}
_Definition = Annotated[JsonObject, Field(examples=[_DEFINITION])]
_Description = Annotated[Text, Field(max_length=10_000)]
_Revision = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
WorkflowId = Annotated[UUID, Field(examples=[_AN_ID])]


WorkflowRunId = Annotated[UUID, Field(examples=["0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"])]


class CreateWorkflow(Body):
    """A new draft."""

    name: Annotated[Name, Field(min_length=1)]
    definition: _Definition
    description: _Description = ""


class ChangeWorkflow(Body):
    """What is worked on; what is left out stays. What is published runs as before until it is published again."""

    name: Annotated[Name, Field(min_length=1)] | None = None
    definition: JsonObject | None = None
    description: _Description | None = None
    revision: _Revision | None = Field(default=None, description="409 if it has another by now.")


class PublishWorkflow(Body):
    """Which revision is meant."""

    revision: _Revision | None = Field(default=None, description="409 if it has another by now.")


class ExecuteWorkflow(Body):
    """A run now. The same `request_id` makes one run, however often it is sent."""

    context_data: JsonObject | None = Field(default=None, description="`context` in expressions.")
    request_id: Annotated[Text, Field(min_length=1, max_length=200)] | None = None


class TestWorkflow(Body):
    """A dry run of what is worked on."""

    context_data: JsonObject | None = Field(default=None, description="`context` in expressions.")
    outputs: JsonObject = Field(
        default={},
        description="What functions are taken to return, by a step's id or path; null where nothing is said.",
    )


class WorkflowQuery(PageQuery):
    """Which workflows."""

    status: WorkflowStatus | None = Field(
        default=None, description="Without it all but archived ones."
    )


class Workflow(Answer):
    """A workflow. `revision` rises with each change of the draft, `version` with each that is published."""

    workflow_id: WorkflowId
    name: str
    description: str
    status: WorkflowStatus
    revision: int
    version: int | None = Field(description="The version that runs; null while none is published.")
    created_at: Instant
    updated_at: Instant
    created_by: str | None


class WorkflowInFull(Workflow):
    """The same with what is worked on."""

    definition: _Definition


class Workflows(Answer):
    """A page of workflows, newest first."""

    items: list[Workflow]
    next: str | None


class WorkflowVersion(Answer):
    """A definition as it was published; it never changes."""

    workflow_id: WorkflowId
    version: int
    published_at: Instant
    published_by: str | None
    definition: _Definition


class VersionQuery(PageQuery):
    """Which versions. Each comes with its definition, so that a page is a short one."""

    limit: int = Field(default=20, ge=1, le=20)


class WorkflowVersions(Answer):
    """A page of versions, the latest first; `next` is null on the last."""

    items: list[WorkflowVersion]
    next: str | None


class AcceptedExecution(Answer):
    """An execution that was asked for. `run_id` is its row in the ledger: the same id."""

    execution_id: WorkflowRunId
    run_id: WorkflowRunId
    workflow_id: WorkflowId
    version: int | None = Field(description="null for the run of a function.")
    status: ExecutionStatus
    created_at: Instant


class Execution(AcceptedExecution):
    """An execution as it stands."""

    started_at: Instant | None
    finished_at: Instant | None
    output: Any
    error: str | None


class Executions(Answer):
    """A page of executions, newest first."""

    items: list[Execution]
    next: str | None


class ExecutionStep(Answer):
    """What became of a step; `tries` are those that failed. One that has not ended, and does not wait, is not listed."""

    path: str = Field(examples=["each/3/send"])
    kind: str
    status: StepStatus
    tries: int
    output: Any
    next: str | None
    error: str | None
    wake_at: Instant | None
    started_at: Instant
    finished_at: Instant | None


class ExecutionMetrics(Answer):
    """Counts, and where the time went."""

    duration_seconds: float | None
    steps: int
    succeeded: int
    failed: int
    retries: int
    slowest_step: str | None
    slowest_seconds: float | None


class ExecutionInFull(Execution):
    """The same with what started it, its steps and its metrics."""

    trigger_data: JsonObject
    steps: list[ExecutionStep]
    metrics: ExecutionMetrics


class TracedStep(Answer):
    """A step of a dry run."""

    path: str
    kind: str
    status: StepStatus
    output: Any
    next: str | None
    error: str | None


class TracedCall(Answer):
    """A function that would be called."""

    path: str
    function: str
    arguments: JsonObject


class Trace(Answer):
    """What would happen."""

    status: ExecutionStatus
    output: Any
    error: str | None
    steps: list[TracedStep]
    calls: list[TracedCall]
    waits_seconds: float
