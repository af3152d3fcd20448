"""Who may do what: roles, grants and scopes, decided in one place (C-19, C-29, B3.5)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clockwright
from clockwright.access import policy
from clockwright.access.callers import Caller, Forbidden, Right, Role, lowest_role
from clockwright.access.errors import UnknownHere
from clockwright.access.grants import grantee, own, put_grant, remove_grant
from clockwright.access.members import caller_of_name, put_member, remove_member
from clockwright.server import samples
from tests.access.conftest import BOSS, OTHER, WORKFLOW, Join

REGISTERED = samples.echo
"""Importing the samples is what makes their workflows known."""

SOURCE = Path(clockwright.__file__).parent
roles = st.sampled_from(Role)
scopes = st.none() | st.frozensets(st.sampled_from(Right))


def caller(role: Role, within: frozenset[Right] | None = None) -> Caller:
    return Caller(actor="a", community="default", role=role, scopes=within)


def test_each_role_has_the_rights_that_are_documented() -> None:
    assert Role.VIEWER.rights == {"view"}
    assert Role.OPERATOR.rights == {"view", "edit", "execute", "delete"}
    assert Role.ADMIN.rights == {"view", "edit", "execute", "delete", "manage"}
    assert [lowest_role(right) for right in Right] == [
        "viewer",
        "operator",
        "operator",
        "operator",
        "admin",
    ]


@given(roles, scopes)
def test_scopes_only_ever_take_away_and_leave_the_right_to_look(
    role: Role, within: frozenset[Right] | None
) -> None:
    narrowed = caller(role, within)
    assert {Right.VIEW} <= narrowed.rights <= role.rights
    assert all(right in (within or role.rights) for right in narrowed.rights - {Right.VIEW})


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("has", Role)
def test_a_role_may_do_what_those_before_it_may(has: Role, right: Right) -> None:
    lowest = lowest_role(right)
    if has.rank >= lowest.rank:
        policy.require(caller(has), right)
    else:
        with pytest.raises(Forbidden, match=f"takes the role {lowest}; yours is {has}"):
            policy.require(caller(has), right)


def test_nothing_outside_the_policy_decides_who_may_do_what() -> None:
    """Every entrance asks; none compares roles or refuses by itself."""
    deciding = re.compile(r"Forbidden\(|\.rank\b|\.role (==|!=|is|in)\b|\brights_on\(|\.scopes\b")
    found = [
        f"{path.relative_to(SOURCE)}: {line.strip()}"
        for path in sorted(SOURCE.rglob("*.py"))
        if path.relative_to(SOURCE).parts[0] != "access"
        for line in path.read_text(encoding="utf-8").splitlines()
        if deciding.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("who", "right", "words"),
    [
        (caller(Role.VIEWER), Right.EDIT, "takes the role operator; yours is viewer"),
        (caller(Role.OPERATOR), Right.MANAGE, "takes the role admin; yours is operator"),
        (
            caller(Role.ADMIN, frozenset({Right.EXECUTE})),
            Right.EDIT,
            "takes the right edit; the scopes of your token are view, execute",
        ),
    ],
)
def test_a_refusal_says_what_is_missing(who: Caller, right: Right, words: str) -> None:
    with pytest.raises(Forbidden, match=words):
        policy.require(who, right)


def test_another_community_is_as_unknown_as_one_that_there_is_not() -> None:
    for name in ("elsewhere", "nowhere"):
        with pytest.raises(UnknownHere, match=f"Community not found: {name}"):
            policy.require_inside(caller(Role.ADMIN), name)


@pytest.mark.parametrize("right", Right)
def test_a_grant_gives_its_right_on_its_workflow_to_its_member_alone(
    join: Join, right: Right
) -> None:
    """C-29: a permission never applies to everyone."""
    mira, noor = join("mira"), join("noor")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), [right])
    assert policy.rights_on(mira, WORKFLOW) == {Right.VIEW, right}
    assert policy.rights_on(mira, OTHER) == {Right.VIEW}
    assert policy.rights_on(noor, WORKFLOW) == {Right.VIEW}
    assert policy.may(mira, right) == (right is Right.VIEW)
    assert policy.may_somewhere(mira, right)
    assert policy.may_somewhere(noor, right) == (right is Right.VIEW)


def test_a_grant_to_a_role_is_for_it_and_those_above_it(join: Join) -> None:
    viewer, operator = join("mira"), join("noor", "operator")
    put_grant(BOSS, WORKFLOW, grantee("role:operator"), ["manage"])
    assert policy.may(operator, Right.MANAGE, WORKFLOW)
    assert not policy.may(viewer, Right.MANAGE, WORKFLOW)
    put_grant(BOSS, WORKFLOW, grantee("role:viewer"), ["manage"])
    assert policy.may(viewer, Right.MANAGE, WORKFLOW)


def test_a_grant_of_one_community_gives_nothing_in_another(join: Join) -> None:
    join("boss", "admin", "elsewhere")
    here, there = join("mira"), join("mira", community="elsewhere")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["execute"])
    assert policy.may(here, Right.EXECUTE, WORKFLOW)
    assert not policy.may(there, Right.EXECUTE, WORKFLOW)


def test_scopes_narrow_grants_as_well(join: Join) -> None:
    mira = join("mira")
    own(mira, WORKFLOW)
    assert policy.rights_on(mira, WORKFLOW) == frozenset(Right)
    narrowed = Caller(
        actor=mira.actor,
        community="default",
        role=mira.role,
        scopes=frozenset({Right.EXECUTE}),
        user_id=mira.user_id,
    )
    assert policy.rights_on(narrowed, WORKFLOW) == {Right.VIEW, Right.EXECUTE}


def test_what_was_granted_ends_with_the_grant_and_with_the_membership(join: Join) -> None:
    join("boss", "admin")
    mira = join("mira")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["edit"])
    remove_grant(BOSS, WORKFLOW, grantee("user:mira"))
    assert not policy.may(mira, Right.EDIT, WORKFLOW)
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["edit"])
    remove_member(BOSS, "mira")
    with pytest.raises(UnknownHere):
        caller_of_name("mira", "default")
    assert not policy.may(join("mira"), Right.EDIT, WORKFLOW)  # a member again, without it


def test_whoever_makes_a_workflow_keeps_it_whatever_becomes_of_their_role(join: Join) -> None:
    operator = join("mira", "operator")
    own(operator, WORKFLOW)
    put_member(BOSS, "mira", "viewer")
    assert policy.rights_on(caller_of_name("mira", "default"), WORKFLOW) == frozenset(Right)


def test_a_token_without_a_user_owns_nothing(db: None) -> None:
    service = caller(Role.OPERATOR)
    own(service, WORKFLOW)
    assert not policy.may(service, Right.MANAGE, WORKFLOW)
