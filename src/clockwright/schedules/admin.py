"""Schedules, the ledger and the nodes in Django's admin (S2-27, S2-28).

Everything is shown and nothing is typed here: a schedule is changed by the commands, which settle it first, and the
ledger is nobody's to change. Each list costs the same few queries however long the ledger is.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from clockwright.access.callers import Caller, Role
from clockwright.schedules.models import Node, Run, RunAttempt, Schedule

if TYPE_CHECKING:
    _ScheduleAdmin = admin.ModelAdmin[Schedule]
    _RunAdmin = admin.ModelAdmin[Run]
    _NodeAdmin = admin.ModelAdmin[Node]
    _AttemptInline = admin.TabularInline[RunAttempt, Run]
    _Paginator = Paginator[Run]
else:
    _ScheduleAdmin = _RunAdmin = _NodeAdmin = admin.ModelAdmin
    _AttemptInline = admin.TabularInline
    _Paginator = Paginator

_COUNTED = 10_000
"""The ledger is paged up to so many rows; a search finds the others."""


class _ReadOnly:
    """Nothing is added, changed or deleted; whoever may view may look."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _BoundedPaginator(_Paginator):
    """Counts no further than anybody turns pages."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk")[:_COUNTED])


@admin.register(Schedule)
class ScheduleAdmin(_ReadOnly, _ScheduleAdmin):
    """Schedules, with actions that go the way of every other caller."""

    list_display = [
        "__str__",
        "schedule_id",
        "community_id",
        "schedule_type",
        "status",
        "next_execution_at",
        "last_execution_at",
        "execution_count",
    ]
    list_filter = ["status", "schedule_type", "community"]
    search_fields = ["name", "key", "schedule_id", "workflow_id"]
    search_help_text = "A name, a key, or the whole id of a schedule or a workflow."
    ordering = ["-id"]
    actions = ["pause", "resume", "trigger"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Schedule], search_term: str
    ) -> tuple[QuerySet[Schedule], bool]:
        """An id is looked up as an id; anything else is looked for in names and keys."""
        wanted = _uuid_of(search_term)
        if wanted is None:
            return super().get_search_results(request, queryset, search_term)
        by_id = queryset.filter(schedule_id=wanted) | queryset.filter(workflow_id=wanted)
        return by_id, False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whoever has Django's permission to change schedules may operate them."""
        return request.user.has_perm("clockwright_schedules.change_schedule")

    @admin.action(description="Pause the selected schedules", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Their fire times are recorded as skipped from now on."""
        self._command("pause_schedule", "paused", request, queryset)

    @admin.action(description="Resume the selected schedules", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """Their fire times run again from now on."""
        self._command("resume_schedule", "resumed", request, queryset)

    @admin.action(description="Run the selected schedules now", permissions=["operate"])
    def trigger(self, request: HttpRequest, queryset: QuerySet[Schedule]) -> None:
        """One manual run each, beside their fire times."""
        self._command("trigger_schedule", "triggered", request, queryset)

    def _command(
        self, name: str, done: str, request: HttpRequest, queryset: QuerySet[Schedule]
    ) -> None:
        """Do it to each; one that refuses is named, and the others are done all the same."""
        # imported late: the commands are built on the models that this module registers
        command: Callable[..., object] = getattr(
            import_module("clockwright.schedules.commands"), name
        )
        refused = import_module("clockwright.schedules.errors").ScheduleServiceException
        count = 0
        for schedule in queryset:
            try:
                command(_caller(request, schedule), schedule.schedule_id)
            except refused as error:
                messages.error(request, f"{schedule}: {error}")
            else:
                count += 1
        if count:
            noun = "schedule" if count == 1 else "schedules"
            messages.success(request, f"{count} {noun} {done}.")


class AttemptInline(_ReadOnly, _AttemptInline):
    """The earlier tries at a run."""

    model = RunAttempt
    extra = 0
    ordering = ["attempt"]
    fields = ["attempt", "node", "status", "reason", "started_at", "finished_at", "error"]


@admin.register(Run)
class RunAdmin(_ReadOnly, _RunAdmin):
    """The ledger: what became of every fire time."""

    list_display = [
        "scheduled_for",
        "schedule_id",
        "status",
        "reason",
        "trigger",
        "attempt",
        "node",
        "started_at",
        "finished_at",
    ]
    list_filter = ["status", "reason", "trigger"]
    search_fields = ["run_id", "schedule_id", "workflow_id"]
    search_help_text = "The whole id of a run, a schedule or a workflow."
    ordering = ["-run_id"]
    inlines = [AttemptInline]
    show_full_result_count = False
    paginator = _BoundedPaginator
    list_per_page = 50

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        """Ids only: the ledger is too long to be searched for parts of words."""
        if not search_term:
            return queryset, False
        wanted = _uuid_of(search_term)
        if wanted is None:
            return queryset.none(), False
        fields = ("run_id", "schedule_id", "workflow_id")
        found = queryset.none()
        for field in fields:
            found |= queryset.filter(**{field: wanted})
        return found, False


@admin.register(Node)
class NodeAdmin(_ReadOnly, _NodeAdmin):
    """The engine processes, living and dead."""

    list_display = [
        "node_id",
        "host",
        "pid",
        "is_alive",
        "started_at",
        "heartbeat_at",
        "lease_until",
    ]
    list_filter = ["is_alive"]
    search_fields = ["node_id", "host"]
    ordering = ["-started_at"]


def _uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def _caller(request: HttpRequest, schedule: Schedule) -> Caller:
    return Caller(
        actor=f"admin:{request.user.get_username()}",
        community=schedule.community_id,
        role=Role.OPERATOR,
    )
