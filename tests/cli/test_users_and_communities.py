"""`clockwright user …` and `community …`, and acting as a member (`--as`)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from clockwright.access.models import ApiToken
from clockwright.access.tokens import authenticate
from clockwright.audit.models import AuditEntry
from clockwright.schedules.models import Run, Schedule

pytestmark = pytest.mark.django_db
Command = Callable[..., Any]


@pytest.fixture
def mira(clockwright: Command) -> str:
    """A viewer of the community default."""
    assert clockwright("user", "create", "mira").code == 0
    assert clockwright("community", "add", "mira").code == 0
    return "mira"


def test_a_user_has_the_password_that_came_in_and_none_otherwise(
    clockwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    made = clockwright(
        "user", "create", "ada", "--password-stdin", "--email", "ada@example.org", "--json"
    )
    assert (made.json["username"], made.json["has_password"]) == ("ada", True)
    assert User.objects.get(username="ada").check_password("correct horse battery")
    assert "horse" not in made.out + made.err
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert clockwright("user", "create", "ben", "--json").json["has_password"] is False
    listed = clockwright("user", "list", "--json").json["items"]
    assert [item["username"] for item in listed] == ["ada", "ben"]


def test_a_weak_password_is_a_usage_error(
    clockwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("12345\n"))
    done = clockwright("user", "create", "ada", "--password-stdin")
    assert done.code == 2
    assert "too short" in done.err
    assert not User.objects.exists()


def test_a_password_is_replaced_and_a_user_disabled_and_enabled(
    clockwright: Command, mira: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    assert clockwright("user", "password", mira, "--password-stdin").code == 0
    assert User.objects.get().check_password("correct horse battery")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert clockwright("user", "password", mira).code == 2
    assert clockwright("user", "disable", mira).code == 0
    assert not User.objects.get().is_active
    assert "before" in clockwright("user", "disable", mira).err
    assert clockwright("user", "enable", mira).code == 0
    assert clockwright("user", "enable", "nobody").code == 3


def test_a_name_that_is_taken_is_a_conflict(clockwright: Command, mira: str) -> None:
    assert clockwright("user", "create", mira).code == 4
    assert clockwright("community", "create", "default").code == 4


def test_a_community_is_made_filled_and_changed(clockwright: Command, mira: str) -> None:
    assert clockwright("community", "create", "night", "--name", "Night").code == 0
    slugs = [item["community"] for item in clockwright("community", "list", "--json").json["items"]]
    assert slugs == ["default", "night"]
    night = ("--community", "night", "community")
    assert clockwright(*night, "add", mira, "--role", "admin").code == 0
    (member,) = clockwright(*night, "members", "--json").json["items"]
    assert (member["username"], member["role"]) == ("mira", "admin")
    changed = clockwright(*night, "change", "--token-days", "7", "--json").json
    assert (changed["longest_token_days"], changed["name"]) == (7, "Night")
    assert clockwright(*night, "remove", mira).code == 4  # the last admin
    assert clockwright("community", "remove", mira).code == 0
    assert clockwright("community", "remove", mira).code == 3


def test_a_grant_is_given_shown_and_ended(clockwright: Command, mira: str) -> None:
    asked = ("community", "grant", "samples.echo", "user:mira", "execute", "edit", "--json")
    assert clockwright(*asked).json["rights"] == ["view", "edit", "execute"]
    (shown,) = clockwright("community", "grants", "--json").json["items"]
    assert (shown["kind"], shown["grantee"]) == ("user", "mira")
    assert "view, edit, execute" in clockwright("community", "grants").out
    assert clockwright("community", "revoke", "samples.echo", "user:mira").code == 0
    assert clockwright("community", "revoke", "samples.echo", "user:mira").code == 3
    assert clockwright("community", "grant", "nothing", "user:mira", "view").code == 3
    assert clockwright("community", "grant", "samples.echo", "mira", "view").code == 2


def test_a_token_may_be_a_members_and_have_scopes(clockwright: Command, mira: str) -> None:
    made = clockwright(
        "token", "create", "laptop", "--role", "admin", "--user", mira, "--scope", "view"
    )
    caller = authenticate(made.out.strip())
    assert caller is not None
    assert (caller.actor, caller.role, caller.rights) == ("user:mira", "viewer", {"view"})
    assert clockwright("token", "create", "x", "--user", "nobody").code == 2
    assert clockwright("token", "create", "x", "--scope", "fly").code == 2


def test_as_a_member_one_may_do_what_the_member_may(clockwright: Command, mira: str) -> None:
    added = ("schedule", "add", "--workflow", "samples.echo", "--every", "1h", "--key", "k")
    refused = clockwright("--as", mira, *added)
    assert refused.code == 1
    assert "takes the role operator; yours is viewer" in refused.err
    assert not Schedule.objects.exists()
    entry = AuditEntry.objects.get(category="AUTHZ")
    assert (entry.actor, entry.result) == ("user:mira", "DENIED")
    clockwright("community", "add", mira, "--role", "operator")
    assert clockwright("--as", mira, *added).code == 0
    assert Schedule.objects.get().created_by == "user:mira"
    assert clockwright("--as", mira, "schedule", "trigger", "k").code == 0
    assert Run.objects.filter(trigger="manual").count() == 1
    assert clockwright("--as", mira, "token", "list").code == 1
    assert clockwright("--as", mira, "token", "create", "x").code == 1
    assert not ApiToken.objects.exists()


def test_as_somebody_who_is_no_member_one_may_nothing(clockwright: Command, mira: str) -> None:
    clockwright("community", "create", "night")
    for arguments in (("schedule", "list"), ("community", "members"), ("calendar", "list")):
        assert clockwright("--as", "nobody", *arguments).code == 3
        assert clockwright("--as", mira, "--community", "night", *arguments).code == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ("user", "create", "x"),
        ("user", "list"),
        ("user", "disable", "mira"),
        ("user", "password", "mira"),
        ("community", "create", "x"),
        ("community", "list"),
        ("prune", "--days", "1"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_what_concerns_the_installation_is_no_members_to_do(
    clockwright: Command, mira: str, arguments: tuple[str, ...]
) -> None:
    clockwright("community", "add", mira, "--role", "admin")
    done = clockwright("--as", mira, *arguments)
    assert done.code == 2
    assert "for whoever maintains the installation" in done.err
