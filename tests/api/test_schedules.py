"""Schedules over HTTP: the documented endpoints and shapes (S4-84…88, R23, B3.4), and the defects they must not have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clockwright.audit.models import AuditEntry
from clockwright.engine.clock import utc_now
from clockwright.schedules.models import Schedule
from tests.api.conftest import CRON, EVERY, body, pointers, problem

DOCUMENTED = {
    "schedule_id",
    "workflow_id",
    "schedule_type",
    "next_execution_at",
    "is_active",
    "execution_count",
    "max_executions",
}


def ahead(**units):
    return (utc_now() + timedelta(**units)).replace(microsecond=0)


def instants(value):
    """Every text in an answer that is a point in time."""
    if isinstance(value, dict):
        return [found for item in value.values() for found in instants(item)]
    if isinstance(value, list):
        return [found for item in value for found in instants(item)]
    try:
        return [datetime.fromisoformat(value)] if "T" in value else []
    except (TypeError, ValueError):
        return []


def test_creating_answers_201_with_its_address_and_the_documented_keys(operator):
    """S4-84, S4-58."""
    response = operator.post("/schedules", body(context_data={"left": 3}, key="k", name="Morning"))
    assert response.status_code == 201
    made = response.json()
    assert set(made) >= DOCUMENTED
    assert response.headers["Location"] == f"/api/v1/schedules/{made['schedule_id']}"
    assert (
        operator.client.get(
            response.headers["Location"], headers={"Authorization": f"Bearer {operator.token}"}
        ).json()
        == made
    )
    assert made["is_active"] is True
    assert (made["execution_count"], made["max_executions"]) == (0, None)
    assert (made["key"], made["name"], made["context_data"]) == ("k", "Morning", {"left": 3})
    assert made["cron_expression"] == "0 5 * * *"
    assert made["timezone"] == "Australia/Sydney"
    assert made["workflow"] == "tests.add"
    assert made["created_by"] == "operator"
    assert "5" in made["description"]


def test_every_instant_that_is_answered_has_an_offset_and_is_utc(operator):
    """R10."""
    config = {**CRON, "start_at": "2030-01-01T00:00:00", "end_at": "2031-01-01T00:00:00Z"}
    answer = operator.post("/schedules", body(config)).json()
    found = instants({key: value for key, value in answer.items() if key != "recurrence"})
    assert len(found) >= 5
    assert all(instant.utcoffset() == timedelta(0) for instant in found)
    assert answer["start_at"] == "2029-12-31T13:00:00+00:00", "naive means the schedule's zone"


def test_a_cron_line_is_read_in_its_zone(operator):
    """C-03: five in the morning in Sydney."""
    at = datetime.fromisoformat(operator.post("/schedules", body()).json()["next_execution_at"])
    from zoneinfo import ZoneInfo

    assert at.astimezone(ZoneInfo("Australia/Sydney")).hour == 5


def test_a_workflow_is_named_by_its_id_or_by_its_key(operator, functions):
    workflow_id = str(functions.get("tests.add").workflow_id)
    by_id = operator.post("/schedules", {"workflow_id": workflow_id, "schedule_config": EVERY})
    by_key = operator.post("/schedules", body(EVERY))
    assert by_id.json()["workflow_id"] == by_key.json()["workflow_id"] == workflow_id


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "/schedule_config"),
        ({"schedule_config": CRON}, "/workflow_id"),
        ({**body(), "workflow_id": "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"}, "/workflow"),
        ({**body(), "workflow": 3}, "/workflow"),
        ({**body(), "workflow": ""}, "/workflow"),
        ({"workflow_id": "17", "schedule_config": CRON}, "/workflow_id"),
        ({**body(), "schedule_config": []}, "/schedule_config"),
        ({**body(), "schedule_config": None}, "/schedule_config"),
        ({**body(), "context_data": [1]}, "/context_data"),
        ({**body(), "context_data": {"unknown": 1}}, "/context_data"),
        ({**body(), "key": ""}, "/key"),
        ({**body(), "key": "x" * 256}, "/key"),
        ({**body(), "name": 3}, "/name"),
        ({**body(), "a/b~c": 1}, "/a~1b~0c"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_with_its_pointer(operator, sent, pointer):
    """S4-52: 400, never the framework's 422."""
    assert pointers(operator.post("/schedules", sent)) == [pointer]
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({}, ["schedule_type"]),
        ({"schedule_type": "sometimes"}, ["schedule_type"]),
        ({"schedule_type": "cron"}, ["cron_expression"]),
        ({"schedule_type": "cron", "cron_expression": "* * * * * *"}, ["cron_expression"]),  # C-07
        ({"schedule_type": "cron", "cron_expression": "61 * * * *"}, ["cron_expression"]),
        ({"schedule_type": "cron", "cron_expression": "0 0 30 2 *"}, ["cron_expression"]),
        ({"schedule_type": "cron", "cron_expression": 5}, ["cron_expression"]),
        ({**CRON, "timezone": "Mars/Olympus"}, ["timezone"]),  # C-03
        ({"schedule_type": "interval"}, ["interval_seconds"]),
        ({**EVERY, "interval_seconds": "60"}, ["interval_seconds"]),  # C-18
        ({**EVERY, "interval_seconds": 1.5}, ["interval_seconds"]),
        ({**EVERY, "interval_seconds": 0}, ["interval_seconds"]),
        ({**EVERY, "interval_seconds": -5}, ["interval_seconds"]),
        ({**EVERY, "interval_seconds": True}, ["interval_seconds"]),
        ({**EVERY, "interval_seconds": 2**31}, ["interval_seconds"]),
        ({**EVERY, "max_executions": 0}, ["max_executions"]),
        ({**EVERY, "max_executions": -1}, ["max_executions"]),
        ({**EVERY, "max_executions": "3"}, ["max_executions"]),
        ({**EVERY, "max_executions": 1.0}, ["max_executions"]),
        ({**EVERY, "cron_expression": "0 5 * * *"}, ["cron_expression"]),
        ({**EVERY, "colour": "red"}, ["colour"]),
        ({"schedule_type": "one_time"}, ["scheduled_time"]),
        ({"schedule_type": "one_time", "scheduled_time": "soon"}, ["scheduled_time"]),
        ({"schedule_type": "one_time", "scheduled_time": 17}, ["scheduled_time"]),
        ({"schedule_type": "one_time", "scheduled_time": "2020-01-01T00:00:00Z"}, ["scheduled_time"]),
        ({**EVERY, "overlap": "hope"}, ["overlap"]),
        ({**EVERY, "interval_seconds": "60", "max_executions": "3"}, ["interval_seconds", "max_executions"]),
    ],
)  # fmt: skip
def test_a_wrong_configuration_is_refused_field_by_field(operator, config, keys):
    """C-18, S4-51…55: strict types, every problem at once, 400."""
    found = pointers(operator.post("/schedules", body(config)))
    assert found == [f"/schedule_config/{key}" for key in keys]
    assert not Schedule.objects.exists()


def test_the_documented_sentences_are_in_the_detail(operator):
    """B3.1."""
    told = problem(operator.post("/schedules", body({"schedule_type": "cron"})), 400)
    assert told["detail"] == (
        "Invalid schedule configuration: cron_expression required for cron type"
    )


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2090-06-01T09:00:00Z", "UTC", "2090-06-01T09:00:00+00:00"),
        ("2090-06-01T09:00:00+10:00", "UTC", "2090-05-31T23:00:00+00:00"),
        ("2090-06-01T09:00:00", "UTC", "2090-06-01T09:00:00+00:00"),
        ("2030-06-01T09:00:00", "America/New_York", "2030-06-01T13:00:00+00:00"),
        ("2030-01-01T09:00:00", "America/New_York", "2030-01-01T14:00:00+00:00"),
    ],
)
def test_a_time_with_an_offset_is_an_instant_and_without_one_it_is_the_zones(
    operator, text, zone, expected
):
    """C-08: neither is an error, and neither is read in the server's zone."""
    config = {"schedule_type": "one_time", "scheduled_time": text, "timezone": zone}
    made = operator.post("/schedules", body(config)).json()
    assert made["next_execution_at"] == made["scheduled_time"] == expected


def test_put_replaces_the_configuration_and_leaves_the_rest(operator):
    """R29, C-09."""
    config = {**CRON, "max_executions": 9}
    made = operator.post("/schedules", body(config, context_data={"left": 5}, name="n")).json()
    response = operator("PUT", f"/schedules/{made['schedule_id']}", {"schedule_config": EVERY})
    assert response.status_code == 200
    now = response.json()
    assert (now["schedule_type"], now["interval_seconds"]) == ("interval", 3_600)
    assert (now["cron_expression"], now["max_executions"]) == (None, None)
    assert now["timezone"] == "UTC"
    assert (now["context_data"], now["name"]) == ({"left": 5}, "n")
    assert now["version"] > made["version"]


def test_put_without_a_configuration_is_refused(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}"
    assert pointers(operator("PUT", path, {"context_data": {}})) == ["/schedule_config"]


def test_patch_merges_and_resets_nothing(operator):
    """C-09: a new limit needs no cron line, and a new cron line keeps zone and limit."""
    made = operator.post("/schedules", body({**CRON, "max_executions": 9})).json()
    path = f"/schedules/{made['schedule_id']}"
    operator("PATCH", path, {"schedule_config": {"max_executions": 3}})
    now = operator("PATCH", path, {"schedule_config": {"cron_expression": "30 6 * * *"}}).json()
    assert (now["max_executions"], now["timezone"]) == (3, "Australia/Sydney")
    assert now["cron_expression"] == "30 6 * * *"
    assert operator("PATCH", path, {"context_data": {"right": 4}}).json()["context_data"] == {
        "right": 4
    }
    assert operator.get(path).json()["cron_expression"] == "30 6 * * *"


def test_patch_judges_the_whole_that_comes_of_it(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}"
    sent = {"schedule_config": {"schedule_type": "interval"}}
    assert pointers(operator("PATCH", path, sent)) == ["/schedule_config/interval_seconds"]
    assert operator.get(path).json() == schedule


def test_a_version_that_is_not_current_any_more_is_a_conflict(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}"
    sent = {"name": "a", "version": schedule["version"]}
    current = operator("PATCH", path, {"schedule_config": EVERY}).json()
    problem(operator("PATCH", path, sent), 409)
    assert operator("PATCH", path, {**sent, "version": current["version"]}).status_code == 200


def test_deleting_answers_as_documented_and_a_second_time_there_is_nothing(operator, schedule):
    """S4-87, C-19."""
    path = f"/schedules/{schedule['schedule_id']}"
    response = operator("DELETE", path)
    assert response.status_code == 200
    assert response.json() == {"status": "removed", "schedule_id": schedule["schedule_id"]}
    told = problem(operator("DELETE", path), 404)
    assert told["detail"] == f"Schedule not found: {schedule['schedule_id']}"
    for method in ("GET", "PUT", "PATCH"):
        sent = None if method == "GET" else {"schedule_config": EVERY}
        problem(operator(method, path, sent), 404)
    for action in ("pause", "resume", "trigger"):
        problem(operator.post(f"{path}/{action}"), 404)
    assert operator.get("/schedules").json()["items"] == []
    assert operator.get(f"{path}/runs").json() == {"items": [], "next": None}


def test_a_removed_schedules_key_is_free_again(operator):
    made = operator.post("/schedules", body(key="k")).json()
    operator("DELETE", f"/schedules/{made['schedule_id']}")
    assert operator.post("/schedules", body(key="k")).status_code == 201


def test_a_taken_key_is_a_conflict(operator):
    operator.post("/schedules", body(key="k"))
    assert "'k'" in problem(operator.post("/schedules", body(key="k")), 409)["detail"]


def test_pausing_and_resuming(operator, schedule):
    path = f"/schedules/{schedule['schedule_id']}"
    paused = operator.post(f"{path}/pause").json()
    assert (paused["status"], paused["is_active"], paused["next_execution_at"]) == (
        "paused",
        False,
        None,
    )
    assert operator.post(f"{path}/pause").json() == paused
    resumed = operator.post(f"{path}/resume").json()
    assert (resumed["status"], resumed["is_active"]) == ("active", True)
    assert resumed["next_execution_at"] == schedule["next_execution_at"]


def test_what_is_done_is_in_the_trail(operator, schedule):
    """S4-46: create, update, remove, by whom and with what changed."""
    path = f"/schedules/{schedule['schedule_id']}"
    operator("PATCH", path, {"schedule_config": {"timezone": "UTC"}})
    operator("DELETE", path)
    entries = list(AuditEntry.objects.filter(schedule_id=schedule["schedule_id"]).order_by("id"))
    assert [entry.action for entry in entries] == [
        "schedule_create",
        "schedule_update",
        "schedule_remove",
    ]
    assert {(entry.actor, entry.community) for entry in entries} == {("operator", "default")}
    change = entries[1].details["changes"]["timezone"]
    assert change == {"before": "Australia/Sydney", "after": "UTC"}


def test_a_refused_change_leaves_nothing_in_the_trail(operator):
    operator.post("/schedules", body({"schedule_type": "cron"}))
    assert not AuditEntry.objects.filter(action="schedule_create").exists()


def test_the_list_of_a_workflow_has_the_documented_shape_and_order(operator):
    """S4-88, B3.4: ordered by next_execution_at."""
    for hours in (3, 1, 2):
        operator.post("/schedules", body({"schedule_type": "one_time",
                                          "scheduled_time": ahead(hours=hours).isoformat()}))  # fmt: skip
    paused = operator.post("/schedules", body(EVERY)).json()
    operator.post(f"/schedules/{paused['schedule_id']}/pause")
    path = f"/schedules/workflow/{paused['workflow_id']}"
    answer = operator.get(path).json()
    assert answer["workflow_id"] == paused["workflow_id"]
    assert answer["count"] == 4
    assert all(set(each) >= DOCUMENTED for each in answer["schedules"])
    times = [each["next_execution_at"] for each in answer["schedules"]]
    assert times[:3] == sorted(times[:3])
    assert times[3] is None
    assert answer["items"] == answer["schedules"]
    first = operator.get(path, limit=3).json()
    assert first["count"] == 4
    second = operator.get(path, limit=3, cursor=first["next"]).json()
    assert first["items"] + second["items"] == answer["items"]


def test_the_list_can_be_filtered(operator):
    made = {
        "cron": operator.post("/schedules", body(key="daily-report", name="Report")).json(),
        "interval": operator.post("/schedules", body(EVERY, key="sync", name="100%")).json(),
    }
    operator.post(f"/schedules/{made['interval']['schedule_id']}/pause")

    def keys(**query):
        response = operator.get("/schedules", **query)
        assert response.status_code == 200, response.content
        return [item["key"] for item in response.json()["items"]]

    assert keys() == ["sync", "daily-report"]
    assert keys(status="paused") == ["sync"]
    assert keys(type="cron") == ["daily-report"]
    assert keys(key="sync") == ["sync"]
    assert keys(q="REPORT") == ["daily-report"]
    assert keys(q="100%") == ["sync"]
    assert keys(q="0 5") == ["daily-report"]
    assert keys(q="%") == ["sync"]
    assert keys(workflow_id=made["cron"]["workflow_id"]) == ["sync", "daily-report"]
    assert keys(workflow_id="0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11") == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"status": "sleeping"}, "/status"),
        ({"status": "removed"}, "/status"),
        ({"type": "magic"}, "/type"),
        ({"workflow_id": "17"}, "/workflow_id"),
        ({"cursor": "x"}, "/cursor"),
        ({"cursor": "WzFd_"}, "/cursor"),
        ({"cursor": "x" * 501}, "/cursor"),
        ({"q": "\x00"}, "/q"),
        ({"key": "\x00"}, "/key"),
    ],
)
def test_a_wrong_query_is_refused_by_its_parameter(operator, query, pointer):
    (error,) = problem(operator.get("/schedules", **query), 400)["errors"]
    assert (error["pointer"], error["in"]) == (pointer, "query")


def test_pages_neither_repeat_nor_leave_out_while_others_come_and_go(operator):
    made = [operator.post("/schedules", body(EVERY)).json()["schedule_id"] for _ in range(7)]
    page = operator.get("/schedules", limit=3).json()
    seen = [item["schedule_id"] for item in page["items"]]
    operator.post("/schedules", body(EVERY))
    operator("DELETE", f"/schedules/{seen[0]}")
    while page["next"]:
        page = operator.get("/schedules", limit=3, cursor=page["next"]).json()
        seen += [item["schedule_id"] for item in page["items"]]
    assert seen == made[::-1]


def test_limits_of_a_payload(operator):
    response = operator.post("/schedules", body(context_data={"left": "x" * 70_000}))
    assert pointers(response) == ["/context_data"]
    assert Schedule.objects.count() == 0


def test_a_due_instant_is_never_in_the_past(operator):
    made = operator.post("/schedules", body(EVERY)).json()
    assert datetime.fromisoformat(made["next_execution_at"]) > datetime.now(UTC)
