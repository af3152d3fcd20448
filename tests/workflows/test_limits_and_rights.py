"""What one execution may keep, what is written once, and who may have which functions called."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

import pytest

from clockwright.access.callers import Caller, Forbidden, Right, Role
from clockwright.access.grants import grantee, put_grant
from clockwright.engine.registry import Registry, function_of
from clockwright.schedules import commands, stores
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.errors import ScheduleConflictException
from clockwright.schedules.models import Node
from clockwright.testing import ManualEngine
from clockwright.workflows import InvalidWorkflowException, WorkflowConflictException, services
from clockwright.workflows.expressions import ExpressionError, evaluate, parse
from clockwright.workflows.journal import DatabaseJournal
from clockwright.workflows.reading import read_definition
from clockwright.workflows.records import Execution, Record
from clockwright.workflows.services import Change
from clockwright.workflows.states import ExecutionStatus, StepStatus
from tests.support.scheduling import OPERATOR, START
from tests.workflows.conftest import VIEWER, note, value

ADMIN = Caller(actor="ada", community="default", role=Role.ADMIN)
BIG = {"id": "big", "kind": "set", "values": {"x": value("context.text")}}


def each(step, **more):
    body = {"steps": [step]}
    return {"id": "each", "kind": "foreach", "items": "context.items", "do": body, **more}


@pytest.fixture
def charged(desk, functions):
    """`tests.once` starts at most once, and fails."""

    async def once():
        desk.calls.append("once")
        raise ConnectionError("maybe charged")

    functions.register(function_of(once, "tests.once", exposed=True, at_most_once=True))
    return {"id": "o", "kind": "function", "function": "tests.once"}


@pytest.mark.django_db
def test_what_starts_at_most_once_is_not_started_by_the_retry_of_a_step_around_it(desk, charged):
    retried = each(charged, retry={"max_retries": 2, "backoff_seconds": 0})
    run = desk.run(desk.publish(retried), items=[1])
    desk.advance(minutes=10)
    assert desk.row(run.run_id).status == "failed"
    assert desk.calls == ["once"]


@pytest.mark.django_db
def test_what_starts_at_most_once_and_failed_is_not_started_by_a_takeover(
    desk, charged, monkeypatch
):
    class Death(BaseException):
        """A node that is no more."""

    def die(*_args, **_facts):
        raise Death

    run_id = desk.start(desk.publish(charged))
    with monkeypatch.context() as patched:
        patched.setattr("clockwright.workflows.store.ExecutionStore.finish", die)
        with pytest.raises(Death):
            desk.engine.step()
    assert desk.steps(run_id) == {"o": "failed"}
    Node.objects.update(is_alive=False)
    stores.sql_store().take_over()
    with ManualEngine(stores.sql_store(), desk.workflows, desk.clock, node_id="second") as engine:
        engine.step()
    assert "tests.once had begun, and starts at most once" in desk.row(run_id).error
    assert desk.calls == ["once"]


class SlowStore:
    """Keeps records when it is let."""

    def __init__(self):
        self.asked, self.may_go_on, self.kept = threading.Event(), threading.Event(), []

    def keep(self, run_id, attempt, record):
        self.asked.set()
        assert self.may_go_on.wait(10)
        self.kept.append(record)


def test_what_is_being_written_when_its_step_is_cancelled_is_known_before_anything_else_begins():
    store = SlowStore()
    execution = Execution(
        run_id=uuid4(),
        workflow_id=uuid4(),
        community="default",
        version=1,
        definition={},
        status=ExecutionStatus.RUNNING,
        started_at=START,
        trigger_data={},
    )
    record = Record(
        path="a", kind="set", status=StepStatus.SUCCEEDED, started_at=START, finished_at=START
    )

    async def cancelled_twice():
        journal = DatabaseJournal(store, execution, 1)
        task = asyncio.create_task(journal.keep(record))
        await asyncio.to_thread(store.asked.wait, 10)
        for _ in range(2):
            task.cancel()
            await asyncio.wait({task}, timeout=0)
            assert not task.done()
        store.may_go_on.set()
        await asyncio.wait({task})
        assert task.cancelled()
        return journal.record_of("a")

    assert asyncio.run(cancelled_twice()) == record
    assert store.kept == [record]


@pytest.mark.django_db
def test_nobody_has_functions_called_through_a_workflow_that_they_may_not_call(desk):
    row = desk.publish(note("a"))
    put_grant(ADMIN, row.workflow_id, grantee("role:viewer"), ["edit", "execute"])
    more = {"steps": [note("a", "f"), {"id": "f", "kind": "function", "function": "tests.fail"}]}
    with pytest.raises(Forbidden):
        services.update_workflow(VIEWER, row.workflow_id, Change(definition=more))
    hidden = {"steps": [each(more["steps"][1])]}
    with pytest.raises(Forbidden):
        services.update_workflow(VIEWER, row.workflow_id, Change(definition=hidden))
    services.update_workflow(OPERATOR, row.workflow_id, Change(definition=more))
    with pytest.raises(Forbidden):
        services.publish_workflow(VIEWER, row.workflow_id)
    called_already = {"steps": [note("a", "b"), note("b")]}
    services.update_workflow(VIEWER, row.workflow_id, Change(definition=called_already))
    assert services.publish_workflow(VIEWER, row.workflow_id).version == 2
    editor = Caller(
        actor="edi", community="default", role=Role.OPERATOR, scopes=frozenset({Right.EDIT})
    )
    with pytest.raises(Forbidden):
        services.create_workflow(editor, "e", called_already)


@pytest.mark.django_db
def test_a_schedule_of_an_archived_workflow_is_neither_resumed_nor_triggered(desk):
    row = desk.publish(note("a"))
    config = {"schedule_type": "interval", "interval_seconds": 60}
    made = commands.add_schedule(OPERATOR, NewSchedule(workflow="w", config=config))
    services.archive_workflow(OPERATOR, row.workflow_id)
    for refused in (commands.resume_schedule, commands.trigger_schedule):
        with pytest.raises(ScheduleConflictException, match="is archived: publish it first"):
            refused(OPERATOR, made.schedule_id)
    services.publish_workflow(OPERATOR, row.workflow_id)
    assert commands.trigger_schedule(OPERATOR, made.schedule_id).status == "queued"


@pytest.mark.django_db
@pytest.mark.parametrize(("count", "status"), [(100, "completed"), (150, "failed")])
def test_what_all_steps_return_together_is_bounded(desk, count, status):
    body = {"steps": [BIG | {"next": "z"}, {"id": "z", "kind": "end", "output": 0}]}
    step = {"id": "each", "kind": "foreach", "items": "context.items", "do": body}
    row = desk.publish(step | {"max_items": 200})
    given = {"text": "x" * 60_000, "items": [0] * count}
    run = desk.run(row, **given)
    found = services.rehearse_workflow(OPERATOR, row.workflow_id, given)
    assert desk.execution(run.run_id).status == found.status == status
    if status == "failed":
        assert "the outputs of all steps are larger than about 8388608 bytes" in found.error
        assert "the outputs of all steps" in run.error


@pytest.mark.django_db
def test_the_arguments_that_a_dry_run_tells_are_bounded(desk):
    send = note("send", text=value("context.text"))
    row = services.create_workflow(OPERATOR, "w", {"steps": [each(send, max_items=200)]})
    given = {"text": "x" * 60_000, "items": [0] * 150}
    found = services.rehearse_workflow(OPERATOR, row.workflow_id, given)
    assert "the arguments of all calls are larger than about 8388608 bytes" in found.error


@pytest.mark.django_db
def test_text_that_no_database_takes_is_kept_as_why_an_execution_failed(desk, functions):
    async def lost():
        raise FileNotFoundError("no such file: caf\udce9\0.txt")

    functions.register(function_of(lost, "tests.lost", exposed=True))
    run = desk.run(desk.publish({"id": "l", "kind": "function", "function": "tests.lost"}))
    assert "no such file: caf\ufffd\ufffd" in desk.execution(run.run_id).error


@pytest.mark.django_db
def test_a_name_that_somebody_takes_at_the_same_time_is_a_conflict(desk, monkeypatch):
    from clockwright.workflows import selectors

    desk.publish(note("a"))
    other = services.create_workflow(OPERATOR, "v", {"steps": [note("a")]})
    find = selectors.find_by_name
    for take in (
        lambda: services.create_workflow(OPERATOR, "w", {"steps": [note("a")]}),
        lambda: services.update_workflow(OPERATOR, other.workflow_id, Change(name="w")),
    ):
        seen = []

        def late(community, name, seen=seen):
            seen.append(name)
            return find(community, name) if len(seen) > 1 else None

        monkeypatch.setattr(selectors, "find_by_name", late)
        with pytest.raises(WorkflowConflictException, match="'w' is taken"):
            take()
        assert len(seen) == 2


@pytest.mark.django_db
def test_a_request_id_that_no_column_holds_is_refused(desk):
    row = desk.publish(note("a"))
    for wrong in ("", "k" * 5_000):
        with pytest.raises(InvalidWorkflowException, match="request_id"):
            services.execute_workflow(OPERATOR, row.workflow_id, {}, wrong)


def test_numbers_and_instants_beyond_all_bounds_are_errors_of_their_expressions():
    huge = 10**400
    with pytest.raises(ExpressionError, match="too large"):
        evaluate(parse("sum(context.n)"), {"context": {"n": [huge, 1.5]}})
    for until in ("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"):
        wait = {"id": "w", "kind": "delay", "until": until}
        with pytest.raises(InvalidWorkflowException, match="in UTC"):
            read_definition({"steps": [wait]}, functions=Registry())


def test_so_many_flaws_are_told_and_no_more():
    wrong = [{"id": f"s{n}", "kind": "nah"} for n in range(300)]
    with pytest.raises(InvalidWorkflowException) as refused:
        read_definition({"steps": wrong}, functions=Registry())
    assert len(refused.value.errors) == 100
    many = [{"id": f"s{n}", "kind": "condition", "if": "1"} for n in range(501)]
    with pytest.raises(InvalidWorkflowException) as refused:
        read_definition({"steps": many}, functions=Registry())
    assert [one.message for one in refused.value.errors] == ["there are 501 steps; at most 500"]
