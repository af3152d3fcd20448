"""Who gets in by name and password: members, to act in one of their communities (C-19, S4-50)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from clockwright.access import throttle
from clockwright.access.callers import system_caller
from clockwright.access.grants import grantee, put_grant
from clockwright.access.members import put_member, remove_member
from clockwright.access.models import Community
from clockwright.access.tokens import create_token
from clockwright.access.users import NewUser, create_user, set_active, set_password
from clockwright.audit.models import AuditEntry
from clockwright.console import sessions
from clockwright.engine.registry import workflow_id_of
from clockwright.schedules.models import Schedule

pytestmark = pytest.mark.django_db
BOSS = system_caller()
GOOD = "correct horse battery"
FORM = {
    "cron": "0 5 * * *",
    "tz": "UTC",
    "function": "samples.echo",
    "context": "{}",
    "key": "",
}


@pytest.fixture
def mira() -> User:
    """A user of no community yet."""
    Community.objects.get_or_create(slug="default")
    Community.objects.get_or_create(slug="elsewhere")
    return create_user(BOSS, NewUser(username="mira", password=GOOD))


def sign_in(client: Client, password: str = GOOD, name: str = "mira", **more: str) -> object:
    return client.post("/sign-in", {"username": name, "password": password, **more})


def test_a_member_signs_in_and_goes_on_to_the_page_that_was_asked_for(mira: User) -> None:
    put_member(BOSS, "mira", "operator")
    client = Client()
    answer = sign_in(client, next="/?updates=paused")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/?updates=paused")
    shown = client.get("/").content.decode()
    assert "user:mira" in shown
    assert "operator in" in shown
    assert client.session.get_expiry_age() <= sessions.SESSION_SECONDS
    entry = AuditEntry.objects.get(action="authenticate")
    assert (entry.actor, entry.community, entry.result) == ("user:mira", "default", "SUCCESS")


def test_whoever_is_in_no_community_is_told_so_and_gets_no_session(mira: User) -> None:
    client = Client()
    answer = sign_in(client)
    assert answer.status_code == 403
    assert "in no community yet" in answer.content.decode()
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(("name", "password"), [("mira", "wrong"), ("nobody", GOOD)])
def test_a_wrong_password_and_an_unknown_name_are_told_alike(
    mira: User, name: str, password: str
) -> None:
    put_member(BOSS, "mira", "viewer")
    answer = sign_in(Client(), password, name)
    assert answer.status_code == 401
    page = answer.content.decode()
    assert "Name and password do not belong together" in page
    assert password not in page


@pytest.mark.parametrize("missing", ["username", "password"])
def test_an_empty_field_is_refused_with_a_hint(mira: User, missing: str) -> None:
    form = {"username": "mira", "password": GOOD, missing: ""}
    answer = Client().post("/sign-in", form)
    assert answer.status_code == 400
    assert "is empty" in answer.content.decode()


def test_too_many_wrong_passwords_close_the_door_even_to_the_right_one(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    client = Client()
    for _ in range(throttle.MOST_OF_AN_ADDRESS):
        assert sign_in(client, "wrong").status_code == 401
    answer = sign_in(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "300")
    assert sign_in(Client(REMOTE_ADDR="10.0.0.9")).status_code == 302


def test_a_session_planted_before_sign_in_is_worth_nothing_after_it(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    client = Client()
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    sign_in(client)
    assert client.session.session_key != before
    assert "planted" not in client.session


def ended_by_disabling() -> None:
    set_active(BOSS, "mira", active=False)


def ended_by_another_password() -> None:
    set_password(BOSS, "mira", "another long sentence")


def ended_by_leaving() -> None:
    remove_member(BOSS, "mira")


@pytest.mark.parametrize("end", [ended_by_disabling, ended_by_another_password, ended_by_leaving])
def test_a_session_ends_with_what_opened_it(mira: User, end: object) -> None:
    put_member(BOSS, "mira", "viewer")
    client = Client()
    sign_in(client)
    assert client.get("/").status_code == 200
    end()
    assert client.get("/").status_code == 302


def test_a_session_does_not_go_on_in_another_community(mira: User) -> None:
    """What was meant for one community is never done in another."""
    for community in ("default", "elsewhere"):
        put_member(system_caller(community=community), "mira", "operator")
    client = Client()
    sign_in(client)
    remove_member(BOSS, "mira")
    answer = client.post("/schedules", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert not Schedule.objects.exists()
    assert sign_in(client).status_code == 302
    assert "<strong>elsewhere</strong>" in client.get("/community").content.decode()


def test_a_password_at_the_admin_pages_ends_the_session_of_a_token(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    User.objects.update(is_staff=True)
    client = Client()
    client.post("/sign-in", {"token": create_token("ci", "admin")})
    assert client.get("/password").status_code == 404
    answer = client.post("/admin/login/", {"username": "mira", "password": GOOD})
    assert answer.status_code == 302
    assert sessions.SESSION_KEY not in client.session
    assert "user:mira" in client.get("/").content.decode()


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(mira: User) -> None:
    put_member(BOSS, "mira", "operator")
    client = Client()
    sign_in(client)
    put_member(BOSS, "mira", "viewer")
    assert client.post("/schedules", FORM).status_code == 403
    assert not Schedule.objects.exists()


def test_signing_out_ends_the_session(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    client = Client()
    sign_in(client)
    client.post("/sign-out")
    assert client.get("/").status_code == 302


def test_a_member_of_several_communities_chooses_where_to_act(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    put_member(system_caller(community="elsewhere"), "mira", "operator")
    client = Client()
    sign_in(client)
    page = client.get("/community").content.decode()
    assert "You act in <strong>default</strong> as viewer" in page
    assert "Act in elsewhere as operator" in page
    assert client.post("/schedules", FORM).status_code == 403
    chosen = client.post("/community", {"community": "elsewhere"})
    assert (chosen.status_code, chosen.headers["Location"]) == (303, "/")
    assert client.post("/schedules", FORM).status_code == 303
    made = Schedule.objects.get()
    assert (made.community_id, made.created_by) == ("elsewhere", "user:mira")


def test_being_added_elsewhere_does_not_move_anybody(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    Community.objects.create(slug="aaa")
    put_member(system_caller(community="aaa"), "mira", "admin")
    client = Client()
    sign_in(client)
    assert "<strong>default</strong>" in client.get("/community").content.decode()


@pytest.mark.parametrize("community", ["elsewhere", "nowhere", "", "a\0b"])
def test_nobody_chooses_a_community_they_are_not_in(mira: User, community: str) -> None:
    """C-29: a community that a client names is worth nothing."""
    put_member(BOSS, "mira", "admin")
    client = Client()
    sign_in(client)
    assert client.post("/community", {"community": community}).status_code == 404
    assert "<strong>default</strong>" in client.get("/community").content.decode()
    session = client.session
    session[sessions.COMMUNITY_KEY] = "elsewhere"
    session.save()
    assert client.get("/").headers["Location"] == "/sign-in"


def test_a_viewer_with_a_grant_is_offered_the_form_and_adds_what_was_granted(mira: User) -> None:
    put_member(BOSS, "mira", "viewer")
    put_grant(BOSS, workflow_id_of("samples.echo"), grantee("user:mira"), ["edit"])
    client = Client()
    sign_in(client)
    assert 'name="function"' in client.get("/").content.decode()
    assert client.post("/schedules", FORM).status_code == 303
    refused = client.post("/schedules", {**FORM, "function": "samples.sleep"})
    assert refused.status_code == 403
    assert "takes the role operator; yours is viewer" in refused.content.decode()
    assert AuditEntry.objects.filter(category="AUTHZ", actor="user:mira").count() == 1
    assert Schedule.objects.count() == 1


NEW = {"old": GOOD, "new": "another long sentence", "again": "another long sentence"}


@pytest.fixture
def client(mira: User) -> Client:
    put_member(BOSS, "mira", "viewer")
    client = Client()
    sign_in(client)
    return client


def test_a_user_changes_the_password_and_stays_signed_in_here_alone(client: Client) -> None:
    other = Client()
    sign_in(other)
    assert client.post("/password", NEW).status_code == 303
    assert client.get("/").status_code == 200
    assert other.get("/").status_code == 302
    assert sign_in(Client(), NEW["new"]).status_code == 302
    entry = AuditEntry.objects.get(action="user_update")
    assert (entry.actor, entry.message) == ("user:mira", "password set")


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"old": "wrong"}, 401, "This is not your password"),
        ({"again": "something else"}, 400, "not what stands above it"),
        ({"new": "12345", "again": "12345"}, 400, "too short"),
        ({"new": "", "again": ""}, 400, "is empty"),
    ],
)
def test_a_change_that_cannot_be_is_refused_next_to_its_field(
    client: Client, change: dict[str, str], status: int, words: str
) -> None:
    answer = client.post("/password", {**NEW, **change})
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert User.objects.get().check_password(GOOD)


def test_guesses_at_the_old_password_are_throttled_too(client: Client) -> None:
    for _ in range(throttle.MOST_OF_AN_ADDRESS):
        client.post("/password", {**NEW, "old": "wrong"})
    assert client.post("/password", NEW).status_code == 429
