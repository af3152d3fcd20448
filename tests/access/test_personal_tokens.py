"""Tokens that act as a member, tokens with scopes, and how long a token may last."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clockwright.access.callers import Caller, Forbidden, Right, Role
from clockwright.access.communities import CommunityChange, change_community
from clockwright.access.errors import AccessError
from clockwright.access.members import put_member
from clockwright.access.models import ApiToken
from clockwright.access.tokens import NewToken, authenticate, caller_of_token_id, issue_token
from clockwright.access.users import set_active
from clockwright.engine.clock import utc_now
from tests.access.conftest import BOSS, Join

pytestmark = pytest.mark.django_db


def personal(role: str = "admin", **more: object) -> str:
    return issue_token(NewToken(name="laptop", role=role, username="mira", **more))[1]


@pytest.mark.parametrize("given", Role)
@pytest.mark.parametrize("has", Role)
def test_a_personal_token_is_never_more_than_its_member(join: Join, has: Role, given: Role) -> None:
    join("boss", "admin")
    member = join("mira", has)
    caller = authenticate(personal(given))
    assert caller is not None
    assert caller.role is min(has, given, key=lambda role: role.rank)
    assert (caller.actor, caller.user_id) == (member.actor, member.user_id)


def test_it_follows_what_becomes_of_the_member_at_once(join: Join) -> None:
    join("mira", "operator")
    text, row = personal(), ApiToken.objects.get()
    put_member(BOSS, "mira", "viewer")
    caller = authenticate(text)
    assert caller is not None
    assert caller.role is Role.VIEWER
    set_active(BOSS, "mira", active=False)
    assert authenticate(text) is None
    assert caller_of_token_id(row.pk) is None
    set_active(BOSS, "mira", active=True)
    assert authenticate(text) is not None


def test_a_refused_token_is_not_noted_as_used(join: Join) -> None:
    join("mira")
    text = personal()
    set_active(BOSS, "mira", active=False)
    authenticate(text)
    assert ApiToken.objects.get().last_used_at is None


def test_scopes_are_kept_with_the_right_to_look(join: Join) -> None:
    join("mira", "operator")
    caller = authenticate(personal("operator", scopes=["execute"]))
    assert ApiToken.objects.get().scopes == ["view", "execute"]
    assert caller is not None
    assert caller.rights == {Right.VIEW, Right.EXECUTE}


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["fly"]}, "scopes"),
        ({"username": "nobody"}, "username"),
        ({"name": "user:mira"}, "name"),
        ({"name": "cli:root"}, "name"),
        ({"name": "system"}, "name"),
    ],
)
def test_a_token_that_cannot_be_is_refused(join: Join, more: dict[str, object], field: str) -> None:
    join("mira")
    with pytest.raises(AccessError) as caught:
        issue_token(NewToken(**{"name": "x", **more}))
    assert caught.value.field == field


def test_a_community_may_limit_how_long_tokens_last(join: Join) -> None:
    change_community(BOSS, CommunityChange(token_days=30))
    limit = timedelta(days=30)
    before = utc_now()
    issue_token(NewToken(name="as long as may be"))
    end = ApiToken.objects.get().expires_at
    assert end is not None
    assert before + limit <= end <= utc_now() + limit
    issue_token(NewToken(name="shorter", expires_at=utc_now() + timedelta(days=1)))
    with pytest.raises(AccessError, match="last at most 30 days"):
        issue_token(NewToken(name="longer", expires_at=utc_now() + timedelta(days=31)))
    change_community(BOSS, CommunityChange(token_days=0))
    issue_token(NewToken(name="for ever"))
    assert ApiToken.objects.get(name="for ever").expires_at is None


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("scopes", [None, ["manage", "delete"]])
def test_a_narrow_token_makes_none_that_carries_the_grants_of_a_member(
    join: Join, role: Role, scopes: list[str] | None
) -> None:
    """Whatever its role, a token of a member may what the member's grants give: its maker has to have that too."""
    join("mira", "operator")
    narrow = Caller(
        actor="ci", community="default", role=Role.ADMIN, scopes=frozenset({Right.MANAGE})
    )
    wide = NewToken(name="x", role=role, username="mira", scopes=scopes)
    with pytest.raises(Forbidden, match="scopes of your token"):
        issue_token(wide, narrow)
    assert not ApiToken.objects.exists()
    issue_token(NewToken(name="x", role=role, username="mira", scopes=["manage"]), narrow)
    issue_token(wide, join("boss", "admin"))


def test_a_narrow_token_makes_no_wider_one_of_its_own_user(join: Join) -> None:
    join("mira", "admin")
    narrow = authenticate(personal(scopes=["manage"]))
    with pytest.raises(Forbidden):
        issue_token(NewToken(name="x", username="mira"), narrow)
