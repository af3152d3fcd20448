"""`/tokens` and `/communities`: what they answer, and what they refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clockwright.access.models import ApiToken, Community, WorkflowGrant
from clockwright.audit.models import AuditEntry
from clockwright.engine.clock import utc_now
from clockwright.engine.registry import workflow_id_of
from tests.api.conftest import CRON, Api, body, member, personal, pointers, problem
from tests.api.test_authorisation import GRAPH

HERE = "/communities/default"
ADD = workflow_id_of("tests.add")


@pytest.fixture
def admin(db):
    return personal(member("mira", "admin"))


def test_a_token_is_made_shown_once_and_used(admin):
    sent = {"name": "ci", "role": "operator", "scopes": ["execute"]}
    response = admin.post("/tokens", sent)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    made = response.json()
    assert (made["scopes"], made["state"], made["username"]) == (["view", "execute"], "valid", None)
    path = response.headers["Location"].removeprefix("/api/v1")
    assert admin.get(path).json() == {key: made[key] for key in made if key != "token"}
    listed = admin.get("/tokens")
    assert made["token"] not in listed.content.decode()
    assert ApiToken.objects.get(name="ci").digest not in listed.content.decode()
    me = Api(made["token"]).get("/tokens/current").json()
    assert me == {
        "actor": "ci",
        "community": "default",
        "role": "operator",
        "rights": ["view", "execute"],
    }


def test_a_scoped_token_does_what_its_scopes_say(admin, operator, schedule):
    text = admin.post("/tokens", {"name": "ci", "role": "operator", "scopes": ["execute"]}).json()
    client, path = Api(text["token"]), f"/schedules/{schedule['schedule_id']}"
    assert client.post(f"{path}/trigger").status_code == 202
    told = problem(client.post(f"{path}/pause"), 403)
    assert told["detail"] == (
        "this takes the right edit; the scopes of your token are view, execute"
    )


def test_a_revoked_token_stays_in_the_list_and_opens_nothing(admin, viewer):
    token = ApiToken.objects.get(name="viewer")
    for _ in range(2):
        assert admin("DELETE", f"/tokens/{token.pk}").json() == {"status": "revoked"}
    problem(viewer.get("/tokens/current"), 401)
    states = {item["name"]: item["state"] for item in admin.get("/tokens").json()["items"]}
    assert states["viewer"] == "revoked"
    assert AuditEntry.objects.filter(action="token_revoke", actor="user:mira").count() == 1


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({}, "/name"),
        ({"name": ""}, "/name"),
        ({"name": "x", "role": "king"}, "/role"),
        ({"name": "x", "scopes": ["fly"]}, "/scopes/0"),
        ({"name": "x", "scopes": []}, "/scopes"),
        ({"name": "x", "username": "nobody"}, "/username"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": "x", "expires_at": "2040-01-01T00:00:00"}, "/expires_at"),
        ({"name": "x", "community": "elsewhere"}, "/community"),
    ],
)
def test_a_token_that_cannot_be_is_refused_by_its_field(admin, sent, pointer):
    assert pointers(admin.post("/tokens", sent)) == [pointer]


def test_a_token_makes_none_that_may_more_than_it(admin):
    sent = {"name": "ci", "role": "admin", "scopes": ["manage"]}
    manager = Api(admin.post("/tokens", sent).json()["token"])
    problem(manager.post("/tokens", {"name": "more", "role": "operator"}), 403)
    problem(manager("PUT", f"{HERE}/members/mira", {"role": "operator"}), 403)
    assert manager.post("/tokens", {"name": "less"}).status_code == 201


def test_a_token_that_ends_beyond_the_calendar_breaks_no_list(admin):
    """An end that UTC cannot write is refused; the list goes on to be read."""
    for late in ("9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z"):
        assert pointers(admin.post("/tokens", {"name": "x", "expires_at": late})) == ["/expires_at"]
    assert admin.get("/tokens").status_code == 200


def test_a_narrow_token_makes_none_that_acts_as_a_member_with_grants(admin, noor):
    sent = {"name": "ci", "role": "admin", "scopes": ["manage"]}
    manager = Api(admin.post("/tokens", sent).json()["token"])
    problem(manager.post("/tokens", {"name": "x", "role": "viewer", "username": "noor"}), 403)
    assert admin.post("/tokens", {"name": "x", "username": "noor"}).status_code == 201


def test_members_come_change_and_go(admin, noor):
    names = [item["username"] for item in admin.get(f"{HERE}/members").json()["items"]]
    assert names == ["mira", "noor"]
    put = admin("PUT", f"{HERE}/members/noor", {"role": "operator"})
    assert (put.status_code, put.json()["role"]) == (200, "operator")
    assert admin("DELETE", f"{HERE}/members/noor").status_code == 200
    problem(admin("DELETE", f"{HERE}/members/noor"), 404)
    assert admin("PUT", f"{HERE}/members/noor", {"role": "viewer"}).status_code == 201
    assert pointers(admin("PUT", f"{HERE}/members/nobody", {"role": "viewer"})) == ["/username"]
    assert pointers(admin("PUT", f"{HERE}/members/noor", {"role": "king"})) == ["/role"]
    problem(admin("PUT", f"{HERE}/members/mira", {"role": "viewer"}), 409)


def test_a_demoted_member_loses_the_right_at_the_next_request(admin, noor, operator, schedule):
    admin("PUT", f"{HERE}/members/noor", {"role": "operator"})
    client, path = personal("noor"), f"/schedules/{schedule['schedule_id']}"
    assert client.post(f"{path}/pause").status_code == 200
    admin("PUT", f"{HERE}/members/noor", {"role": "viewer"})
    problem(client.post(f"{path}/resume"), 403)
    admin("DELETE", f"{HERE}/members/noor")
    problem(client.get(path), 401)


def test_a_grant_lets_a_viewer_do_one_thing_with_one_workflow(admin, noor, operator, schedule):
    path, client = f"/schedules/{schedule['schedule_id']}", personal("noor")
    grant = f"{HERE}/grants/{ADD}/user/noor"
    problem(client.post(f"{path}/trigger"), 403)
    made = admin("PUT", grant, {"rights": ["execute"]})
    assert made.status_code == 201
    assert made.json()["rights"] == ["view", "execute"]
    run = client.post(f"{path}/trigger")
    assert run.status_code == 202
    problem(client("DELETE", path), 403)
    problem(client.post("/schedules", body()), 403)
    assert admin("DELETE", grant).status_code == 200
    problem(client.post(f"{path}/trigger"), 403)
    triggered = AuditEntry.objects.get(action="schedule_trigger")
    assert (triggered.actor, triggered.community) == ("user:noor", "default")


def test_who_made_and_who_triggered_is_kept_with_the_row(noor, operator):
    """C-19: user and community are stored, and removing twice is no success."""
    client = personal(member("mira", "operator"))
    made = client.post("/schedules", body()).json()
    path = f"/schedules/{made['schedule_id']}"
    entry = AuditEntry.objects.get(action="schedule_create")
    assert (entry.actor, entry.community) == ("user:mira", "default")
    problem(personal("noor")("DELETE", path), 403)
    assert client("DELETE", path).status_code == 200
    problem(client("DELETE", path), 404)


@pytest.mark.parametrize("kind", ["entity", "everyone", "x"])
def test_a_grant_is_to_a_user_or_a_role_alone(admin, kind):
    """C-29: there is no permission that applies to whoever asks."""
    problem(admin("PUT", f"{HERE}/grants/{ADD}/{kind}/noor", {"rights": ["view"]}), 404)
    assert not WorkflowGrant.objects.exists()


def test_grants_are_refused_for_what_there_is_not(admin, noor):
    unknown = workflow_id_of("tests.nowhere")
    problem(admin("PUT", f"{HERE}/grants/{unknown}/user/noor", {"rights": ["view"]}), 404)
    problem(admin("PUT", f"{HERE}/grants/{ADD}/user/nobody", {"rights": ["view"]}), 404)
    problem(admin("PUT", f"{HERE}/grants/{ADD}/role/king", {"rights": ["view"]}), 400)
    problem(admin("DELETE", f"{HERE}/grants/{ADD}/user/noor"), 404)
    assert pointers(admin("PUT", f"{HERE}/grants/{ADD}/user/noor", {"rights": []})) == ["/rights"]


def test_grants_are_listed_by_workflow(admin, noor):
    for path in (f"{ADD}/user/noor", f"{ADD}/role/operator"):
        admin("PUT", f"{HERE}/grants/{path}", {"rights": ["manage"]})
    listed = admin.get(f"{HERE}/grants", workflow_id=str(ADD)).json()["items"]
    assert [(item["kind"], item["grantee"]) for item in listed] == [
        ("user", "noor"),
        ("role", "operator"),
    ]
    assert admin.get(f"{HERE}/grants", workflow_id=str(workflow_id_of("x"))).json()["items"] == []


def test_an_admin_sets_how_long_tokens_may_last(admin):
    changed = admin("PATCH", HERE, {"longest_token_days": 7, "name": "Ours"}).json()
    assert (changed["longest_token_days"], changed["name"]) == (7, "Ours")
    late = (utc_now() + timedelta(days=8)).isoformat()
    refused = admin.post("/tokens", {"name": "x", "expires_at": late})
    assert pointers(refused) == ["/expires_at"]
    assert admin.post("/tokens", {"name": "x"}).json()["expires_at"] is not None
    assert pointers(admin("PATCH", HERE, {"longest_token_days": -1})) == ["/longest_token_days"]
    assert pointers(admin("PATCH", HERE, {"slug": "mine"})) == ["/slug"]


def test_a_workflow_of_another_community_is_neither_scheduled_nor_granted(operator, foreigner):
    """C-29: whose a workflow is, the database says; an id that was found out is worth nothing."""
    made = operator.post("/workflows", {"name": "graph", "definition": GRAPH}).json()
    workflow_id = made["workflow_id"]
    assert operator.post(f"/workflows/{workflow_id}/publish").status_code == 200
    sent = {"workflow_id": workflow_id, "schedule_config": CRON}
    assert pointers(foreigner.post("/schedules", sent)) == ["/workflow_id"]
    member("ben", "viewer", "elsewhere")
    there = f"/communities/elsewhere/grants/{workflow_id}/user/ben"
    problem(foreigner("PUT", there, {"rights": ["execute"]}), 404)
    assert operator.post("/schedules", sent).status_code == 201


def test_a_caller_sees_the_community_of_the_token_and_no_other(admin, foreigner):
    assert [item["community"] for item in admin.get("/communities").json()["items"]] == ["default"]
    mine = foreigner.get("/communities").json()["items"]
    assert [item["community"] for item in mine] == ["elsewhere"]
    unknown = problem(foreigner.get("/communities/nowhere"), 404)["detail"]
    foreign = problem(foreigner.get(HERE), 404)["detail"]
    assert unknown.replace("nowhere", "default") == foreign


def test_a_member_of_two_communities_acts_in_the_one_of_the_token(operator, schedule):
    member("mira", "admin")
    Community.objects.create(slug="elsewhere")
    member("mira", "admin", "elsewhere")
    path = f"/schedules/{schedule['schedule_id']}"
    assert personal("mira").get(path).status_code == 200
    problem(personal("mira", community="elsewhere").get(path), 404)
