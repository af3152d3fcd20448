"""Who may do what: one rule for every endpoint (C-19, B3.5)."""

from __future__ import annotations

import functools
import logging
from uuid import UUID, uuid4

import pytest
from django.urls import get_resolver

from clockwright.access.callers import system_caller
from clockwright.access.grants import grantee, put_grant
from clockwright.access.tokens import NewToken, issue_token
from clockwright.api import openapi_document
from clockwright.audit.models import AuditEntry
from clockwright.schedules.models import Schedule
from tests.api.conftest import CRON, Api, body, problem

UNKNOWN = "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"
FEASTS = "feasts"
GRANT = "/communities/{community}/grants/{workflow_id}/{kind}/{grantee}"
GRAPH = {"steps": [{"id": "a", "kind": "function", "function": "tests.add"}]}
PAST = {"from": "2026-02-01T00:00:00Z", "to": "2026-02-03T00:00:00Z"}
PUBLIC = {"/health", "/openapi.json", "/docs", "/"}

ENDPOINTS = {
    # (method, path): (body, the role it takes, what an owner gets, whether it names a schedule)
    ("POST", "/schedules"): (body(), "operator", 201),
    ("GET", "/schedules"): (None, "viewer", 200),
    ("GET", "/schedules/workflow/{workflow_id}"): (None, "viewer", 200),
    ("GET", "/schedules/{schedule_id}"): (None, "viewer", 200),
    ("PUT", "/schedules/{schedule_id}"): ({"schedule_config": CRON}, "operator", 200),
    ("PATCH", "/schedules/{schedule_id}"): ({"name": "x"}, "operator", 200),
    ("DELETE", "/schedules/{schedule_id}"): (None, "operator", 200),
    ("POST", "/schedules/{schedule_id}/pause"): (None, "operator", 200),
    ("POST", "/schedules/{schedule_id}/resume"): (None, "operator", 200),
    ("POST", "/schedules/{schedule_id}/trigger"): (None, "operator", 202),
    ("GET", "/schedules/{schedule_id}/runs"): (None, "viewer", 200),
    ("POST", "/schedules/{schedule_id}/backfills"): (PAST, "operator", 202),
    ("GET", "/schedules/{schedule_id}/backfills"): (None, "viewer", 200),
    ("GET", "/schedules/{schedule_id}/backfills/{backfill_id}"): (None, "viewer", 200),
    ("POST", "/schedules/{schedule_id}/backfills/{backfill_id}/cancel"): (None, "operator", 200),
    ("GET", "/runs/{run_id}"): (None, "viewer", 200),
    ("GET", "/calendars"): (None, "viewer", 200),
    ("GET", "/calendars/{name}"): (None, "viewer", 200),
    ("PUT", "/calendars/{name}"): ({"yearly": ["12-25"]}, "operator", 200),
    ("DELETE", "/calendars/{name}"): (None, "operator", 200),
    ("POST", "/preview"): ({"cron": "0 5 * * *"}, "viewer", 200),
    ("POST", "/explain"): ({"cron": "0 5 * * *", "at": "2027-01-01T05:00:00Z"}, "viewer", 200),
    ("GET", "/forecast"): (None, "viewer", 200),
    ("GET", "/functions"): (None, "viewer", 200),
    ("POST", "/workflows"): ({"name": "other", "definition": GRAPH}, "operator", 201),
    ("GET", "/workflows"): (None, "viewer", 200),
    ("GET", "/workflows/{workflow_id}"): (None, "viewer", 200),
    ("PATCH", "/workflows/{workflow_id}"): ({"description": "x"}, "operator", 200),
    ("POST", "/workflows/{workflow_id}/publish"): (None, "operator", 200),
    ("POST", "/workflows/{workflow_id}/archive"): (None, "operator", 200),
    ("POST", "/workflows/{workflow_id}/execute"): (None, "operator", 202),
    ("POST", "/workflows/{workflow_id}/test"): (None, "operator", 200),
    ("GET", "/workflows/{workflow_id}/versions"): (None, "viewer", 200),
    ("GET", "/workflows/{workflow_id}/versions/{number}"): (None, "viewer", 200),
    ("GET", "/workflows/{workflow_id}/executions"): (None, "viewer", 200),
    ("GET", "/workflows/executions/{execution_id}"): (None, "viewer", 200),
    ("POST", "/workflows/executions/{execution_id}/cancel"): (None, "operator", 200),
    ("GET", "/tokens"): (None, "admin", 200),
    ("POST", "/tokens"): ({"name": "new"}, "admin", 201),
    ("GET", "/tokens/current"): (None, "viewer", 200),
    ("GET", "/tokens/{token_id}"): (None, "admin", 200),
    ("DELETE", "/tokens/{token_id}"): (None, "admin", 200),
    ("GET", "/communities"): (None, "viewer", 200),
    ("GET", "/communities/{community}"): (None, "viewer", 200),
    ("PATCH", "/communities/{community}"): ({"name": "x"}, "admin", 200),
    ("GET", "/communities/{community}/members"): (None, "viewer", 200),
    ("PUT", "/communities/{community}/members/{username}"): ({"role": "operator"}, "admin", 200),
    ("DELETE", "/communities/{community}/members/{username}"): (None, "admin", 200),
    ("GET", "/communities/{community}/grants"): (None, "viewer", 200),
    ("PUT", GRANT): ({"rights": ["edit"]}, "admin", 200),
    ("DELETE", GRANT): (None, "admin", 200),
}
ON_A_WORKFLOW = {
    # what a grant on the workflow opens to a member whose role does not
    ("POST", "/schedules"): "edit",
    ("PUT", "/schedules/{schedule_id}"): "edit",
    ("PATCH", "/schedules/{schedule_id}"): "edit",
    ("DELETE", "/schedules/{schedule_id}"): "delete",
    ("POST", "/schedules/{schedule_id}/pause"): "edit",
    ("POST", "/schedules/{schedule_id}/resume"): "edit",
    ("POST", "/schedules/{schedule_id}/trigger"): "execute",
    ("POST", "/schedules/{schedule_id}/backfills"): "execute",
    ("POST", "/schedules/{schedule_id}/backfills/{backfill_id}/cancel"): "execute",
    ("PUT", GRANT): "manage",
    ("DELETE", GRANT): "manage",
    ("PATCH", "/workflows/{workflow_id}"): "edit",
    ("POST", "/workflows/{workflow_id}/publish"): "edit",
    ("POST", "/workflows/{workflow_id}/archive"): "delete",
    ("POST", "/workflows/{workflow_id}/execute"): "execute",
    ("POST", "/workflows/{workflow_id}/test"): "execute",
    ("POST", "/workflows/executions/{execution_id}/cancel"): "execute",
}
NAMES_A_THING = (
    "{schedule_id}",
    "{run_id}",
    "{token_id}",
    "{community}",
    "/workflows/{",
    "{execution_id}",
)

named = pytest.mark.parametrize(
    "endpoint",
    # a calendar's name is the caller's to choose: see test_calendars
    [
        e
        for e in ENDPOINTS
        if any(
            name in e[1] for name in ("{schedule_id}", "{run_id}", "/workflows/{", "{execution_id}")
        )
    ],
    ids=" ".join,
)


def ask(caller, endpoint, **names):
    """Call an endpoint about things of the community default that exist, where they are named."""
    method, path = endpoint
    ids = ("schedule_id", "run_id", "workflow_id", "token_id", "graph_id", "execution_id")
    ids += ("backfill_id",)
    unknown = dict.fromkeys(ids, UNKNOWN)
    path = path.replace("/workflows/{workflow_id}", "/workflows/{graph_id}")
    others = {
        "number": 1,
        "name": FEASTS,
        "community": "default",
        "username": "noor",
        "kind": "user",
    }
    path = path.format_map({**unknown, **others, "grantee": "noor", **names})
    return caller(method, path, ENDPOINTS[endpoint][0])


@pytest.fixture
def things(operator, schedule, noor):
    """One of everything that an address can name."""
    assert operator("PUT", f"/calendars/{FEASTS}", {}).status_code == 201
    run = operator.post(f"/schedules/{schedule['schedule_id']}/trigger").json()
    past = f"/schedules/{schedule['schedule_id']}/backfills"
    backfill = operator.post(past, PAST).json()
    operator.post(f"{past}/{backfill['backfill_id']}/cancel")
    workflow_id = schedule["workflow_id"]
    put_grant(system_caller(), UUID(workflow_id), grantee("user:noor"), ["view"])
    token, _ = issue_token(NewToken(name="ci"))
    graph = operator.post("/workflows", {"name": "graph", "definition": GRAPH}).json()
    at = f"/workflows/{graph['workflow_id']}"
    assert operator.post(f"{at}/publish").status_code == 200
    put_grant(system_caller(), UUID(graph["workflow_id"]), grantee("user:noor"), ["view"])
    execution = operator.post(f"{at}/execute").json()
    return {
        "graph_id": graph["workflow_id"],
        "execution_id": execution["execution_id"],
        "schedule_id": schedule["schedule_id"],
        "backfill_id": backfill["backfill_id"],
        "run_id": run["run_id"],
        "workflow_id": workflow_id,
        "token_id": str(token.pk),
    }


def operations(prefix="api/v1/"):
    """Every address that Django knows under the prefix, whoever put it there."""
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) == prefix:
            for inner in pattern.url_patterns:
                path = "/" + str(inner.pattern).replace("<uuid:", "{").replace("<", "{").replace(
                    ">", "}"
                )
                yield path.rstrip("/") or "/"


def test_no_address_of_the_api_is_without_an_authorisation_test():
    tested = {path for _, path in ENDPOINTS}
    assert set(operations()) - tested == PUBLIC


def test_no_operation_of_the_document_is_without_an_authorisation_test():
    found = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in openapi_document()["paths"].items()
        for method in methods
    }
    assert found - {("GET", "/health")} == set(ENDPOINTS)


def test_the_document_says_which_role_an_operation_takes():
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            endpoint = (method.upper(), path.removeprefix("/api/v1"))
            if endpoint in ENDPOINTS:
                assert operation["security"] == [{"BearerToken": []}]
                assert operation.get("x-needs-role", "viewer") == ENDPOINTS[endpoint][1]
                if endpoint in ON_A_WORKFLOW:
                    assert operation["x-needs-right"] == ON_A_WORKFLOW[endpoint]


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic eDp5", "cw_x", "Bearer \u00fc"])
def test_another_authorisation_is_none(header, anonymous):
    with_header = functools.partial(anonymous, Authorization=header)
    for endpoint in ENDPOINTS:
        problem(ask(with_header, endpoint), 401)


@named
def test_another_communitys_things_are_as_unknown_as_those_that_do_not_exist(
    endpoint, foreigner, operator, things
):
    """C-19: an admin elsewhere is a stranger here, and is not told that there is anything."""
    before = list(Schedule.objects.values())
    foreign = problem(ask(foreigner, endpoint, **things), 404)
    unknown = problem(ask(foreigner, endpoint), 404)

    def plain(told):
        text = str({**told, "instance": ""})
        for known in things.values():
            text = text.replace(known, UNKNOWN)
        return text

    assert plain(foreign) == plain(unknown)
    assert list(Schedule.objects.values()) == before


@named
def test_what_does_not_exist_is_not_found(endpoint, operator):
    problem(ask(operator, endpoint), 404)


@named
def test_what_is_no_id_is_not_found(endpoint, operator):
    no_ids = dict.fromkeys(("schedule_id", "run_id", "graph_id", "execution_id"), "17")
    problem(ask(operator, endpoint, **no_ids), 404)


def test_lists_hold_nothing_of_other_communities(operator, foreigner, schedule):
    assert foreigner.get("/schedules").json() == {"items": [], "next": None}
    path = f"/schedules/workflow/{schedule['workflow_id']}"
    assert foreigner.get(path).json()["count"] == 0
    assert len(operator.get("/schedules").json()["items"]) == 1
    assert operator.get(path).json()["count"] == 1


def test_a_schedule_belongs_to_its_tokens_community_whatever_the_body_says(foreigner, operator):
    """C-29: a community is never taken from a client."""
    made = foreigner.post("/schedules", body()).json()
    assert Schedule.objects.get(schedule_id=made["schedule_id"]).community_id == "elsewhere"
    for name in ("community", "community_id", "user_id", "created_by"):
        problem(operator.post("/schedules", body(**{name: "elsewhere"})), 400)
    config = {**CRON, "community_id": "elsewhere"}
    problem(operator.post("/schedules", body(config)), 400)


def test_two_communities_may_use_one_key(operator, foreigner):
    assert operator.post("/schedules", body(key="daily")).status_code == 201
    assert foreigner.post("/schedules", body(key="daily")).status_code == 201
    problem(operator.post("/schedules", body(key="daily")), 409)


def test_a_session_of_the_admin_pages_is_no_way_in(admin_client, schedule):
    """So there is nothing that a forged request could ride on (CSRF)."""
    problem(Api(client=admin_client).get("/schedules"), 401)


def test_what_was_refused_is_in_the_trail(viewer, schedule):
    viewer("DELETE", f"/schedules/{schedule['schedule_id']}")
    entry = AuditEntry.objects.get(category="AUTHZ")
    assert (entry.actor, entry.community, entry.result) == ("viewer", "default", "DENIED")
    assert entry.details["path"].endswith(schedule["schedule_id"])


def test_a_bad_token_is_logged_without_itself_and_without_a_row(caplog, anonymous):
    caplog.set_level(logging.INFO, "clockwright.audit")
    anonymous("GET", "/schedules", Authorization="Bearer cw_hunter2")
    (record,) = [record for record in caplog.records if record.name == "clockwright.audit"]
    assert (record.action, record.result) == ("authenticate", "DENIED")
    assert "hunter2" not in caplog.text
    assert not AuditEntry.objects.exists()


def test_only_exposed_functions_can_be_scheduled_from_outside(operator, functions):
    secret = functions.get("tests.secret")
    for reference in (
        {"workflow": "tests.secret"},
        {"workflow_id": str(secret.workflow_id)},
        {"workflow": "tests.nowhere"},
        {"workflow_id": str(uuid4())},
    ):
        response = operator.post("/schedules", {"schedule_config": CRON, **reference})
        told = problem(response, 400)
        assert [error["pointer"] for error in told["errors"]] == [f"/{next(iter(reference))}"]
    keys = [item["key"] for item in operator.get("/functions").json()["items"]]
    assert "tests.add" in keys
    assert "tests.secret" not in keys


def test_health_document_and_docs_are_for_everybody(anonymous):
    for path in sorted(PUBLIC - {"/"}):
        assert anonymous.get(path).status_code in {200, 503}
