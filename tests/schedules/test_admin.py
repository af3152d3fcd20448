"""Schedules, the ledger and the nodes in the admin: all to be seen, nothing to be falsified (S2-27, S2-28)."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clockwright.access.models import Community
from clockwright.engine.model import Policy, Reason, RunState, Schedule
from clockwright.recurrence import Interval
from clockwright.schedules import models
from clockwright.schedules.store import SqlStore
from clockwright.testing.contract.base import (
    SECOND,
    claimed,
    outcome,
    registered,
    retrying,
    settled,
)
from clockwright.testing.virtual import VirtualClock

pytestmark = pytest.mark.django_db
LISTS = ["schedule", "run", "node"]


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store(db, clock):
    for slug in ("default", "other"):
        Community.objects.get_or_create(slug=slug)
    return SqlStore(clock=clock)


@pytest.fixture
def schedule(store):
    return add(store, key="reports.daily")


@pytest.fixture
def ledger(store, clock, schedule):
    """A failed run with an earlier attempt, and one that waits."""
    registered(store, "node-1")
    clock.advance(timedelta(minutes=1))
    settled(store)
    (claim,) = claimed(store, "node-1")
    store.record_outcomes([retrying(claim, after=SECOND)])
    clock.advance(SECOND)
    (again,) = claimed(store, "node-1")
    store.record_outcomes([outcome(again, RunState.FAILED, Reason.ERROR, error="E: boom")])
    clock.advance(timedelta(minutes=1))
    settled(store)
    return list(models.Run.objects.latest_made())


def add(store, **fields):
    made = Schedule(
        schedule_id=uuid4(),
        workflow_id=uuid4(),
        recurrence=Interval(minutes=1),
        settled_until=store.now(),
        policy=Policy(grace=None),
        **fields,
    )
    return store.add_schedule(made)


def staff(client, *permissions):
    user = User.objects.create_user(f"u{uuid4().hex[:8]}", is_staff=True)
    names = [permission.partition(".")[2] for permission in permissions]
    user.user_permissions.set(
        Permission.objects.filter(
            codename__in=names, content_type__app_label="clockwright_schedules"
        )
    )
    client.force_login(user)
    return user


def listing(kind, **query):
    return reverse(f"admin:clockwright_schedules_{kind}_changelist", query=query or None)


def page(kind, row):
    return reverse(f"admin:clockwright_schedules_{kind}_change", args=[row.pk])


def row_of(schedule):
    return models.Schedule.objects.get(schedule_id=schedule.schedule_id)


def act(client, action, *schedules):
    chosen = {"action": action, "_selected_action": [row_of(s).pk for s in schedules]}
    response = client.post(listing("schedule"), chosen, follow=True)
    assert response.status_code == 200
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("kind", LISTS)
def test_each_list_shows_its_rows(admin_client, ledger, kind):
    answer = admin_client.get(listing(kind))
    assert answer.status_code == 200
    shown = {"schedule": "reports.daily", "run": "failed", "node": "node-1"}
    assert shown[kind] in answer.content.decode()


@pytest.mark.parametrize("kind", LISTS)
def test_a_stranger_sees_nothing(client, ledger, kind):
    assert client.get(listing(kind)).status_code == 302
    staff(client)
    assert client.get(listing(kind)).status_code == 403


@pytest.mark.parametrize("kind", LISTS)
def test_nothing_is_added_changed_or_deleted(admin_client, ledger, kind):
    """The ledger is read-only here, and schedules are changed by the commands alone."""
    model = {"schedule": models.Schedule, "run": models.Run, "node": models.Node}[kind]
    row = model.objects.first()
    before = list(model.objects.values())
    name = f"admin:clockwright_schedules_{kind}"
    assert admin_client.get(reverse(f"{name}_add")).status_code == 403
    assert (
        admin_client.post(reverse(f"{name}_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert admin_client.get(page(kind, row)).status_code == 200
    assert admin_client.post(page(kind, row), {"status": "succeeded"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    admin_client.post(listing(kind), chosen)
    assert list(model.objects.values()) == before


def test_a_run_shows_why_and_every_earlier_attempt(admin_client, ledger):
    failed = models.Run.objects.get(status="failed")
    text = admin_client.get(page("run", failed)).content.decode()
    for fact in ("E: boom", "no luck", "node-1", "retrying"):
        assert fact in text


@pytest.mark.parametrize(
    ("kind", "query", "count"),
    [
        ("run", {"status__exact": "failed"}, 1),
        ("run", {"status__exact": "queued"}, 1),
        ("run", {"reason__exact": "error"}, 1),
        ("run", {"trigger__exact": "manual"}, 0),
        ("schedule", {"status__exact": "active"}, 1),
        ("schedule", {"status__exact": "paused"}, 0),
        ("schedule", {"schedule_type__exact": "interval"}, 1),
        ("schedule", {"community__slug__exact": "other"}, 0),
        ("node", {"is_alive__exact": "1"}, 1),
    ],
)
def test_lists_are_filtered(admin_client, ledger, kind, query, count):
    found = admin_client.get(listing(kind, **query)).context["cl"]
    assert found.result_count == count


def test_schedules_are_searched_by_name_key_or_whole_id(admin_client, store, schedule):
    other = add(store, key="backup")

    def found(text):
        changes = admin_client.get(listing("schedule", q=text)).context["cl"]
        return {row.schedule_id for row in changes.result_list}

    assert found("daily") == {schedule.schedule_id}
    assert found(str(other.schedule_id)) == {other.schedule_id}
    assert found(str(schedule.workflow_id)) == {schedule.schedule_id}
    assert found("nothing like it") == set()


def test_runs_are_searched_by_whole_ids_only(admin_client, ledger, schedule):
    def found(text):
        return admin_client.get(listing("run", q=text)).context["cl"].result_count

    assert found(str(schedule.schedule_id)) == 2
    assert found(str(ledger[0].run_id)) == 1
    assert found("boom") == 0
    assert found("") == 2


def test_schedules_are_paused_resumed_and_triggered_through_the_commands(admin_client, store):
    first, second = add(store), add(store)
    assert act(admin_client, "pause", first, second) == ["2 schedules paused."]
    assert {row_of(s).status for s in (first, second)} == {"paused"}
    assert act(admin_client, "resume", first) == ["1 schedule resumed."]
    assert (row_of(first).status, row_of(second).status) == ("active", "paused")
    assert act(admin_client, "trigger", second) == ["1 schedule triggered."]
    run = models.Run.objects.get(trigger="manual")
    assert (run.schedule_id, run.status) == (second.schedule_id, "queued")


def test_an_action_belongs_to_the_community_of_its_schedule(admin_client, store):
    theirs = add(store, community="other")
    act(admin_client, "pause", theirs)
    assert row_of(theirs).status == "paused"


def test_a_refusal_is_shown_and_does_not_stop_the_others(admin_client, store, clock):
    removed = add(store, key="gone")
    good = add(store, key="good")
    models.Schedule.objects.filter(schedule_id=removed.schedule_id).update(
        status="removed", is_active=False, next_execution_at=None
    )
    shown = act(admin_client, "pause", removed, good)
    assert any("gone" in text and "not found" in text for text in shown)
    assert "1 schedule paused." in shown
    assert row_of(good).status == "paused"


def test_who_may_only_look_cannot_operate(client, schedule):
    staff(client, "clockwright_schedules.view_schedule")
    answer = client.get(listing("schedule"))
    assert answer.status_code == 200
    assert "Pause the selected" not in answer.content.decode()
    act(client, "pause", schedule)
    assert row_of(schedule).status == "active"


def test_who_may_change_schedules_may_operate_them(client, schedule):
    staff(client, "clockwright_schedules.view_schedule", "clockwright_schedules.change_schedule")
    act(client, "pause", schedule)
    assert row_of(schedule).status == "paused"


@pytest.mark.parametrize("kind", LISTS)
def test_a_list_costs_the_same_queries_however_long_it_is(admin_client, store, clock, kind):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(listing(kind)).status_code == 200
        return len(captured)

    def grow(count):
        for _ in range(count):
            registered(store, uuid4().hex)
            add(store)
        clock.advance(timedelta(minutes=1))
        settled(store)

    grow(1)
    queries()
    few = queries()
    grow(20)
    assert queries() == few
