"""`/calendars`: kept by name, and brought to the schedules that have them."""

from __future__ import annotations

from tests.api.conftest import body, problem

RULE = {
    "type": "business_days",
    "rule": {"type": "cron", "expression": "0 9 * * *"},
    "calendar": "feasts",
    "otherwise": "next",
}
CONFIG = {"schedule_type": "rule", "recurrence": RULE, "timezone": "Europe/London"}


def put(caller, **data):
    return caller("PUT", "/calendars/feasts", data)


def test_a_calendar_is_made_read_replaced_and_removed(operator):
    made = put(operator, yearly=["12-25"], easter=[1, -2])
    assert made.status_code == 201
    told = made.json()
    assert (told["name"], told["version"], told["schedules"]) == ("feasts", 1, [])
    assert (told["weekend"], told["easter"]) == (["sat", "sun"], [-2, 1])
    assert put(operator, weekend=["fri"], version=1).json()["version"] == 2
    shown = operator.get("/calendars/feasts").json()
    assert (shown["weekend"], shown["yearly"]) == (["fri"], [])
    assert [one["name"] for one in operator.get("/calendars").json()["items"]] == ["feasts"]
    assert operator("DELETE", "/calendars/feasts").json()["status"] == "removed"
    problem(operator.get("/calendars/feasts"), 404)
    problem(operator("DELETE", "/calendars/feasts"), 404)


def test_a_schedule_takes_a_calendar_by_name_and_follows_its_changes(operator):
    problem(operator.post("/schedules", body(schedule_config=CONFIG)), 400)
    put(operator)
    previewed = operator.post("/preview", {"schedule_config": CONFIG})
    assert previewed.status_code == 200
    made = operator.post("/schedules", body(schedule_config=CONFIG)).json()
    assert made["recurrence"]["calendar"] == {"name": "feasts", "weekend": ["sat", "sun"]}
    told = put(operator, nth_weekdays=["last mon may"]).json()
    assert told["schedules"] == [made["schedule_id"]]
    now = operator.get(f"/schedules/{made['schedule_id']}").json()
    assert now["recurrence"]["calendar"]["nth_weekdays"] == ["last mon may"]
    assert "the last Monday of May" in now["description"]
    detail = problem(operator("DELETE", "/calendars/feasts"), 409)["detail"]
    assert made["schedule_id"] in detail


def test_what_is_no_calendar_is_refused_by_its_part(operator):
    for data, pointer in (
        ({"yearly": ["02-30"]}, "/yearly"),
        ({"weekend": ["someday"]}, "/weekend"),
        ({"days": []}, "/days"),
        ({"easter": ["x"]}, "/easter/0"),
    ):
        assert problem(put(operator, **data), 400)["errors"][0]["pointer"] == pointer
    problem(operator("PUT", "/calendars/my%20feasts", {}), 400)
    put(operator)
    assert "version 1" in problem(put(operator, version=7), 409)["detail"]


def test_another_communitys_calendars_are_as_unknown_as_those_that_do_not_exist(
    operator, foreigner
):
    put(operator, yearly=["12-25"])
    assert foreigner.get("/calendars").json()["items"] == []
    problem(foreigner.get("/calendars/feasts"), 404)
    problem(foreigner("DELETE", "/calendars/feasts"), 404)
    problem(foreigner.post("/preview", {"schedule_config": CONFIG}), 400)
    assert put(foreigner, weekend=[]).status_code == 201
    assert operator.get("/calendars/feasts").json()["yearly"] == ["12-25"]
