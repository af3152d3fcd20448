"""Two admins at once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from clockwright.access.callers import Role
from clockwright.access.errors import AccessConflict
from clockwright.access.members import put_member
from clockwright.access.models import Membership
from tests.access.conftest import Join


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
