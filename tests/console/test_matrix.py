"""Every page of the server by every kind of visitor (C-19): a page without an entry here fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from clockwright.access.callers import Role, system_caller
from clockwright.access.members import put_member, remove_member
from clockwright.access.models import Community
from clockwright.access.tokens import NewToken, issue_token, revoke_token
from clockwright.access.users import NewUser, create_user, set_active

BOSS = system_caller()
CRON = {"cron": "0 5 * * *", "tz": "UTC"}
ADDED = {**CRON, "function": "samples.echo", "context": "{}", "key": ""}
SIGN_IN = 302

PAGES = {
    # (method, path): (form, the role it takes or None for everybody, what whoever may gets)
    ("GET", "/"): ({}, Role.VIEWER, 200),
    ("GET", "/live"): ({}, Role.VIEWER, 200),
    ("GET", "/preview"): ({}, Role.VIEWER, 302),
    ("POST", "/preview"): (CRON, Role.VIEWER, 200),
    ("GET", "/schedules"): ({}, Role.VIEWER, 302),
    ("POST", "/schedules"): (ADDED, Role.OPERATOR, 303),
    ("GET", "/community"): ({}, Role.VIEWER, 200),
    ("GET", "/password"): ({}, Role.VIEWER, 200),
    ("GET", "/sign-in"): ({}, None, 200),
    ("POST", "/sign-in"): ({}, None, 400),
    ("GET", "/sign-in/{secret}"): ({}, None, 410),
    ("POST", "/sign-out"): ({}, None, 302),
    ("GET", "/healthz"): ({}, None, 200),
}
FOR_SOME_OTHER_WAY = {
    "/metrics": "tests/server/test_metrics.py: a token, or nobody",
    "/admin/": "Django's own users: test_the_admin_pages_take_a_maintainer",
    "/api/v1/": "tests/api/test_matrix.py",
}
VISITORS = {
    "nobody": None,
    "a user of no community": None,
    "a user who left": None,
    "a disabled user": None,
    "a revoked token": None,
    "a viewer": Role.VIEWER,
    "an operator": Role.OPERATOR,
    "an admin": Role.ADMIN,
    "a viewer's token": Role.VIEWER,
    "an operator's token": Role.OPERATOR,
    "an admin elsewhere": Role.ADMIN,
    "an admin's token for looking": Role.VIEWER,
}


def paths(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Every address that Django knows; another room's are named by where they begin."""
    for pattern in patterns:
        path = prefix + str(pattern.pattern).replace("<str:", "{").replace(">", "}")
        if path in FOR_SOME_OTHER_WAY or not isinstance(pattern, URLResolver):
            yield path
        else:
            yield from paths(pattern.url_patterns, path)


def test_no_page_is_without_an_entry() -> None:
    assert set(paths(get_resolver().url_patterns)) == {
        *(path for _, path in PAGES),
        *FOR_SOME_OTHER_WAY,
    }


@pytest.fixture
def visitor(db: None, kind: str) -> Client:
    Community.objects.get_or_create(slug="default")
    Community.objects.get_or_create(slug="elsewhere")
    client = Client()
    if "token" in kind:
        _with_token(client, kind)
    elif kind != "nobody":
        _with_session(client, kind)
    return client


def _with_token(client: Client, kind: str) -> None:
    role = Role.ADMIN if "admin" in kind else VISITORS[kind] or Role.ADMIN
    new = NewToken(name="ci", role=role, scopes=["view"] if "looking" in kind else None)
    token, text = issue_token(new)
    assert client.post("/sign-in", {"token": text}).status_code == 302
    if "revoked" in kind:
        revoke_token(token.pk)


def _with_session(client: Client, kind: str) -> None:
    user = create_user(BOSS, NewUser(username="mira"))
    client.force_login(user)
    if kind == "a user of no community":
        return
    there = system_caller(community="elsewhere" if "elsewhere" in kind else "default")
    put_member(there, "mira", VISITORS[kind] or Role.VIEWER)
    if kind == "a user who left":
        remove_member(there, "mira")
    elif kind == "a disabled user":
        set_active(there, "mira", active=False)


@pytest.mark.parametrize("kind", VISITORS)
def test_everybody_gets_what_is_theirs_and_nothing_else(kind: str, visitor: Client) -> None:
    found, wanted = {}, {}
    # signing out comes last: there is nobody to look at the rest after it
    for (method, path), (form, needed, success) in sorted(
        PAGES.items(), key=lambda page: page[0][1] == "/sign-out"
    ):
        answer = visitor.generic(method, path.format(secret="none"), **_form(method, form))
        found[method, path] = answer.status_code
        role = VISITORS[kind]
        if needed is None:
            wanted[method, path] = success
        elif role is None:
            wanted[method, path] = SIGN_IN
            assert answer.headers["Location"].startswith("/sign-in")
        elif path == "/password" and "token" in kind:
            wanted[method, path] = 404  # there is no user whose password it could be
        else:
            wanted[method, path] = success if role.rank >= needed.rank else 403
    assert found == wanted


def _form(method: str, form: dict[str, str]) -> dict[str, str]:
    from urllib.parse import urlencode

    if method == "GET":
        return {}
    return {"data": urlencode(form), "content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(("maintainer", "status"), [(True, 200), (False, 302)])
def test_the_admin_pages_take_a_maintainer_and_no_membership(
    db: None, maintainer: bool, status: int
) -> None:
    Community.objects.get_or_create(slug="default")
    create_user(BOSS, NewUser(username="mira", is_maintainer=maintainer))
    put_member(BOSS, "mira", "admin")
    client = Client()
    client.force_login(User.objects.get())
    assert client.get("/admin/").status_code == status
