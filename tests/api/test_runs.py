"""Triggering, and the ledger over HTTP."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from clockwright.access.callers import system_caller
from clockwright.schedules import commands, stores
from clockwright.schedules.drafts import NewSchedule
from clockwright.testing.virtual import VirtualClock
from tests.api.conftest import EVERY, body, pointers, problem

START = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = {
    "run_id",
    "scheduled_for",
    "status",
    "reason",
    "attempt",
    "node",
    "started_at",
    "finished_at",
    "result",
    "error",
}


@pytest.fixture
def history(db):
    """A schedule that fired every hour for a day while nobody looked, settled once: its path and its store."""
    clock = VirtualClock(START)
    with stores.on_clock(clock) as store:
        row = commands.add_schedule(
            system_caller(), NewSchedule(workflow="tests.add", config=EVERY)
        )
        clock.advance(timedelta(hours=24, minutes=5))
        store.settle_due(10)
        yield f"/schedules/{row.schedule_id}", store


def test_a_trigger_queues_a_run_and_says_where_it_is(operator, schedule):
    response = operator.post(f"/schedules/{schedule['schedule_id']}/trigger")
    assert response.status_code == 202
    run = response.json()
    assert (run["status"], run["trigger"]) == ("queued", "manual")
    assert response.headers["Location"] == f"/api/v1/runs/{run['run_id']}"
    found = operator.get(f"/runs/{run['run_id']}").json()
    assert found["run_id"] == found["execution_id"] == run["run_id"]
    assert found["traceback"] is None


def test_a_paused_schedule_can_be_triggered(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}"
    operator.post(f"{path}/pause")
    assert operator.post(f"{path}/trigger").status_code == 202


@pytest.mark.parametrize("where", ["header", "body"])
def test_the_same_key_makes_one_run_however_often_it_is_sent(operator, schedule, where):
    """R30."""
    path = f"/schedules/{schedule['schedule_id']}/trigger"

    def send(key, **sent):
        if where == "header":
            return operator.post(path, sent or None, **{"Idempotency-Key": key})
        return operator.post(path, {**sent, "request_id": key})

    first, again = send("a"), send("a")
    assert first.status_code == again.status_code == 202
    assert first.json()["run_id"] == again.json()["run_id"]
    assert send("b").json()["run_id"] != first.json()["run_id"]
    with_data = send("c", context_data={"left": 1e23})
    assert with_data.status_code == 202, with_data.content
    assert send("c", context_data={"left": 1e23}).json() == with_data.json()
    problem(send("c", context_data={"left": 2}), 422)
    urgent = send("d", priority=5)
    assert urgent.json()["priority"] == 5
    assert send("d", priority=5).json() == urgent.json()
    problem(send("d", priority=6), 422)
    problem(send("c"), 422)


def test_a_key_means_its_schedule_alone(operator, schedule):
    other = operator.post("/schedules", body()).json()
    runs = {
        operator.post(f"/schedules/{each['schedule_id']}/trigger", {"request_id": "a"}).json()[
            "run_id"
        ]
        for each in (schedule, other)
    }
    assert len(runs) == 2


def test_two_different_keys_in_one_request_are_refused(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}/trigger"
    response = operator.post(path, {"request_id": "a"}, **{"Idempotency-Key": "b"})
    assert pointers(response) == ["/request_id"]


@pytest.mark.parametrize(
    "sent",
    [{"context_data": {"unknown": 1}}, {"context_data": []}, {"priority": 101}, {"x": 1}, []],
)
def test_a_trigger_that_does_not_fit_is_refused(operator, schedule, sent):
    path = f"/schedules/{schedule['schedule_id']}"
    problem(operator.post(f"{path}/trigger", sent), 400)
    assert operator.get(f"{path}/runs").json()["items"] == []


def test_runs_are_listed_newest_first_with_the_documented_keys(history, viewer):
    path, _ = history
    answer = viewer.get(f"{path}/runs").json()
    assert answer["next"] is None
    assert all(set(item) >= KEYS for item in answer["items"])
    times = [item["scheduled_for"] for item in answer["items"]]
    assert times == sorted(times, reverse=True)
    assert times[0] == "2026-03-02T00:00:00+00:00"


def test_what_did_not_run_is_listed_with_its_reason(history, viewer):
    path, _ = history
    items = viewer.get(f"{path}/runs").json()["items"]
    assert [item["status"] for item in items[:2]] == ["queued", "skipped"]
    assert len(items) == 24
    assert {item["reason"] for item in items[1:]} == {"coalesced"}


def test_runs_can_be_asked_for_by_status(history, viewer):
    path, _ = history
    assert len(viewer.get(f"{path}/runs", status="skipped").json()["items"]) == 23
    assert len(viewer.get(f"{path}/runs", status=["skipped", "queued"]).json()["items"]) == 24
    assert viewer.get(f"{path}/runs", status="lost").json()["items"] == []
    problem(viewer.get(f"{path}/runs", status="asleep"), 400)


def test_pages_of_runs_join_without_gap_or_repetition_while_new_ones_come(history, operator):
    path, _ = history
    expected = [item["run_id"] for item in operator.get(f"{path}/runs").json()["items"]]
    page = operator.get(f"{path}/runs", limit=7).json()
    seen = [item["run_id"] for item in page["items"]]
    operator.post(f"{path}/trigger")
    while page["next"]:
        page = operator.get(f"{path}/runs", limit=7, cursor=page["next"]).json()
        seen += [item["run_id"] for item in page["items"]]
    assert seen == expected


@pytest.mark.parametrize("limit", [0, 201, -1, "x"])
def test_a_page_has_1_to_200_runs(history, viewer, limit):
    path, _ = history
    problem(viewer.get(f"{path}/runs", limit=limit), 400)


def packed(*parts):
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "W10",
        "WyJhIiwiYiJd",
        "bnVsbA",
        "%00",
        "WzEsMl0",
        packed("0001-01-01T00:00:00+14:00", "0" * 32),
        packed("9999-12-31T23:59:59-14:00", "0" * 32),
        packed("2026-01-01T00:00:00+00:00", 1),
    ],
)
def test_a_cursor_that_no_page_gave_is_refused(history, viewer, cursor):
    path, _ = history
    (error,) = problem(viewer.get(f"{path}/runs", cursor=cursor), 400)["errors"]
    assert error["pointer"] == "/cursor"


def test_an_unknown_run_is_not_found(viewer):
    problem(viewer.get(f"/runs/{uuid4()}"), 404)


def test_a_page_is_read_by_a_bounded_number_of_queries(
    history, viewer, django_assert_max_num_queries
):
    path, _ = history
    viewer.get(f"{path}/runs")
    with django_assert_max_num_queries(3):
        viewer.get(f"{path}/runs")
