"""Members, grants and settings of a community: what an admin does, and nobody below (C-19)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from clockwright.access import communities, selectors
from clockwright.access.callers import Caller, Forbidden, Right, Role, system_caller
from clockwright.access.communities import CommunityChange, change_community, create_community
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.access.grants import grantee, put_grant, remove_grant
from clockwright.access.members import caller_of_name, put_member, remove_member
from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant
from clockwright.access.tokens import NewToken, authenticate, issue_token
from clockwright.access.users import set_active
from clockwright.audit.models import AuditEntry
from clockwright.server import samples
from tests.access.conftest import BOSS, WORKFLOW, Join

REGISTERED = samples.echo


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_a_member_has_one_role_and_every_change_of_it_is_in_the_trail(join: Join) -> None:
    join("mira")
    before = len(actions())
    member, is_new = put_member(BOSS, "mira", "operator")
    assert (member.role, is_new) == (Role.OPERATOR, False)
    put_member(BOSS, "mira", "operator")
    (entry,) = AuditEntry.objects.order_by("id")[before:]
    assert (entry.action, entry.actor, entry.community) == ("member_put", "system", "default")
    assert entry.details["changes"]["role"] == {"before": "viewer", "after": "operator"}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_whoever_is_no_admin_changes_no_member_grant_or_setting(join: Join, role: Role) -> None:
    who = join("mira", role)
    join("noor")
    attempts = (
        lambda: put_member(who, "noor", "viewer"),
        lambda: put_member(who, "mira", "admin"),
        lambda: remove_member(who, "noor"),
        lambda: put_grant(who, WORKFLOW, grantee("user:mira"), ["manage"]),
        lambda: remove_grant(who, WORKFLOW, grantee("user:mira")),
        lambda: change_community(who, CommunityChange(name="Mine")),
        lambda: issue_token(NewToken(name="mine"), who),
    )
    for attempt in attempts:
        with pytest.raises(Forbidden, match="takes the role admin"):
            attempt()
    assert not WorkflowGrant.objects.exists()
    assert not ApiToken.objects.exists()


def test_an_admin_does_all_of_it(join: Join) -> None:
    admin = join("mira", "admin")
    join("noor")
    put_member(admin, "noor", "operator")
    put_grant(admin, WORKFLOW, grantee("user:noor"), ["manage"])
    remove_grant(admin, WORKFLOW, grantee("user:noor"))
    change_community(admin, CommunityChange(name="Ours", token_days=30))
    remove_member(admin, "noor")
    mine = AuditEntry.objects.filter(actor="user:mira").order_by("id")
    assert [entry.action for entry in mine] == [
        "member_put",
        "grant_put",
        "grant_remove",
        "community_update",
        "member_remove",
    ]
    assert mine[3].details["changes"]["longest_life_days"] == {"before": None, "after": 30}


def test_an_admin_of_one_community_is_nobody_in_another(join: Join) -> None:
    admin = join("mira", "admin", "elsewhere")
    join("noor")
    with pytest.raises(UnknownHere, match="Member not found: noor"):
        remove_member(admin, "noor")
    with pytest.raises(UnknownHere, match="Member not found: noor"):
        put_grant(admin, WORKFLOW, grantee("user:noor"), ["view"])
    with pytest.raises(UnknownHere, match="Community not found: default"):
        issue_token(NewToken(name="x"), admin)
    assert [member.user.username for member in selectors.members_of("default")] == ["noor"]


def test_a_community_is_never_left_without_an_admin(join: Join) -> None:
    join("mira", "admin")
    for attempt in (
        lambda: put_member(BOSS, "mira", "operator"),
        lambda: remove_member(BOSS, "mira"),
    ):
        with pytest.raises(AccessConflict, match="last admin"):
            attempt()
    join("noor", "admin")
    set_active(BOSS, "noor", active=False)  # one who cannot sign in does not count
    with pytest.raises(AccessConflict):
        remove_member(BOSS, "mira")
    set_active(BOSS, "noor", active=True)
    remove_member(BOSS, "mira")
    assert [member.role for member in selectors.members_of("default")] == ["admin"]


def test_a_member_who_leaves_takes_tokens_and_grants_along(join: Join) -> None:
    join("boss", "admin")
    join("mira", "operator")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["manage"])
    text = issue_token(NewToken(name="laptop", role="operator", username="mira"))[1]
    assert authenticate(text) is not None
    remove_member(BOSS, "mira")
    assert authenticate(text) is None
    assert ApiToken.objects.get().revoked_at is not None
    assert not WorkflowGrant.objects.exists()
    entry = AuditEntry.objects.get(action="member_remove")
    assert entry.details == {"username": "mira", "role": "operator", "revoked": 1}
    with pytest.raises(UnknownHere):
        remove_member(BOSS, "mira")


def test_nobody_hands_on_what_they_do_not_have(join: Join) -> None:
    join("noor")
    manager = join("mira")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["manage", "execute"])
    put_grant(manager, WORKFLOW, grantee("user:noor"), ["execute"])
    with pytest.raises(Forbidden):
        put_grant(manager, WORKFLOW, grantee("user:noor"), ["execute", "delete"])
    narrowed = Caller(
        actor="ci", community="default", role=Role.ADMIN, scopes=frozenset({Right.MANAGE})
    )
    for attempt in (
        lambda: put_grant(narrowed, WORKFLOW, grantee("user:noor"), ["edit"]),
        lambda: put_member(narrowed, "noor", "operator"),
        lambda: issue_token(NewToken(name="x", role="operator"), narrowed),
    ):
        with pytest.raises(Forbidden, match="scopes of your token"):
            attempt()
    issue_token(NewToken(name="x", role="admin", scopes=["manage"]), narrowed)


def test_putting_a_grant_replaces_it_and_only_a_change_is_told(join: Join) -> None:
    join("mira")
    _, is_new = put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["delete", "edit"])
    assert is_new
    row, is_new = put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["execute"])
    assert (row.rights, is_new) == (["view", "execute"], False)
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["execute", "view"])
    first, second = AuditEntry.objects.filter(action="grant_put").order_by("id")
    assert (first.workflow_id, first.details["grantee"]) == (WORKFLOW, "user:mira")
    assert second.details["changes"]["rights"] == {
        "before": ["view", "edit", "delete"],
        "after": ["view", "execute"],
    }


@pytest.mark.parametrize(
    ("to", "rights", "field"),
    [
        ("user:mira", [], "rights"),
        ("user:mira", ["fly"], "rights"),
        ("role:king", ["view"], "role"),
        ("everyone", ["view"], "grantee"),
        ("entity:x", ["view"], "grantee"),
    ],
)
def test_a_grant_that_cannot_be_is_refused_by_its_field(
    join: Join, to: str, rights: list[str], field: str
) -> None:
    join("mira")
    with pytest.raises(AccessError) as caught:
        put_grant(BOSS, WORKFLOW, grantee(to), rights)
    assert caught.value.field == field


def test_there_is_no_grant_on_a_workflow_that_there_is_not(join: Join) -> None:
    join("mira")
    with pytest.raises(UnknownHere, match="Workflow not found"):
        put_grant(BOSS, uuid4(), grantee("user:mira"), ["view"])
    with pytest.raises(UnknownHere, match="Grant not found"):
        remove_grant(BOSS, WORKFLOW, grantee("user:mira"))


def test_a_user_or_role_that_there_is_not_is_refused(db: None) -> None:
    with pytest.raises(AccessError, match="there is no user 'nobody'"):
        put_member(BOSS, "nobody", "viewer")
    with pytest.raises(AccessError, match="'king' is none of viewer, operator, admin"):
        put_member(BOSS, "nobody", "king")


def test_the_database_knows_one_membership_and_one_grant_each(join: Join) -> None:
    join("mira")
    member = Membership.objects.get()
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["edit"])
    put_grant(BOSS, WORKFLOW, grantee("role:viewer"), ["edit"])
    for grant in (*WorkflowGrant.objects.all(), member):
        grant.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            grant.save(force_insert=True)
    for to in ({"role": "viewer", "user": member.user}, {}):
        with pytest.raises(IntegrityError), transaction.atomic():
            WorkflowGrant.objects.create(community_id="default", workflow_id=WORKFLOW, **to)


def test_a_community_is_made_once_by_a_slug_that_stays(db: None) -> None:
    made = create_community(BOSS, "night-shift", "Night")
    assert (made.slug, made.name) == ("night-shift", "Night")
    assert AuditEntry.objects.get().action == "community_create"
    with pytest.raises(AccessConflict, match="already"):
        create_community(BOSS, "night-shift")
    for slug in ("Night", "a b", "", "-a", "x" * 101):
        with pytest.raises(AccessError, match="slug: "):
            create_community(BOSS, slug)
    assert Community.objects.count() == 2


@pytest.mark.parametrize("days", [-1, 36_501])
def test_a_limit_that_cannot_be_is_refused(db: None, days: int) -> None:
    with pytest.raises(AccessError, match=f"longest_token_days: {days} is out of range"):
        change_community(BOSS, CommunityChange(token_days=days))


def test_a_change_that_changes_nothing_leaves_no_entry(db: None) -> None:
    change_community(BOSS, CommunityChange(name="Default", token_days=0))
    assert not AuditEntry.objects.exists()
    assert communities.get_community(BOSS).longest_token_days is None


def test_a_disabled_user_is_no_caller(join: Join) -> None:
    join("mira")
    set_active(BOSS, "mira", active=False)
    with pytest.raises(UnknownHere):
        caller_of_name("mira", "default")


def test_trusted_code_may_act_in_any_community_that_there_is(db: None) -> None:
    with pytest.raises(UnknownHere):
        change_community(system_caller(community="nowhere"), CommunityChange(name="x"))
