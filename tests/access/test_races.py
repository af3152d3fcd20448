"""Two at once: admins, grants, and a member who leaves meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from django.db import connection, transaction

from clockwright.access.callers import Role
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.access.grants import grantee, own, put_grant
from clockwright.access.members import put_member, remove_member
from clockwright.access.models import ApiToken, Membership, WorkflowGrant
from clockwright.access.tokens import NewToken, issue_token
from clockwright.server import samples
from tests.access.conftest import BOSS, WORKFLOW, Join

REGISTERED = samples.echo


def at_once(*works: Callable[[], object]) -> None:
    """Do all of it at the same time, each over a connection of its own; what is raised by one is raised here."""
    start, failed = threading.Barrier(len(works)), []

    def do(work: Callable[[], object]) -> None:
        try:
            start.wait(10)
            work()
        except Exception as error:  # noqa: BLE001 - raised below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    if failed:
        raise failed[0]


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one(join: Join) -> None:
    callers = {name: join(name, "admin") for name in ("mira", "noor")}
    start, refused = threading.Barrier(2), []

    def demote(by: str, other: str) -> None:
        try:
            start.wait(10)
            put_member(callers[by], other, "viewer")
        except AccessConflict as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=demote, args=pair) for pair in (("mira", "noor"), ("noor", "mira"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1
    assert Membership.objects.filter(role=Role.ADMIN).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_new_grant_that_is_put_twice_at_once_is_put_once(join: Join) -> None:
    join("mira")

    def put() -> None:
        put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["edit"])

    at_once(put, put, put)
    assert WorkflowGrant.objects.get().rights == ["view", "edit"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_a_member_who_leaves_meanwhile_keeps_neither_token_nor_grant(
    join: Join, round_: int
) -> None:
    mira = join("mira", "operator")

    def leave() -> None:
        remove_member(BOSS, "mira")

    def issue() -> None:
        with suppress(AccessError):
            issue_token(NewToken(name=f"laptop {round_}", username="mira"), BOSS)

    def grant() -> None:
        with suppress(UnknownHere):
            put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["manage"])

    def make() -> None:
        with transaction.atomic():
            own(mira, WORKFLOW)

    at_once(leave, issue, grant, make)
    assert not Membership.objects.exists()
    assert not WorkflowGrant.objects.exists()
    assert not ApiToken.objects.filter(revoked_at=None).exists()


@pytest.mark.django_db
def test_whoever_is_no_member_any_more_owns_nothing(join: Join) -> None:
    mira = join("mira", "operator")
    remove_member(BOSS, "mira")
    own(mira, WORKFLOW)
    assert not WorkflowGrant.objects.exists()
