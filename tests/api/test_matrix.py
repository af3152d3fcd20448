"""Every endpoint by every kind of caller: who gets in, who may look, who may do it (C-19, C-29, B3.5).

The endpoints are those of `test_authorisation`, which fails for an address that has no entry there.
"""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import transaction

from clockwright.access.callers import Role, system_caller
from clockwright.access.grants import grantee, own, put_grant
from clockwright.access.members import caller_of_name, remove_member
from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant
from clockwright.access.users import set_active
from clockwright.audit.models import AuditEntry
from clockwright.engine.registry import workflow_id_of
from clockwright.schedules.models import Schedule
from tests.api.conftest import member, personal
from tests.api.test_authorisation import (
    ENDPOINTS,
    NAMES_A_THING,
    ON_A_WORKFLOW,
    ask,
    things,  # noqa: F401 - a fixture
)

WORKFLOW = workflow_id_of("tests.add")
EVERYTHING = ("view", "edit", "execute", "delete", "manage")
CALENDARS_OF_OTHERS = {"GET": 404, "PUT": 201, "DELETE": 404}
"""A calendar's name is the caller's to choose, in the caller's own community."""

NOBODY = ("anonymous", "revoked", "expired", "a user who left", "a disabled user")
MEMBERS = {
    "a viewer": (Role.VIEWER, ()),
    "an operator": (Role.OPERATOR, ()),
    "an admin": (Role.ADMIN, ()),
    "a viewer's token for admins": (Role.VIEWER, ()),
    "an admin's token for looking": (Role.VIEWER, ()),
    "a viewer with edit": (Role.VIEWER, ("edit",)),
    "a viewer with execute": (Role.VIEWER, ("execute",)),
    "a viewer with delete": (Role.VIEWER, ("delete",)),
    "a viewer whose role was granted execute": (Role.VIEWER, ("execute",)),
    "a viewer with a grant on another workflow": (Role.VIEWER, ()),
    "the owner, a viewer by now": (Role.VIEWER, EVERYTHING),
    "the owner's token for looking": (Role.VIEWER, ()),
}
"""What each may do: as a role, and beyond it on the workflow."""


@pytest.fixture
def caller(request, kind):
    """A client of a kind."""
    if kind in ("anonymous", "revoked", "expired", "foreigner"):
        return request.getfixturevalue(kind)
    graph = UUID(request.getfixturevalue("things")["graph_id"])
    return _member(kind, (WORKFLOW, graph))


def _member(kind, workflows):
    if kind in NOBODY:
        return _former(kind)
    if "owner" in kind:
        return _owner(kind, workflows)
    if "looking" in kind:
        return personal(member("mira", "admin"), scopes=["view"])
    name = member("mira", kind.split()[1] if kind in ("an operator", "an admin") else "viewer")
    if "another" in kind:
        _grant([workflow_id_of("tests.secret")], f"user:{name}", *EVERYTHING)
    elif "granted" in kind:
        _grant(workflows, "role:viewer", "execute")
    elif " with " in kind:
        _grant(workflows, f"user:{name}", kind.rpartition(" ")[2])
    return personal(name)


def _grant(workflows, to, *rights):
    for workflow in workflows:
        put_grant(system_caller(), workflow, grantee(to), rights)


def _former(kind):
    """Somebody whose token has not been revoked, and who may no longer be here."""
    client = personal(member("mira", "admin"))
    member("boss", "admin")
    if kind == "a disabled user":
        set_active(system_caller(), "mira", active=False)
    else:
        remove_member(system_caller(), "mira")
        ApiToken.objects.update(revoked_at=None)
    return client


def _owner(kind, workflows):
    member("mira", "operator")
    for workflow in workflows:
        own(caller_of_name("mira", "default"), workflow)
    member("mira", "viewer")
    return personal("mira", scopes=["view"] if "looking" in kind else None)


def expected(kind, endpoint):
    """The status that a kind of caller is to get."""
    _, needed, success = ENDPOINTS[endpoint]
    method, path = endpoint
    if kind in NOBODY:
        return 401
    if kind == "foreigner":
        if path == "/calendars/{name}":
            return CALENDARS_OF_OTHERS[method]
        return 404 if any(name in path for name in NAMES_A_THING) else success
    role, rights = MEMBERS[kind]
    may = role.rank >= Role(needed).rank or ON_A_WORKFLOW.get(endpoint) in rights
    return success if may else 403


def state():
    """What no refused call may change."""
    return [
        list(rows.values())
        for rows in (
            Schedule.objects.order_by("pk"),
            Community.objects.order_by("pk"),
            Membership.objects.order_by("pk"),
            WorkflowGrant.objects.order_by("pk"),
            ApiToken.objects.order_by("pk").defer("last_used_at"),
        )
    ]


@pytest.mark.parametrize("kind", [*NOBODY, "foreigner", *MEMBERS])
def test_everybody_gets_what_is_theirs_and_nothing_else(kind, caller, things):  # noqa: F811
    ask(caller, ("GET", "/functions"))  # notes the token's use, so that no call below does
    before, found, wanted = state(), {}, {}
    for endpoint in ENDPOINTS:
        with transaction.atomic():
            response = ask(caller, endpoint, **things)
            found[endpoint], wanted[endpoint] = response.status_code, expected(kind, endpoint)
            if response.status_code >= 400:
                assert response.headers["Content-Type"] == "application/problem+json"
                assert state() == before, endpoint
            if response.status_code == 403:
                refusal = AuditEntry.objects.filter(category="AUTHZ").latest("id")
                assert (refusal.action, refusal.result) == ("authorize", "DENIED")
            transaction.set_rollback(True)
    assert found == wanted


def test_the_workflow_of_the_matrix_is_the_one_that_is_scheduled(things):  # noqa: F811
    assert UUID(things["workflow_id"]) == WORKFLOW
