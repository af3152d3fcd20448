"""The named questions of the querysets."""

from datetime import timedelta
from uuid import uuid4

import pytest

from clockwright.access.models import Community
from clockwright.engine.model import Policy, Schedule, ScheduleStatus
from clockwright.engine.ports import Amendment, ManualRun
from clockwright.recurrence import Interval, Once
from clockwright.schedules import models
from clockwright.schedules.store import SqlStore
from clockwright.testing.contract.base import claimed, outcome, registered, retrying, settled
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(db, clock):
    for slug in ("default", "other"):
        Community.objects.get_or_create(slug=slug)
    return SqlStore(clock=clock)


def add(store, rule, **fields):
    made = Schedule(
        schedule_id=uuid4(),
        workflow_id=fields.pop("workflow_id", uuid4()),
        recurrence=rule,
        settled_until=store.now(),
        policy=Policy(max_instances=10),
        **fields,
    )
    return store.add_schedule(made).schedule_id


def ids(rows):
    return [row.schedule_id for row in rows]


def test_due_schedules_are_listed_longest_waiting_first(store, clock):
    late = add(store, Once(clock.now() + 2 * MINUTE))
    soon = add(store, Once(clock.now() + MINUTE))
    add(store, Once(clock.now() + 9 * MINUTE))
    paused = add(store, Once(clock.now() + MINUTE))
    store.amend_schedule(paused, Amendment(fields={"status": ScheduleStatus.PAUSED}))
    clock.advance(5 * MINUTE)
    rows = models.Schedule.objects
    assert ids(rows.due(clock.now())) == [soon, late]
    assert ids(rows.overdue(clock.now(), by=4 * MINUTE)) == [soon]
    assert not rows.overdue(clock.now(), by=5 * MINUTE)
    assert ids(rows.all().next_first())[-1] == paused


def test_schedules_are_found_by_community_workflow_and_status(store, clock):
    workflow = uuid4()
    ours = add(store, Interval(minutes=1), workflow_id=workflow)
    theirs = add(store, Interval(minutes=1), community="other")
    removed = add(store, Interval(minutes=1))
    store.amend_schedule(removed, Amendment(fields={"status": ScheduleStatus.REMOVED}))
    rows = models.Schedule.objects
    assert ids(rows.in_community("default").present()) == [ours]
    assert ids(rows.of_workflow(workflow)) == [ours]
    assert set(ids(rows.active())) == {ours, theirs}


def test_runs_are_found_by_what_can_still_happen_to_them(store, clock):
    schedule_id = add(store, Interval(minutes=1))
    store.trigger_run(schedule_id, ManualRun(request_id="r"))
    for _ in range(3):
        clock.advance(MINUTE)
        settled(store)
    done, again, _held = claimed(store, "n1", 3)
    store.record_outcomes([outcome(done), retrying(again)])
    runs = models.Run.objects.of_schedule(schedule_id)
    assert runs.count() == 4
    assert list(runs) == sorted(runs, key=lambda run: run.scheduled_for, reverse=True)
    assert runs.scheduled().count() == 3
    assert [run.run_id for run in runs.final()] == [done.run_id]
    assert runs.unfinished().count() == runs.active().count() == 3
    assert runs.claimable(clock.now()).count() == 1
    assert runs.claimable(clock.now() + MINUTE).count() == 2
    assert runs.held_by("n1").count() == 1
    assert [run.run_id for run in runs.latest_made()] == sorted(
        (r.run_id for r in runs), reverse=True
    )
    assert runs.in_community("other").count() == 0
    assert [a.attempt for a in models.Run.objects.get(run_id=again.run_id).attempts.all()] == [1]


def test_nodes_are_alive_until_their_lease_ends(store, clock):
    registered(store, "n1")
    clock.advance(MINUTE)
    registered(store, "n2")
    nodes = models.Node.objects
    assert [node.node_id for node in nodes.alive(clock.now())] == ["n2"]
    assert [node.node_id for node in nodes.all().newest_first()] == ["n2", "n1"]


def test_rows_say_what_they_are(store, clock):
    schedule_id = add(store, Interval(minutes=1), key="reports.daily")
    clock.advance(MINUTE)
    settled(store)
    registered(store, "n1")
    schedule, run = models.Schedule.objects.get(), models.Run.objects.get()
    assert str(schedule) == "reports.daily"
    assert str(models.Schedule(schedule_id=schedule_id)) == str(schedule_id)
    assert str(run).endswith("queued")
    assert run.schedule == schedule
    assert str(models.Node.objects.get()) == "n1"
    assert str(models.RunAttempt(attempt=2)) == "attempt 2"
