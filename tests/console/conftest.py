"""Callers of the console: an operator, a viewer, an operator of another community, and nobody."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from clockwright.access.callers import Role
from clockwright.access.models import Community
from clockwright.access.tokens import create_token
from clockwright.engine.model import Schedule
from clockwright.engine.registry import workflow_id_of
from clockwright.recurrence import Cron, Recurrence
from clockwright.schedules.store import SqlStore
from clockwright.server import samples

EXPOSED = samples.echo
"""Importing the samples is what registers them, as the stand-alone server does."""


@pytest.fixture(autouse=True)
def _a_fresh_start_for_failed_sign_ins() -> None:
    cache.clear()


def signed_in(role: Role, community: str = "default") -> Client:
    client = Client()
    Community.objects.get_or_create(
        slug=community
    )  # a transactional test before may have emptied the tables
    answer = client.post(
        "/sign-in", {"token": create_token(f"{role} of {community}", role, community)}
    )
    assert answer.status_code == 302
    return client


@pytest.fixture
def operator(db: None) -> Client:
    return signed_in(Role.OPERATOR)


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in(Role.VIEWER)


@pytest.fixture
def foreigner(db: None) -> Client:
    return signed_in(Role.OPERATOR, "elsewhere")


@pytest.fixture
def anonymous(db: None) -> Client:
    return Client()


@pytest.fixture
def make_schedule(db: None) -> Callable[..., Schedule]:
    """Put a schedule of `samples.echo` into the store."""

    def make(key: str, recurrence: Recurrence | None = None, **fields: Any) -> Schedule:
        Community.objects.get_or_create(slug="default")
        store = SqlStore()
        fields.setdefault("workflow_id", workflow_id_of("samples.echo"))
        rule = recurrence or Cron("0 5 * * *", "Australia/Sydney")
        return store.add_schedule(
            Schedule(
                schedule_id=uuid.uuid4(),
                recurrence=rule,
                settled_until=store.now(),
                key=key,
                **fields,
            )
        )

    return make
