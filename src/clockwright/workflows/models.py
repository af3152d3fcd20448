"""Workflows, their published versions, and what their executions have done so far."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from clockwright.workflows.states import ExecutionStatus, StepStatus, WorkflowStatus


def _choices(kind: type[StrEnum]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in kind]


def _values(kind: type[StrEnum]) -> list[str]:
    return [member.value for member in kind]


class Workflow(models.Model):
    """A graph of steps under a name. `draft` is what is being worked on; what runs is the version `version`."""

    workflow_id = models.UUIDField(primary_key=True)
    community = models.ForeignKey(
        "clockwright_access.Community",
        on_delete=models.PROTECT,
        related_name="workflows",
        db_index=False,
    )
    name = models.CharField(max_length=255)
    description = models.TextField(default="", db_default="", blank=True)
    status = models.CharField(
        max_length=20, choices=_choices(WorkflowStatus), default=WorkflowStatus.DRAFT.value
    )
    draft = models.JSONField()
    revision = models.IntegerField(default=1, db_default=1)
    version = models.IntegerField(default=0, db_default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    created_by = models.CharField(max_length=255, default="", db_default="", blank=True)

    class Meta:
        db_table = "workflows"
        ordering: ClassVar = ["-created_at", "-workflow_id"]
        indexes: ClassVar = [
            models.Index(
                fields=["community", "-created_at", "-workflow_id"], name="workflows_newest_first"
            )
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["community", "name"], name="workflow_name_unique_in_community"
            ),
            models.CheckConstraint(
                name="workflow_status_known", condition=Q(status__in=_values(WorkflowStatus))
            ),
            models.CheckConstraint(
                name="workflow_published_means_version",
                condition=~Q(status="published") | Q(version__gte=1),
            ),
            models.CheckConstraint(
                name="workflow_numbers_in_range", condition=Q(version__gte=0, revision__gte=1)
            ),
        ]

    def __str__(self) -> str:
        """Its name."""
        return self.name


class WorkflowVersion(models.Model):
    """A definition as it was published. A rule of the database keeps it from being changed."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.ForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="versions", db_index=False
    )
    number = models.IntegerField()
    definition = models.JSONField()
    published_at = models.DateTimeField()
    published_by = models.CharField(max_length=255, default="", db_default="", blank=True)

    class Meta:
        db_table = "workflow_versions"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workflow", "number"], name="workflow_version_once"),
            models.CheckConstraint(name="workflow_version_from_1", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        """Which it is."""
        return f"version {self.number}"


class WorkflowExecution(models.Model):
    """One execution, under the id of its run: the version it keeps, what it was started with, how it ended.

    It has no constraint to the ledger, whose rows are pruned by themselves. `request_id` is unique in its workflow.
    """

    run_id = models.UUIDField(primary_key=True)
    workflow = models.ForeignKey(
        Workflow, on_delete=models.PROTECT, related_name="executions", db_index=False
    )
    version = models.ForeignKey(
        WorkflowVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    community = models.ForeignKey(
        "clockwright_access.Community", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    status = models.CharField(max_length=20, choices=_choices(ExecutionStatus))
    trigger_data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=255, null=True, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    error = models.TextField(null=True, blank=True)

    class Meta:
        db_table = "workflow_executions"
        indexes: ClassVar = [
            models.Index(fields=["workflow", "-run_id"], name="executions_newest_first"),
            models.Index(
                fields=["run_id"],
                name="executions_unfinished",
                condition=Q(status__in=["pending", "running"]),
            ),
            models.Index(fields=["finished_at"], name="executions_by_end"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workflow", "request_id"],
                condition=Q(request_id__isnull=False),
                name="execution_once_per_request",
            ),
            models.CheckConstraint(
                name="execution_status_has_its_facts",
                condition=Q(status="pending", started_at__isnull=True, finished_at__isnull=True)
                | Q(status="running", started_at__isnull=False, finished_at__isnull=True)
                | Q(
                    status__in=["completed", "failed", "timeout", "cancelled"],
                    finished_at__isnull=False,
                ),
            ),
        ]

    def __str__(self) -> str:
        """Its id."""
        return str(self.run_id)


class WorkflowStep(models.Model):
    """What became of a step. `path` tells it from the same step in other branches and iterations: `each/3/send`.

    A waiting step has `wake_at`: a delay, or the pause before another try, in which case there is an `error`.
    """

    id = models.BigAutoField(primary_key=True)
    execution = models.ForeignKey(
        WorkflowExecution, on_delete=models.CASCADE, related_name="steps", db_index=False
    )
    path = models.CharField(max_length=1200)
    kind = models.CharField(max_length=50)
    status = models.CharField(max_length=20, choices=_choices(StepStatus))
    tries = models.IntegerField(default=0, db_default=0)
    output = models.JSONField(null=True, blank=True)
    next = models.CharField(max_length=50, null=True, blank=True)
    error = models.TextField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "workflow_steps"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["execution", "path"], name="workflow_step_once"),
            models.CheckConstraint(
                name="workflow_step_has_its_facts",
                condition=Q(status="running", finished_at__isnull=True, wake_at__isnull=True)
                | Q(status="waiting", finished_at__isnull=True, wake_at__isnull=False)
                | Q(
                    status__in=["succeeded", "failed"],
                    finished_at__gte=F("started_at"),
                    wake_at__isnull=True,
                ),
            ),
        ]

    def __str__(self) -> str:
        """Where it is."""
        return self.path
