"""Tokens and communities in Django's admin."""

from __future__ import annotations

import re

import pytest

from clockwright.access.grants import grantee, put_grant
from clockwright.access.models import ApiToken, Community, Membership, WorkflowGrant
from clockwright.access.tokens import authenticate, create_token
from clockwright.audit.models import AuditEntry
from clockwright.server import samples
from tests.access.conftest import BOSS, WORKFLOW

REGISTERED = samples.echo
pytestmark = pytest.mark.django_db
TOKENS = "/admin/clockwright_access/apitoken/"


def test_a_token_made_in_the_admin_is_shown_once_and_works(admin_client):
    form = {
        "name": "ci",
        "community": "default",
        "role": "operator",
        "expires_at_0": "",
        "expires_at_1": "",
    }
    page = admin_client.post(f"{TOKENS}add/", form, follow=True).content.decode()
    (plaintext,) = re.findall(r"cw_[\w-]{40,}", page)
    assert authenticate(plaintext).actor == "ci"
    again = admin_client.get(TOKENS).content.decode()
    assert plaintext not in again
    assert AuditEntry.objects.get(action="token_create").actor == "admin:admin"


def test_the_hash_is_shown_nowhere(admin_client):
    create_token("ci")
    token = ApiToken.objects.get()
    for url in (TOKENS, f"{TOKENS}{token.pk}/change/"):
        page = admin_client.get(url).content.decode()
        assert token.prefix in page
        assert token.digest not in page


def test_a_token_is_revoked_but_neither_changed_nor_deleted(admin_client):
    create_token("ci", "viewer")
    token = ApiToken.objects.get()
    admin_client.post(f"{TOKENS}{token.pk}/change/", {"role": "admin", "name": "x"})
    assert admin_client.post(f"{TOKENS}{token.pk}/delete/", {"post": "yes"}).status_code == 403
    token.refresh_from_db()
    assert (token.name, token.role, token.revoked_at) == ("ci", "viewer", None)
    admin_client.post(TOKENS, {"action": "revoke", "_selected_action": [str(token.pk)]})
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_community_keeps_its_slug(admin_client):
    url = "/admin/clockwright_access/community/"
    admin_client.post(f"{url}add/", {"slug": "night-shift", "name": "Night"})
    admin_client.post(f"{url}night-shift/change/", {"slug": "other", "name": "Nights"})
    assert Community.objects.get(slug="night-shift").name == "Nights"
    made, changed = AuditEntry.objects.filter(community="night-shift").order_by("id")
    assert (made.action, changed.action) == ("community_create", "community_update")
    assert changed.details["changes"] == {"name": {"before": "Night", "after": "Nights"}}
    assert {made.actor, changed.actor} == {"admin:admin"}
    assert admin_client.post(f"{url}night-shift/delete/", {"post": "yes"}).status_code == 403


def test_members_and_grants_are_looked_at_and_never_touched(admin_client, join):
    join("mira", "operator")
    put_grant(BOSS, WORKFLOW, grantee("user:mira"), ["execute"])
    for kind, row in (("membership", Membership), ("workflowgrant", WorkflowGrant)):
        url = f"/admin/clockwright_access/{kind}/"
        assert "mira" in admin_client.get(url).content.decode()
        assert admin_client.get(f"{url}add/").status_code == 403
        key = row.objects.get().pk
        assert admin_client.get(f"{url}{key}/change/").status_code == 200
        for action in ("change", "delete"):
            assert admin_client.post(f"{url}{key}/{action}/", {"post": "yes"}).status_code == 403
        assert row.objects.count() == 1


@pytest.mark.parametrize("slug", ["Night", "a b", "-a", "", "ü", "a\nb", "x" * 101])
def test_a_slug_is_lower_case_letters_digits_and_hyphens(admin_client, slug):
    admin_client.post("/admin/clockwright_access/community/add/", {"slug": slug, "name": "x"})
    assert list(Community.objects.values_list("slug", flat=True)) == ["default"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": "system"}, "taken for somebody else"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "not in the future"),
        ({"expires_at_0": "9999-12-31", "expires_at_1": "23:59"}, "too late"),
        ({"role": "king"}, "not one of the available choices"),
    ],
)
def test_a_token_that_cannot_be_is_refused_next_to_its_field(admin_client, typed, words):
    form = {"name": "ci", "community": "default", "role": "viewer"}
    page = admin_client.post(f"{TOKENS}add/", {**form, **typed})
    assert page.status_code == 200
    assert words in page.content.decode()
    assert not ApiToken.objects.exists()
