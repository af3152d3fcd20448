"""Backfills over HTTP: foreseen, asked for, followed, cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clockwright.audit.models import AuditEntry
from clockwright.engine.clock import utc_now
from clockwright.schedules import stores
from clockwright.schedules.models import Backfill, Run
from tests.api.conftest import CRON, EVERY, body, pointers, problem

PAST = {"from": "2026-02-01T00:00:00+00:00", "to": "2026-02-08T00:00:00+00:00"}
"""Seven mornings at five in Sydney."""


@pytest.fixture
def address(schedule):
    return f"/schedules/{schedule['schedule_id']}/backfills"


def test_what_would_become_of_a_range_is_told_before_anything_is_saved(operator, address):
    told = operator.post(address, {**PAST, "dry_run": True})
    assert told.status_code == 200
    foreseen = told.json()
    assert (foreseen["dry_run"], foreseen["from"], foreseen["to"]) == (True, *PAST.values())
    assert (foreseen["total"], foreseen["created"], foreseen["existing"]) == (7, 7, 0)
    first = foreseen["fire_times"][0]
    assert first == {
        "scheduled_for": "2026-02-01T18:00:00+00:00",
        "action": "create",
        "run_id": None,
        "status": None,
        "reason": None,
    }
    assert not Backfill.objects.exists()
    assert not AuditEntry.objects.filter(action="schedule_backfill").exists()


def test_asked_for_it_has_an_address_and_says_how_far_it_is(operator, address, schedule):
    response = operator.post(address, {**PAST, "max_instances": 2, "priority": -5})
    assert response.status_code == 202
    made = response.json()
    assert response.headers["Location"] == f"/api/v1{address}/{made['backfill_id']}"
    assert (made["status"], made["total"], made["undecided"]) == ("running", 7, 7)
    assert (made["overlap"], made["max_instances"], made["priority"]) == ("buffer_all", 2, -5)
    assert made["asked_by"] == "operator"
    stores.backfills().advance(Backfill.objects.get().backfill_id, "n1")
    told = operator.get(f"{address}/{made['backfill_id']}").json()
    assert (told["created"], told["existing"], told["undecided"]) == (7, 0, 0)
    assert (told["waiting"], told["running"], told["succeeded"]) == (7, 0, 0)
    (run, *_) = operator.get(f"/schedules/{schedule['schedule_id']}/runs").json()["items"]
    assert (run["trigger"], run["backfill_id"]) == ("backfill", made["backfill_id"])
    assert (run["priority"], run["supersedes"]) == (-5, None)
    entry = AuditEntry.objects.get(action="schedule_backfill")
    assert (entry.actor, entry.details["total"]) == ("operator", 7)


def test_a_list_has_the_latest_first_and_pages(operator, address):
    ids = []
    for _ in range(3):
        made = operator.post(address, PAST).json()
        operator.post(f"{address}/{made['backfill_id']}/cancel")
        ids.append(made["backfill_id"])
    first = operator.get(address, limit=2).json()
    assert [item["backfill_id"] for item in first["items"]] == ids[:0:-1]
    second = operator.get(address, limit=2, cursor=first["next"]).json()
    assert ([item["backfill_id"] for item in second["items"]], second["next"]) == (ids[:1], None)
    problem(operator.get(address, cursor="rubbish"), 400)


def test_cancelled_it_makes_no_more_and_a_second_time_stays_as_it_is(operator, address):
    made = operator.post(address, {**PAST, "overlap": "allow"}).json()
    stores.backfills().advance(Backfill.objects.get().backfill_id, "n1")
    for _ in range(2):
        told = operator.post(f"{address}/{made['backfill_id']}/cancel").json()
        assert (told["status"], told["reason"]) == ("cancelled", "requested")
        assert (told["cancelled"], told["waiting"]) == (7, 0)
    assert set(Run.objects.values_list("status", "reason")) == {("cancelled", "backfill_cancelled")}
    assert AuditEntry.objects.filter(action="backfill_cancel").count() == 1


def test_the_same_request_is_the_same_backfill_and_another_is_refused(operator, address):
    headers = {"Idempotency-Key": "once"}
    first = operator.post(address, PAST, **headers).json()
    assert operator.post(address, PAST, **headers).json() == first
    problem(operator.post(address, {**PAST, "overlap": "allow"}, **headers), 422)
    for other in ({"from": "2026-01-01T00:00:00Z"}, {"to": "2026-03-01T00:00:00Z"}):
        problem(operator.post(address, {**PAST, **other}, **headers), 422)
    refused = problem(operator.post(address, PAST), 409)
    assert first["backfill_id"] in refused["detail"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"to": "2999-01-01T00:00:00Z"}, "/to"),
        ({"to": "2026-01-01T00:00:00Z"}, "/to"),
        ({"from": "yesterday"}, "/from"),
        ({"from": "2026-02-01T18:00:01Z", "to": "2026-02-02T17:00:00Z"}, "/from"),
        ({"from": "2020-01-01T00:00:00Z"}, "/limit"),
        ({"limit": 6}, "/limit"),
        ({"limit": 10_001}, "/limit"),
        ({"overlap": "buffer_one"}, "/overlap"),
        ({"max_instances": 0}, "/max_instances"),
        ({"priority": 101}, "/priority"),
        ({"since": "now"}, "/since"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(operator, address, change, pointer):
    for dry_run in (True, False):
        refused = operator.post(address, {**PAST, "dry_run": dry_run, **change})
        assert pointers(refused) == [pointer]
    assert not Backfill.objects.exists()


def test_a_time_without_an_offset_is_one_in_the_schedules_zone(operator, address):
    """C-08."""
    asked = {"from": "2026-02-02T05:00:00", "to": "2026-02-02T05:00:00", "dry_run": True}
    told = operator.post(address, asked).json()
    assert [one["scheduled_for"] for one in told["fire_times"]] == ["2026-02-01T18:00:00+00:00"]


def test_a_backfill_is_found_under_its_own_schedule_alone(operator, address):
    made = operator.post(address, PAST).json()
    other = operator.post("/schedules", body(EVERY)).json()
    elsewhere = f"/schedules/{other['schedule_id']}/backfills"
    problem(operator.get(f"{elsewhere}/{made['backfill_id']}"), 404)
    problem(operator.post(f"{elsewhere}/{made['backfill_id']}/cancel"), 404)
    assert operator.get(elsewhere).json() == {"items": [], "next": None}


def test_of_a_removed_schedule_the_list_stays_and_nothing_more_is_asked_for(
    operator, address, schedule
):
    operator.post(address, PAST)
    operator("DELETE", f"/schedules/{schedule['schedule_id']}")
    assert len(operator.get(address).json()["items"]) == 1
    problem(operator.post(address, PAST), 404)


def test_what_ran_before_is_told_with_its_run(operator):
    since = (utc_now() - timedelta(hours=1)).replace(microsecond=0)
    made = operator.post("/schedules", body(EVERY)).json()
    row = Run.objects.create(
        run_id=made["schedule_id"],
        schedule_id=made["schedule_id"],
        workflow_id=made["workflow_id"],
        community_id="default",
        scheduled_for=datetime.fromisoformat(made["next_execution_at"]) - timedelta(hours=1),
        trigger="schedule",
        status="missed",
        reason="grace_exceeded",
        created_at=since,
        finished_at=since,
    )
    asked = {"from": since.isoformat(), "to": utc_now().isoformat(), "dry_run": True}
    told = operator.post(f"/schedules/{made['schedule_id']}/backfills", asked).json()
    (one,) = told["fire_times"]
    assert (one["action"], one["run_id"]) == ("supersede", str(row.run_id))
    assert (one["status"], one["reason"]) == ("missed", "grace_exceeded")


def test_a_request_beyond_the_bounds_of_the_schedule_is_sent_again_as_it_was(operator):
    bounds = {"start_at": "2026-02-03T00:00:00Z"}
    made = operator.post("/schedules", body({**CRON, **bounds})).json()
    address = f"/schedules/{made['schedule_id']}/backfills"
    headers = {"Idempotency-Key": "once"}
    first = operator.post(address, PAST, **headers).json()
    assert (first["from"], first["to"]) == ("2026-02-03T00:00:00+00:00", PAST["to"])
    assert operator.post(address, PAST, **headers).json() == first
