"""Changing schedules: rights, communities, one transaction, and what is written down about it."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection

from clockwright.access.callers import Forbidden
from clockwright.audit.models import AuditEntry
from clockwright.engine.registry import workflow_id_of
from clockwright.recurrence import Interval
from clockwright.schedules import commands
from clockwright.schedules.commands import Change, NewSchedule
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
)
from clockwright.schedules.models import Run, Schedule
from tests.support.scheduling import (
    OPERATOR,
    STRANGER,
    VIEWER,
    again,
    at,
    ledger,
    living,
    statuses,
)

STEERING = [
    commands.pause_schedule,
    commands.resume_schedule,
    commands.remove_schedule,
    commands.trigger_schedule,
    lambda caller, schedule_id: commands.update_schedule(caller, schedule_id, Change(name="x")),
    lambda caller, schedule_id: commands.replace_schedule(caller, schedule_id, Change(name="x")),
]


def trail(action):
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


def test_adding_returns_the_row_with_its_next_fire_time(life):
    """S4-58"""
    row = life.cron("0 12 * * *", timezone="Europe/Berlin", key="lunch", context={"a": 1})
    assert row.next_execution_at == at("2026-03-02T11:00:00+00:00")
    assert (row.schedule_type, row.cron_expression, row.timezone) == (
        "cron",
        "0 12 * * *",
        "Europe/Berlin",
    )
    assert (row.key, row.context_data, row.created_by) == ("lunch", {"a": 1}, "olga")
    assert row.workflow_id == workflow_id_of("note")


def test_a_workflow_may_be_named_by_its_id(life):
    row = life.every(60, workflow=workflow_id_of("note"))
    assert row.workflow_id == workflow_id_of("note")


@pytest.mark.parametrize("workflow", [uuid4(), "nobody.knows"])
def test_an_unknown_workflow_is_refused_by_name(life, workflow):
    with pytest.raises(InvalidScheduleException, match=str(workflow)) as refused:
        life.every(60, workflow=workflow)
    assert refused.value.errors[0].pointer in {"/workflow", "/workflow_id"}
    assert not Schedule.objects.exists()


def test_callers_from_outside_schedule_only_what_code_exposes(life):
    from clockwright.schedules.catalog import FunctionCatalog

    outside = FunctionCatalog(only_exposed=True, registry=life.registry)
    life.register("open", lambda: None, exposed=True)
    config = {"schedule_type": "interval", "interval_seconds": 60}
    assert commands.add_schedule(
        OPERATOR, NewSchedule(workflow="open", config=config), catalog=outside
    )
    with pytest.raises(InvalidScheduleException, match="exposed"):
        commands.add_schedule(
            OPERATOR, NewSchedule(workflow="note", config=config), catalog=outside
        )


def test_a_payload_that_does_not_fit_the_function_is_refused(life):
    def greet(name):
        return name

    life.register("greet", greet)
    with pytest.raises(InvalidScheduleException, match="missing a required argument") as refused:
        life.every(60, workflow="greet")
    assert refused.value.errors[0].pointer == "/context_data"
    assert life.every(60, workflow="greet", context={"name": "Ada"})


@pytest.mark.parametrize("key", ["", "x" * 256, "a\x00b", 5])
def test_a_key_is_text_of_bearable_length(life, key):
    with pytest.raises(InvalidScheduleException) as refused:
        life.every(60, key=key)
    assert refused.value.errors[0].pointer == "/key"


def test_a_key_names_one_schedule_of_a_community(life):
    """R20"""
    life.every(60, key="nightly")
    with pytest.raises(ScheduleConflictException, match="nightly"):
        life.every(60, key="nightly")
    assert life.every(60, caller=STRANGER, key="nightly").community_id == "elsewhere"


def test_the_key_of_a_removed_schedule_is_free_again(life):
    first = life.every(60, key="nightly")
    commands.remove_schedule(OPERATOR, first.schedule_id)
    assert life.every(60, key="nightly").pk != first.pk


def test_a_rule_without_a_fire_time_to_come_is_refused(life):
    with pytest.raises(InvalidScheduleException, match="no fire time is left"):
        life.cron("* * * * *", end_at="2026-01-01T00:00:00Z")
    rule = {"type": "cron_fields", "year": 2020}
    with pytest.raises(InvalidScheduleException, match="no fire time is left"):
        life.add(schedule_type="rule", recurrence=rule)
    assert not AuditEntry.objects.exists()


def test_an_unknown_community_is_refused(life):
    nowhere = commands.Caller(actor="a", community="nowhere", role=OPERATOR.role)
    with pytest.raises(InvalidScheduleException, match="no community 'nowhere'"):
        life.every(60, caller=nowhere)


def test_a_viewer_changes_nothing(life):
    row = life.every(60)
    with pytest.raises(Forbidden):
        life.every(60, caller=VIEWER)
    for command in STEERING:
        with pytest.raises(Forbidden):
            command(VIEWER, row.schedule_id)
    assert again(row).version == row.version


def test_another_communitys_schedule_is_not_found(life):
    """B3.5: not even by an admin of another community."""
    row = life.every(60)
    for command in STEERING:
        with pytest.raises(
            ScheduleNotFoundException, match=f"Schedule not found: {row.schedule_id}"
        ):
            command(STRANGER, row.schedule_id)


def test_an_update_changes_what_it_names_alone(life):
    """C-09: the zone and the limit stay, from any process, without a cache."""
    row = life.cron("0 12 * * *", timezone="Europe/Berlin", max_executions=5, context={"a": 1})
    row = life.update(row, cron_expression="0 13 * * *")
    assert (row.timezone, row.max_executions, row.context_data) == ("Europe/Berlin", 5, {"a": 1})
    assert row.next_execution_at == at("2026-03-02T12:00:00+00:00")
    row = life.update(row, max_executions=9)
    assert (row.cron_expression, row.max_executions) == ("0 13 * * *", 9)
    row = life.update(row, context={"b": 2})
    assert (row.context_data, row.max_executions) == ({"b": 2}, 9)


def test_an_update_settles_the_old_rule_first(life):
    """An edit neither repeats nor invents a fire time."""
    row = life.every(60)
    life.sleep(seconds=150)
    row = life.update(row, interval_seconds=600)
    life.advance(minutes=10)
    assert [moment for moment, _ in ledger(row)] == [
        at("2026-03-02T09:01:00+00:00"),
        at("2026-03-02T09:02:00+00:00"),
        at("2026-03-02T09:12:30+00:00"),
    ]


def test_an_update_that_changes_nothing_writes_nothing(life):
    row = life.every(60)
    assert life.update(row, interval_seconds=60).version == 1
    assert trail("schedule_update") == []


def test_an_update_of_an_outdated_version_is_refused(life):
    row = life.every(60)
    life.update(row, max_retries=1)
    change = Change(config={"max_retries": 2}, version=row.version)
    with pytest.raises(ScheduleConflictException, match="version 2"):
        commands.update_schedule(OPERATOR, row.schedule_id, change)


def test_a_replacement_leaves_nothing_of_the_old_configuration(life):
    """R29: PUT; what is beside the configuration stays."""
    row = life.cron("0 12 * * *", timezone="Europe/Berlin", max_executions=5, context={"a": 1})
    change = Change(config={"schedule_type": "cron", "cron_expression": "0 13 * * *"})
    row = commands.replace_schedule(OPERATOR, row.schedule_id, change, catalog=life.catalog)
    assert (row.timezone, row.max_executions, row.context_data) == ("UTC", None, {"a": 1})


def test_replacing_an_interval_by_itself_does_not_put_it_off(life):
    row = life.every(600)
    life.sleep(minutes=5)
    change = Change(config={"schedule_type": "interval", "interval_seconds": 600})
    replaced = commands.replace_schedule(OPERATOR, row.schedule_id, change, catalog=life.catalog)
    assert replaced.next_execution_at == row.next_execution_at


def test_a_completed_schedule_with_a_new_time_is_active_again(life):
    """C-09: inactive ones can be re-activated."""
    row = life.once("2026-03-02T10:00:00Z")
    life.advance(hours=2)
    assert again(row).status == "completed"
    row = life.update(row, scheduled_time="2026-03-02T15:00:00Z")
    assert (row.status, row.is_active) == ("active", True)
    life.advance(hours=6)
    assert statuses(row) == ["succeeded", "succeeded"]


def test_a_completed_schedule_with_a_higher_limit_is_active_again(life):
    row = life.every(60, max_executions=1)
    life.advance(minutes=5)
    assert again(row).status == "completed"
    assert life.update(row, max_executions=2).status == "active"
    life.advance(minutes=5)
    assert statuses(row) == ["succeeded"] * 2


def test_a_past_one_time_may_have_its_policies_changed(life):
    row = life.once("2026-03-02T10:00:00Z")
    life.advance(hours=2)
    assert life.update(row, max_retries=1).policy["max_retries"] == 1


def test_a_new_time_holds_although_the_old_one_is_due_right_now(life):
    row = life.once("2026-03-02T10:00:00Z")
    life.sleep(hours=1)
    row = life.update(row, scheduled_time="2026-03-02T11:00:00Z")
    assert row.status == "active"
    life.advance(hours=2)
    assert statuses(row) == ["succeeded", "succeeded"]


def test_times_that_pass_while_paused_are_recorded_as_skipped(life):
    row = life.every(60)
    paused = commands.pause_schedule(OPERATOR, row.schedule_id, "holidays")
    assert (paused.status, paused.is_active, paused.status_reason) == ("paused", False, "holidays")
    assert paused.next_execution_at is None
    life.advance(minutes=3)
    resumed = commands.resume_schedule(OPERATOR, row.schedule_id)
    assert (resumed.status, resumed.status_reason) == ("active", None)
    life.advance(minutes=1)
    assert statuses(row) == ["skipped", "skipped", "skipped", "succeeded"]


def test_pausing_or_resuming_twice_changes_nothing(life):
    row = life.every(60)
    assert commands.resume_schedule(OPERATOR, row.schedule_id).version == 1
    commands.pause_schedule(OPERATOR, row.schedule_id)
    assert commands.pause_schedule(OPERATOR, row.schedule_id, "again").status_reason is None


def test_a_completed_schedule_cannot_be_paused(life):
    row = life.once("2026-03-02T10:00:00Z")
    life.advance(hours=2)
    with pytest.raises(ScheduleConflictException, match="completed"):
        commands.pause_schedule(OPERATOR, row.schedule_id)


def test_removing_deactivates_and_a_second_time_finds_nothing(life):
    """S4-11, C-19"""
    row = life.every(60)
    life.sleep(seconds=60)
    life.engine.settle()
    removed = commands.remove_schedule(OPERATOR, row.schedule_id)
    assert (removed.status, removed.is_active) == ("removed", False)
    assert statuses(row) == ["cancelled"]
    with pytest.raises(ScheduleNotFoundException):
        commands.remove_schedule(OPERATOR, row.schedule_id)
    assert Schedule.objects.filter(pk=row.pk).exists()


def test_a_trigger_runs_it_now_and_its_request_makes_one_run(life):
    row = life.every(3600, context={"a": 1})
    first = commands.trigger_schedule(OPERATOR, row.schedule_id, "r1")
    same = commands.trigger_schedule(OPERATOR, row.schedule_id, "r1")
    assert first.run_id == same.run_id
    life.advance(seconds=0)
    assert Run.objects.get(pk=first.pk).result == {"a": 1}
    assert again(row).execution_count == 0
    assert len(trail("schedule_trigger")) == 1


def test_a_trigger_may_bring_its_own_context(life):
    row = life.every(3600, context={"a": 1})
    commands.pause_schedule(OPERATOR, row.schedule_id)
    commands.trigger_schedule(
        OPERATOR, row.schedule_id, context_data={"b": 2}, catalog=life.catalog
    )
    life.advance(seconds=0)
    assert life.calls == [{"b": 2}]


@pytest.mark.parametrize("request_id", ["", "x" * 201, "a\x00b", 5])
def test_a_request_id_is_text_of_bearable_length(life, request_id):
    row = life.every(3600)
    with pytest.raises(InvalidScheduleException, match="request_id"):
        commands.trigger_schedule(OPERATOR, row.schedule_id, request_id)


def test_a_run_that_waits_can_be_cancelled(life):
    row = life.every(3600)
    run = commands.trigger_schedule(OPERATOR, row.schedule_id)
    assert commands.cancel_run(OPERATOR, run.run_id).status == "cancelled"
    with pytest.raises(LookupError):
        commands.cancel_run(STRANGER, run.run_id)


def test_every_change_is_in_the_trail_with_who_where_and_what(life):
    """S4-44, S4-46, S4-50"""
    row = life.every(60, key="k", context={"secret": "x"})
    life.update(row, interval_seconds=120, context={"secret": "y"})
    commands.pause_schedule(OPERATOR, row.schedule_id, "why")
    commands.resume_schedule(OPERATOR, row.schedule_id)
    commands.remove_schedule(OPERATOR, row.schedule_id)
    entries = list(AuditEntry.objects.order_by("pk"))
    assert [entry.action for entry in entries] == [
        "schedule_create",
        "schedule_update",
        "schedule_pause",
        "schedule_resume",
        "schedule_remove",
    ]
    for entry in entries:
        assert (entry.category, entry.result) == ("AUDIT", "SUCCESS")
        assert (entry.actor, entry.community) == ("olga", "default")
        assert (entry.schedule_id, entry.workflow_id) == (row.schedule_id, row.workflow_id)
    changes = entries[1].details["changes"]
    assert changes["interval_seconds"] == {"before": 60, "after": 120}
    assert "secret" not in str(changes)


def test_what_cannot_be_audited_is_not_done(life):
    """One transaction: the schedule without its audit entry would be a lie."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_entries RENAME TO audit_entries_elsewhere")
    with pytest.raises(DatabaseError):
        life.every(60)
    assert not Schedule.objects.exists()


def upsert(life, rule, *, key="job", keeps_anchor=False, **options):
    config = {"schedule_type": "rule", "recurrence": rule.to_json(), **options}
    new = NewSchedule(workflow="note", config=config, key=key)
    return commands.upsert_schedule(OPERATOR, new, catalog=life.catalog, keeps_anchor=keeps_anchor)


HOURLY = Interval(hours=1, anchor=at("2026-03-02T00:00:00+00:00"))


def test_registering_again_keeps_what_is_overdue(life):
    """C-44: due at 10:00, the program comes back at 10:10 and registers its job before the engine looks."""
    row = upsert(life, HOURLY)
    life.sleep(minutes=70)
    same = upsert(life, HOURLY)
    assert (same.version, same.next_execution_at) == (1, at("2026-03-02T10:00:00+00:00"))
    life.advance(seconds=0)
    assert ledger(row) == [(at("2026-03-02T10:00:00+00:00"), "succeeded")]


def test_registering_another_rule_settles_the_old_one_first(life):
    row = upsert(life, HOURLY)
    life.sleep(minutes=70)
    other = upsert(life, Interval(hours=2, anchor=HOURLY.anchor))
    assert other.next_execution_at == at("2026-03-02T12:00:00+00:00")
    life.advance(seconds=0)
    assert ledger(row) == [(at("2026-03-02T10:00:00+00:00"), "succeeded")]


def test_registering_never_wakes_what_a_person_paused(life):
    row = upsert(life, HOURLY)
    commands.pause_schedule(OPERATOR, row.schedule_id)
    assert upsert(life, Interval(hours=3, anchor=HOURLY.anchor)).status == "paused"


def test_an_anchor_of_this_start_does_not_replace_the_stored_one(life):
    row = upsert(life, HOURLY, keeps_anchor=True)
    life.sleep(minutes=30)
    moved = Interval(hours=1, anchor=life.clock.now())
    assert upsert(life, moved, keeps_anchor=True).recurrence == row.recurrence
    assert upsert(life, moved).recurrence != row.recurrence


def test_registering_a_removed_job_makes_a_new_one(life):
    row = upsert(life, HOURLY)
    commands.remove_schedule(OPERATOR, row.schedule_id)
    assert upsert(life, HOURLY).pk != row.pk


@pytest.mark.django_db(transaction=True)
def test_processes_that_register_at_once_make_one_schedule(communities):
    with living() as life:
        made, errors = [], []
        ready = threading.Barrier(6)

        def register():
            try:
                ready.wait()
                made.append(upsert(life, HOURLY).pk)
            except Exception as error:  # noqa: BLE001 - shown by the assertion
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=register) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(set(made)) == 1
        assert Schedule.objects.count() == 1
        assert len(trail("schedule_create")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_that_comes_many_times_at_once_makes_one_run(communities):
    with living() as life:
        row = life.every(3600)
        made, errors = [], []
        ready = threading.Barrier(6)

        def trigger():
            try:
                ready.wait()
                made.append(commands.trigger_schedule(OPERATOR, row.schedule_id, "once").run_id)
            except Exception as error:  # noqa: BLE001 - shown by the assertion
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=trigger) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(set(made)) == 1
        assert Run.objects.count() == 1


def test_a_schedule_lives_by_its_own_bounds(life):
    row = life.every(
        60, start_at="2026-03-02T09:10:00Z", end_at="2026-03-02T09:12:00Z", max_retries=0
    )
    life.advance(hours=1)
    assert [moment.minute for moment, _ in ledger(row)] == [10, 11, 12]
    assert again(row).status == "completed"
    assert life.clock.now() == at("2026-03-02T10:00:00+00:00")
