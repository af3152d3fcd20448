"""Callers of every kind, as HTTP clients."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from django.test import Client

from clockwright.access.callers import system_caller
from clockwright.access.members import put_member
from clockwright.access.models import ApiToken, Community
from clockwright.access.tokens import NewToken, create_token, issue_token, revoke_token
from clockwright.access.users import NewUser, create_user, find_user
from clockwright.engine.clock import utc_now
from clockwright.engine.registry import default_registry, function_of


@dataclass(frozen=True)
class Api:
    """An HTTP client with a token, or without one."""

    token: str | None = None
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def __call__(self, method, path, body=None, **headers):
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        return self.client.generic(method, f"/api/v1{path}", headers=headers, **self._encoded(sent))

    def _encoded(self, sent):
        import json

        if "data" in sent and not isinstance(sent["data"], str | bytes):
            sent["data"] = json.dumps(sent["data"])
        return sent

    def get(self, path, **query):
        from urllib.parse import urlencode

        return self("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def post(self, path, body=None, **headers):
        return self("POST", path, body, **headers)


@pytest.fixture
def anonymous(db):
    return Api()


@pytest.fixture
def viewer(db):
    return Api(create_token("viewer", "viewer"))


@pytest.fixture
def operator(db):
    return Api(create_token("operator", "operator"))


@pytest.fixture
def admin(db):
    return Api(create_token("admin", "admin"))


@pytest.fixture
def foreigner(db):
    """An admin, but of another community."""
    Community.objects.create(slug="elsewhere")
    return Api(create_token("foreigner", "admin", "elsewhere"))


@pytest.fixture
def revoked(db):
    plaintext = create_token("revoked", "admin")
    revoke_token(ApiToken.objects.get(name="revoked").pk)
    return Api(plaintext)


@pytest.fixture
def expired(db):
    from datetime import timedelta

    plaintext = create_token("expired", "admin")
    ago = utc_now() - timedelta(days=2)
    ApiToken.objects.filter(name="expired").update(
        created_at=ago, expires_at=ago + timedelta(days=1)
    )
    return Api(plaintext)


@pytest.fixture(autouse=True)
def functions(monkeypatch):
    """`tests.add`, exposed, and `tests.secret`, which is not."""

    def add(*, left: int = 1, right: int = 2) -> int:
        """Add two numbers.

        More about it.
        """
        return left + right

    by_key, by_workflow = dict(default_registry._by_key), dict(default_registry._by_workflow)
    default_registry.register(function_of(add, "tests.add", exposed=True))
    default_registry.register(function_of(lambda: None, "tests.secret"))
    yield default_registry
    default_registry._by_key, default_registry._by_workflow = by_key, by_workflow


CRON = {"schedule_type": "cron", "cron_expression": "0 5 * * *", "timezone": "Australia/Sydney"}
EVERY = {"schedule_type": "interval", "interval_seconds": 3_600}


def body(config=CRON, **more):
    return {"workflow": "tests.add", "schedule_config": dict(config), **more}


@pytest.fixture
def schedule(operator):
    """A schedule of the community default, as it was answered."""
    response = operator.post("/schedules", body())
    assert response.status_code == 201, response.content
    return response.json()


def problem(response, status):
    """The problem details of a refusal."""
    assert response.status_code == status, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    told = response.json()
    assert told["status"] == status
    assert told["type"].startswith("urn:clockwright:problem:")
    assert told["title"]
    assert told["detail"]
    return told


def pointers(response, status=400):
    """Which parts of a request are refused."""
    return [error["pointer"] for error in problem(response, status)["errors"]]


def member(name, role, community="default"):
    """A user in a community; no password is needed to have tokens."""
    boss = system_caller(community=community)
    if find_user(name) is None:
        create_user(boss, NewUser(username=name))
    put_member(boss, name, role)
    return name


def personal(name, role="admin", scopes=None, community="default"):
    """A client with a token that acts as a member."""
    new = NewToken(name=f"of {name}", role=role, scopes=scopes, username=name, community=community)
    return Api(issue_token(new)[1])


@pytest.fixture
def noor(db):
    """A member that others make something of."""
    return member("noor", "viewer")
