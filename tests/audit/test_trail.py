"""The trail: a row with the deed, a line after the commit, neither without it (S4-44…50)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from clockwright.access.callers import Caller, Role
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.models import AuditEntry

pytestmark = pytest.mark.django_db(transaction=True)

ANN = Caller(actor="ann", community="default", role=Role.OPERATOR)
SCHEDULE = UUID("0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11")


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG, "clockwright.audit")
    return caplog


def create(**facts):
    trail.record(Category.AUDIT, Action.SCHEDULE_CREATE, caller=ANN, **facts)


def test_an_entry_says_who_did_what_where_and_with_what_result():
    run = uuid4()
    create(schedule_id=SCHEDULE, execution_id=str(run), request_id="r1", count=3)
    entry = AuditEntry.objects.get()
    assert (entry.category, entry.action, entry.result) == ("AUDIT", "schedule_create", "SUCCESS")
    assert (entry.actor, entry.community) == ("ann", "default")
    assert (entry.schedule_id, entry.run_id, entry.request_id) == (SCHEDULE, run, "r1")
    assert entry.details == {"count": 3}


def test_the_record_carries_the_documented_extras(log):
    """S4-50: event type, action, user and community, result, ids."""
    create(schedule_id=SCHEDULE, message="made", time_ms=4)
    (record,) = log.records
    assert (record.event_type, record.action, record.result) == (
        "AUDIT",
        "schedule_create",
        "SUCCESS",
    )
    assert (record.user, record.community) == ("ann", "default")
    assert (record.schedule_id, record.workflow_id, record.execution_id) == (
        str(SCHEDULE),
        None,
        None,
    )
    assert record.getMessage() == (
        "AUDIT community=default user=ann action=schedule_create result=SUCCESS time=4ms "
        f"made schedule_id={SCHEDULE}"
    )


def test_what_is_rolled_back_is_neither_in_the_table_nor_in_the_log(log):
    with transaction.atomic():
        create()
        transaction.set_rollback(True)
    assert not AuditEntry.objects.exists()
    assert not log.records


def test_the_line_comes_after_the_commit(log):
    with transaction.atomic():
        create()
        assert not log.records
    assert len(log.records) == 1


def test_before_and_after_of_a_change_are_kept():
    create(changes={"timezone": {"before": "UTC", "after": "Australia/Sydney"}})
    assert AuditEntry.objects.get().details["changes"]["timezone"]["after"] == "Australia/Sydney"


def test_secrets_and_payloads_never_reach_table_or_log(log):
    """C-85: values are hidden by the names of their keys, at any depth."""
    create(
        context_data={"name": "hunter2"},
        changes={"context_data": {"before": "hunter2", "after": {"x": "hunter2"}}},
        headers=[{"Authorization": "Bearer hunter2", "api_key": "hunter2"}],
    )
    assert "hunter2" not in json.dumps(AuditEntry.objects.get().details)
    assert "hunter2" not in log.text


def test_anything_can_be_a_detail_on_both_databases():
    create(
        at=datetime(2027, 1, 1, tzinfo=UTC),
        wait=timedelta(seconds=5),
        text="nul \x00 and half \ud800",
        number=float("nan"),
        ids=[SCHEDULE],
        message="nul \x00",
    )
    entry = AuditEntry.objects.get()
    assert entry.details["at"] == "2027-01-01T00:00:00+00:00"
    assert entry.details["ids"] == [str(SCHEDULE)]


def test_details_without_end_are_cut():
    create(words=["x" * 1_000] * 100)
    assert AuditEntry.objects.get().details["truncated"] is True


def test_a_detail_cannot_pass_for_a_field_of_ours(log):
    create(user="mallory", result_="SUCCESS", event="forged")
    (record,) = log.records
    assert record.user == "ann"
    assert "user=ann" in record.getMessage()


def test_failures_and_refusals_are_loud(log):
    for result in Result:
        trail.log_event(Category.SYSTEM, Action.SCHEDULER_START, result=result)
    assert [record.levelname for record in log.records] == ["INFO", "ERROR", "WARNING"]


def test_a_line_alone_writes_no_row(log):
    trail.log_event(Category.SYSTEM, Action.SCHEDULER_START, message="engine started", node="n1")
    assert not AuditEntry.objects.exists()
    assert "SYSTEM community=- user=system action=scheduler_start" in log.records[0].getMessage()


def test_the_database_refuses_words_it_does_not_know():
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEntry.objects.create(at=datetime(2027, 1, 1, tzinfo=UTC), category="GOSSIP", action="x",
                                  actor="a", community="c", result="SUCCESS")  # fmt: skip


def test_every_documented_action_has_its_name():
    """B3.1: other software looks for these words."""
    documented = [
        "schedule_service_init",
        "scheduler_start",
        "scheduler_stop",
        "load_schedules",
        "register_schedule",
        "schedule_create",
        "schedule_update",
        "schedule_remove",
        "schedule_triggered",
        "schedule_executed",
        "schedule_missed",
        "schedule_limit_reached",
        "schedule_trigger_error",
        "schedule_execution",
        "schedule_execution_error",
        "check_due_schedules",
        "check_due_schedules_loop",
        "scheduler_job_executed",
        "scheduler_job_error",
        "scheduler_listener_error",
    ]
    assert set(documented) <= {action.value for action in Action}


def test_the_admin_shows_entries_and_changes_nothing(admin_client):
    create(message="made")
    entry = AuditEntry.objects.get()
    page = admin_client.get("/admin/clockwright_audit/auditentry/")
    assert b"schedule_create" in page.content
    assert admin_client.get("/admin/clockwright_audit/auditentry/add/").status_code == 403
    url = f"/admin/clockwright_audit/auditentry/{entry.pk}"
    assert admin_client.post(f"{url}/change/", {"actor": "x"}).status_code == 403
    assert admin_client.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.get().actor == "ann"
