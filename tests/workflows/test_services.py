"""Keeping workflows: drafts, versions, archiving, starting, dry runs, and what the trail says of it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from clockwright.access.callers import Caller, Forbidden, Role
from clockwright.audit.models import AuditEntry
from clockwright.schedules import commands
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.models import Run, Schedule
from clockwright.workflows import (
    InvalidWorkflowException,
    UnknownExecutionException,
    UnknownWorkflowException,
    WorkflowConflictException,
    services,
)
from clockwright.workflows.models import WorkflowExecution, WorkflowStep, WorkflowVersion
from clockwright.workflows.services import Change
from tests.support.scheduling import OPERATOR
from tests.workflows.conftest import STRANGER, VIEWER, note, value

pytestmark = pytest.mark.django_db


def definition(*steps):
    return {"steps": list(steps)}


def schedule(workflow, **more):
    config = {"schedule_type": "interval", "interval_seconds": 60}
    new = NewSchedule(workflow=workflow, config=config, context_data={"n": 1}, **more)
    return commands.add_schedule(OPERATOR, new)


def test_a_draft_becomes_a_version_and_what_is_worked_on_then_is_another(desk):
    row = services.create_workflow(OPERATOR, " greet ", definition(note("a")), "says hello")
    assert (row.name, row.status, row.version, row.revision) == ("greet", "draft", 0, 1)
    row = services.publish_workflow(OPERATOR, row.workflow_id)
    assert (row.status, row.version) == ("published", 1)
    row = services.update_workflow(
        OPERATOR, row.workflow_id, Change(definition=definition(note("b")))
    )
    assert (row.status, row.version, row.revision) == ("published", 1, 2)
    assert services.get_version(OPERATOR, row.workflow_id, 1).definition == definition(note("a"))
    row = services.publish_workflow(OPERATOR, row.workflow_id)
    assert row.version == 2
    assert [v.number for v in services.list_versions(OPERATOR, row.workflow_id)] == [2, 1]


def test_publishing_what_is_published_changes_nothing(desk):
    row = desk.publish(note("a"))
    assert services.publish_workflow(OPERATOR, row.workflow_id).version == 1
    assert services.update_workflow(OPERATOR, row.workflow_id, Change(name="w")).revision == 1


def test_a_published_version_cannot_be_changed_whoever_tries(desk):
    desk.publish(note("a"))
    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        WorkflowVersion.objects.update(definition={})


def test_a_run_keeps_the_version_it_started_with(desk):
    wait = {"id": "wait", "kind": "delay", "seconds": 600, "next": "z"}
    row = desk.publish(wait, {"id": "z", "kind": "end", "output": "old"})
    run = desk.run(row)
    queued = desk.start(row)
    new = Change(definition=definition({"id": "z", "kind": "end", "output": "new"}))
    services.update_workflow(OPERATOR, row.workflow_id, new)
    services.publish_workflow(OPERATOR, row.workflow_id)
    desk.advance(minutes=30)
    assert [desk.row(run_id).result for run_id in (run.run_id, queued)] == ["old", "old"]
    assert desk.run(row).result == "new"
    assert services.get_execution(OPERATOR, run.run_id).version == 1


def test_what_somebody_else_changed_first_is_not_overwritten(desk):
    row = services.create_workflow(OPERATOR, "w", definition(note("a")))
    services.update_workflow(OPERATOR, row.workflow_id, Change(description="x", revision=1))
    with pytest.raises(WorkflowConflictException, match="is at revision 2; read it again"):
        services.update_workflow(OPERATOR, row.workflow_id, Change(description="y", revision=1))
    with pytest.raises(WorkflowConflictException, match="revision 2"):
        services.publish_workflow(OPERATOR, row.workflow_id, revision=1)


def test_a_name_is_unique_in_its_community(desk):
    services.create_workflow(OPERATOR, "w", definition(note("a")))
    with pytest.raises(WorkflowConflictException, match="'w' is taken"):
        services.create_workflow(OPERATOR, "w", definition(note("a")))
    services.create_workflow(STRANGER, "w", definition(note("a")))
    other = services.create_workflow(OPERATOR, "v", definition(note("a")))
    with pytest.raises(WorkflowConflictException, match="'w' is taken"):
        services.update_workflow(OPERATOR, other.workflow_id, Change(name="w"))


def test_flaws_are_told_when_it_is_saved_with_pointers_into_the_request(desk):
    with pytest.raises(InvalidWorkflowException) as refused:
        services.create_workflow(OPERATOR, "w", definition({"id": "a", "kind": "nah"}))
    assert [flaw.pointer for flaw in refused.value.errors] == ["/definition/steps/0/kind"]
    assert refused.value.status_code == 400
    for name in ("", " ", "x" * 256, "a\nb"):
        with pytest.raises(InvalidWorkflowException, match="/name"):
            services.create_workflow(OPERATOR, name, definition(note("a")))


def test_what_became_wrong_since_it_was_saved_is_not_published(desk, functions):
    row = services.create_workflow(OPERATOR, "w", definition(note("a")))
    del functions._by_key["tests.note"]
    with pytest.raises(InvalidWorkflowException, match=r"tests\.note' is not known here"):
        services.publish_workflow(OPERATOR, row.workflow_id)


def test_only_what_is_published_runs(desk):
    """C-20."""
    row = services.create_workflow(OPERATOR, "w", definition(note("a")))
    with pytest.raises(WorkflowConflictException, match="'w' is draft: publish it first"):
        services.execute_workflow(OPERATOR, row.workflow_id)
    with pytest.raises(InvalidScheduleException, match="is draft: publish it first"):
        schedule(row.workflow_id)


def test_a_schedule_starts_a_workflow_by_id_or_by_name(desk):
    """S4-38, S4-40, C-17: one id from the ledger to the function."""
    seen = {name: value(f"trigger.{name}") for name in ("execution_id", "schedule_id")}
    row = desk.publish(note("a", **seen, n=value("context.n")), name="nightly")
    by_id, by_name = schedule(row.workflow_id), schedule("nightly")
    desk.advance(seconds=61)
    runs = Run.objects.filter(schedule__isnull=False)
    assert {run.schedule_id for run in runs} == {by_id.schedule_id, by_name.schedule_id}
    for run in runs:
        assert run.status == "succeeded"
        assert run.result == {
            "execution_id": str(run.run_id),
            "schedule_id": str(run.schedule_id),
            "n": 1,
        }
        assert desk.execution(run.run_id).status == "completed"
    latest = Schedule.objects.get(pk=by_id.pk).last_execution_id
    assert WorkflowExecution.objects.filter(run_id=latest).exists()


def test_a_workflow_of_another_community_cannot_be_scheduled(desk):
    row = services.create_workflow(STRANGER, "theirs", definition(note("a")))
    services.publish_workflow(STRANGER, row.workflow_id)
    for reference in (row.workflow_id, "theirs"):
        with pytest.raises(InvalidScheduleException, match="unknown workflow"):
            schedule(reference)


def test_archiving_pauses_its_schedules_with_the_reason_and_publishing_resumes_those_alone(desk):
    """C-20."""
    row = desk.publish(note("a"))
    active, paused = schedule(row.workflow_id), schedule(row.workflow_id)
    commands.pause_schedule(OPERATOR, paused.schedule_id, "holidays")
    services.archive_workflow(OPERATOR, row.workflow_id)
    found = {s.pk: (s.status, s.status_reason) for s in Schedule.objects.all()}
    assert found == {active.pk: ("paused", "workflow archived"), paused.pk: ("paused", "holidays")}
    desk.advance(minutes=5)
    assert desk.calls == []
    services.publish_workflow(OPERATOR, row.workflow_id)
    found = {s.pk: (s.status, s.status_reason) for s in Schedule.objects.all()}
    assert found == {active.pk: ("active", None), paused.pk: ("paused", "holidays")}
    assert services.get_workflow(OPERATOR, row.workflow_id).version == 1


def test_whoever_may_only_delete_archives_with_the_schedules(desk):
    """What follows from an archiving needs no right of its own."""
    row = desk.publish(note("a"))
    made = schedule(row.workflow_id)
    deleter = Caller(
        actor="dora", community="default", role=Role.OPERATOR, scopes=frozenset({"delete"})
    )
    services.archive_workflow(deleter, row.workflow_id)
    assert Schedule.objects.get(pk=made.pk).status == "paused"


def test_nothing_of_an_archived_workflow_starts_and_what_runs_goes_on(desk):
    row = desk.publish({"id": "wait", "kind": "delay", "seconds": 600, "next": "z"}, note("z"))
    running = desk.run(row)
    queued = desk.start(row)
    services.archive_workflow(OPERATOR, row.workflow_id)
    services.archive_workflow(OPERATOR, row.workflow_id)
    with pytest.raises(WorkflowConflictException, match="is archived: publish it first"):
        services.execute_workflow(OPERATOR, row.workflow_id)
    desk.advance(minutes=11)
    assert desk.row(running.run_id).status == "succeeded"
    refused = desk.row(queued)
    assert refused.status == "failed"
    assert "'w' is archived: publish it first" in refused.error


def test_a_request_makes_one_run_however_often_it_is_sent(desk):
    row = desk.publish(note("a"))
    first = services.execute_workflow(OPERATOR, row.workflow_id, {"x": 1}, "once")
    again = services.execute_workflow(OPERATOR, row.workflow_id, {"x": 1}, "once")
    assert first.run_id == again.run_id
    assert Run.objects.count() == 1


@pytest.mark.parametrize("context", [[1], "x", {"a": float("nan")}, {"a": "x" * 70_000}])
def test_a_context_that_is_no_json_object_or_too_large_is_refused(desk, context):
    row = desk.publish(note("a"))
    with pytest.raises(InvalidWorkflowException) as refused:
        services.execute_workflow(OPERATOR, row.workflow_id, context)
    assert refused.value.errors[0].pointer.startswith("/context_data")


def test_a_dry_run_tells_what_would_happen_and_nothing_does(desk):
    body = {"steps": [note("send", to=value("item"))]}
    row = services.create_workflow(
        OPERATOR,
        "w",
        definition(
            note("load", day=value("context.day")) | {"next": "wait"},
            {"id": "wait", "kind": "delay", "seconds": 7_200, "next": "each"},
            {"id": "each", "kind": "foreach", "items": "steps.load.rows", "do": body, "next": "z"},
            {"id": "z", "kind": "end", "output": value("len(steps.each)")},
        ),
    )
    before = AuditEntry.objects.count()
    found = services.rehearse_workflow(
        OPERATOR,
        row.workflow_id,
        {"day": "mon"},
        {"load": {"rows": ["a", "b"]}, "each/1/send": "sent"},
    )
    assert (found.status, found.output, found.waited.total_seconds()) == ("completed", 2, 7_200)
    assert [call.arguments for call in found.calls] == [{"day": "mon"}, {"to": "a"}, {"to": "b"}]
    paths = [step.path for step in found.steps]
    assert paths == ["load", "wait", "each/0/send", "each/1/send", "each", "z"]
    assert found.steps[4].output == [None, "sent"]
    assert desk.calls == []
    assert not WorkflowExecution.objects.exists()
    assert not WorkflowStep.objects.exists()
    assert not Run.objects.exists()
    assert AuditEntry.objects.count() == before


def test_a_dry_run_tells_why_it_would_fail(desk):
    row = services.create_workflow(OPERATOR, "w", definition(note("a", n=value("1 + context.x"))))
    found = services.rehearse_workflow(OPERATOR, row.workflow_id, {"x": "y"})
    assert (found.status, found.calls) == ("failed", ())
    assert found.error == "a: ExpressionError: a number + a text cannot be calculated"


def test_a_dry_run_that_takes_too_long_is_given_up(desk, monkeypatch):
    monkeypatch.setattr("clockwright.workflows.rehearsal.MOST_SECONDS", 0.0)
    row = services.create_workflow(OPERATOR, "w", definition(note("a", "b"), note("b")))
    found = services.rehearse_workflow(OPERATOR, row.workflow_id)
    assert (found.status, found.error) == ("failed", "the rehearsal took longer than 0 s")


def test_what_is_done_is_in_the_trail(desk):
    row = desk.publish(note("a"))
    services.update_workflow(OPERATOR, row.workflow_id, Change(description="x"))
    services.execute_workflow(OPERATOR, row.workflow_id)
    services.archive_workflow(OPERATOR, row.workflow_id)
    entries = AuditEntry.objects.filter(workflow_id=row.workflow_id).order_by("id")
    assert [entry.action for entry in entries] == [
        "workflow_create",
        "workflow_publish",
        "workflow_update",
        "workflow_execute",
        "workflow_archive",
    ]
    assert {entry.actor for entry in entries} == {"olga"}


def test_a_stranger_finds_nothing_and_a_viewer_changes_nothing(desk):
    """B3.5."""
    row = desk.publish(note("a"))
    run_id = desk.start(row)
    doings = [
        lambda who: services.update_workflow(who, row.workflow_id, Change(name="x")),
        lambda who: services.publish_workflow(who, row.workflow_id),
        lambda who: services.archive_workflow(who, row.workflow_id),
        lambda who: services.execute_workflow(who, row.workflow_id),
        lambda who: services.rehearse_workflow(who, row.workflow_id),
        lambda who: services.cancel_execution(who, run_id),
    ]
    for do in doings:
        with pytest.raises((UnknownWorkflowException, UnknownExecutionException)):
            do(STRANGER)
        with pytest.raises(Forbidden):
            do(VIEWER)
    with pytest.raises(Forbidden):
        services.create_workflow(VIEWER, "x", definition(note("a")))
    assert services.get_workflow(VIEWER, row.workflow_id).status == "published"
    assert services.list_workflows(STRANGER) == []
    with pytest.raises(UnknownWorkflowException, match="Workflow not found"):
        services.get_workflow(VIEWER, uuid4())


def test_the_tables_hold_what_the_words_mean(desk):
    row = desk.publish(note("a"))
    run_id = desk.start(row)
    wrong = [
        "UPDATE workflows SET status = 'odd'",
        "UPDATE workflows SET version = 0",
        "UPDATE workflow_executions SET status = 'running'",
        f"INSERT INTO workflow_steps (run_id) VALUES ('{run_id}')",
    ]
    for statement in wrong:
        with pytest.raises(Exception, match=r"(?i)constraint|column"), transaction.atomic():
            connection.cursor().execute(statement)
