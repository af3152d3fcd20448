"""API tokens: shown once, stored as a hash, checked at every use."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from clockwright.access import tokens
from clockwright.access.callers import Caller, Role, system_caller
from clockwright.access.errors import AccessError
from clockwright.access.models import ApiToken, Community
from clockwright.access.tokens import authenticate, create_token, revoke_token
from clockwright.audit.models import AuditEntry
from clockwright.engine.clock import utc_now

db = pytest.mark.django_db
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@db
def test_a_token_stands_for_its_name_community_and_role():
    plaintext = create_token("ci", Role.OPERATOR, "default")
    assert authenticate(plaintext) == Caller(actor="ci", community="default", role=Role.OPERATOR)


@db
def test_only_the_hash_is_stored():
    plaintext = create_token("ci")
    row = ApiToken.objects.get()
    stored = json.dumps(
        {field.name: str(getattr(row, field.attname)) for field in row._meta.fields}
    )
    assert plaintext not in stored
    assert row.digest == hashlib.sha256(plaintext.encode()).hexdigest()
    assert plaintext.startswith(row.prefix)
    assert len(plaintext) - len(row.prefix) > 30


@db
def test_no_two_tokens_are_alike():
    assert len({create_token("ci") for _ in range(50)}) == 50


@db
@pytest.mark.parametrize("text", ["", "cw_", "cw_" + "A" * 43, "x" * 10_000, "cw_\x00", "Bearer x"])
def test_what_is_no_token_is_nobody(text):
    create_token("ci")
    assert authenticate(text) is None


@db
def test_a_token_but_for_one_character_is_nobody():
    plaintext = create_token("ci")
    assert authenticate(plaintext[:-1]) is None
    assert authenticate(plaintext + "A") is None
    assert authenticate(plaintext.swapcase()) is None


@db
def test_a_revoked_token_is_nobody_and_stays_so():
    plaintext = create_token("ci")
    token = ApiToken.objects.get()
    assert revoke_token(token.pk) is True
    assert authenticate(plaintext) is None
    assert revoke_token(token.pk) is False


@db
def test_an_expired_token_is_nobody():
    plaintext = create_token("ci", expires_at=utc_now() + timedelta(hours=1))
    assert authenticate(plaintext) is not None
    long_ago = utc_now() - timedelta(days=2)
    ApiToken.objects.update(created_at=long_ago, expires_at=long_ago + timedelta(days=1))
    assert authenticate(plaintext) is None


def test_a_token_holds_until_just_before_it_expires():
    token = ApiToken(expires_at=datetime.fromisoformat("2027-01-01T00:00:00+00:00"))
    moment = timedelta(microseconds=1)
    assert tokens.holds(token, token.expires_at - moment)
    assert not tokens.holds(token, token.expires_at)


@db
def test_its_use_is_noted_at_most_once_a_minute(django_assert_num_queries):
    plaintext = create_token("ci")
    authenticate(plaintext)
    first = ApiToken.objects.get().last_used_at
    assert first is not None
    with django_assert_num_queries(1):
        authenticate(plaintext)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    authenticate(plaintext)
    assert ApiToken.objects.get().last_used_at >= first


@db
def test_sessions_find_their_caller_by_the_tokens_id():
    create_token("ci", "viewer")
    token = ApiToken.objects.get()
    assert tokens.caller_of_token_id(str(token.pk)) == tokens.caller_of(token)
    revoke_token(token.pk)
    assert tokens.caller_of_token_id(token.pk) is None
    assert tokens.caller_of_token_id("no uuid") is None


@db
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a", "role": "king"}, "role"),
        ({"name": "a", "community": "nowhere"}, "community"),
        ({"name": "a", "expires_at": datetime(2030, 1, 1)}, "expires_at"),  # noqa: DTZ001
        ({"name": "a", "expires_at": utc_now() - timedelta(1)}, "expires_at"),
        ({"name": "a", "expires_at": datetime.max.replace(tzinfo=UTC)}, "expires_at"),
        ({"name": "a", "expires_at": datetime.max.replace(tzinfo=WEST)}, "expires_at"),
        ({"name": "a", "expires_at": datetime.min.replace(tzinfo=EAST)}, "expires_at"),
    ],
)
def test_a_token_that_cannot_be_is_refused_by_its_field(arguments, field):
    with pytest.raises(AccessError) as caught:
        create_token(**arguments)
    assert caught.value.field == field
    assert not ApiToken.objects.exists()


@db
def test_making_and_revoking_are_in_the_trail_without_the_secret():
    boss = Caller(actor="boss", community="default", role=Role.ADMIN)
    plaintext = create_token("ci", by=boss)
    revoke_token(ApiToken.objects.get().pk, boss)
    entries = AuditEntry.objects.order_by("id")
    assert [entry.action for entry in entries] == ["token_create", "token_revoke"]
    assert {entry.actor for entry in entries} == {"boss"}
    assert plaintext not in json.dumps([entry.details for entry in entries])


@db
def test_the_community_default_is_there_from_the_start():
    assert Community.objects.filter(slug="default").exists()


@db
def test_the_database_knows_the_roles():
    create_token("ci")
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.update(role="king")


def test_trusted_code_acts_as_the_system_in_default():
    assert system_caller() == Caller(actor="system", community="default", role=Role.ADMIN)


@given(st.text())
@pytest.mark.django_db
def test_no_text_makes_authentication_fail_otherwise_than_by_saying_no(text):
    assert authenticate(text) is None
