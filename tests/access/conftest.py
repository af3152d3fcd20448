"""Users, members and callers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache

from clockwright.access.callers import Caller, Role, system_caller
from clockwright.access.members import caller_of_name, put_member
from clockwright.access.models import Community
from clockwright.access.users import NewUser, create_user, find_user
from clockwright.engine.registry import workflow_id_of

BOSS = system_caller()
WORKFLOW = workflow_id_of("samples.echo")
OTHER = workflow_id_of("samples.fail")

Join = Callable[..., Caller]


@pytest.fixture(autouse=True)
def _a_fresh_start_for_failed_sign_ins() -> None:
    cache.clear()


@pytest.fixture
def join(db: None) -> Join:
    """Make a user a member, and return the caller that this makes of them."""

    def make(name: str, role: Role | str = Role.VIEWER, community: str = "default") -> Caller:
        # a transactional test before may have emptied the tables
        Community.objects.get_or_create(slug=community)
        if find_user(name) is None:
            create_user(BOSS, NewUser(username=name))
        put_member(system_caller(community=community), name, role)
        return caller_of_name(name, community)

    return make
