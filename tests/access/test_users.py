"""Users: Django's password rules, and sign-in that is closed after too many failures."""

from __future__ import annotations

import logging

import pytest
from django.conf import settings
from django.contrib.auth import authenticate as sign_in
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from clockwright.access import throttle, users
from clockwright.access.errors import AccessConflict, AccessError, UnknownHere
from clockwright.access.members import put_member
from clockwright.access.users import NewUser, create_user, set_active, set_password
from clockwright.audit.models import AuditEntry
from tests.access.conftest import BOSS

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"


def attempt(name: str, password: str, address: str = "10.0.0.1") -> object:
    request = RequestFactory().post("/", REMOTE_ADDR=address)
    return sign_in(request, username=name, password=password)


@pytest.fixture
def mira() -> User:
    return create_user(BOSS, NewUser(username="mira", password=GOOD))


@pytest.mark.parametrize("password", ["short", "12345678901", "password123", "miranda1"])
def test_a_weak_password_is_refused_by_djangos_rules(password: str) -> None:
    with pytest.raises(AccessError, match=r"^password: "):
        create_user(BOSS, NewUser(username="miranda", password=password))
    assert not User.objects.exists()


def test_there_is_no_default_password() -> None:
    made = create_user(BOSS, NewUser(username="mira"))
    assert not made.has_usable_password()
    for guess in ("", "mira", "admin", "password", "clockwright"):
        assert attempt("mira", guess) is None


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "a\nb"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(AccessError, match=r"^username: "):
        create_user(BOSS, NewUser(username=name))


def test_a_name_is_taken_once(mira: User) -> None:
    with pytest.raises(AccessConflict, match="'mira' is taken"):
        create_user(BOSS, NewUser(username="mira"))


def test_every_change_is_in_the_trail_and_no_password_is(mira: User) -> None:
    set_password(BOSS, "mira", "another long sentence")
    assert set_active(BOSS, "mira", active=False)
    assert not set_active(BOSS, "mira", active=False)
    entries = AuditEntry.objects.order_by("id")
    assert [entry.action for entry in entries] == ["user_create", "user_update", "user_update"]
    assert [entry.message for entry in entries] == ["", "password set", "disabled"]
    assert {entry.details["username"] for entry in entries} == {"mira"}
    assert "sentence" not in str(list(entries.values()))


def test_a_new_password_replaces_the_old_one(mira: User) -> None:
    set_password(BOSS, "mira", "another long sentence")
    assert attempt("mira", GOOD) is None
    assert attempt("mira", "another long sentence") == mira
    with pytest.raises(UnknownHere):
        set_password(BOSS, "nobody", GOOD)


def test_a_disabled_user_does_not_get_in(mira: User) -> None:
    set_active(BOSS, "mira", active=False)
    assert attempt("mira", GOOD) is None


def test_users_are_listed_by_name(mira: User) -> None:
    create_user(BOSS, NewUser(username="ada"))
    assert [user.username for user in users.all_users()] == ["ada", "mira"]


def test_too_many_failures_from_an_address_close_it_even_to_the_right_password(
    mira: User,
) -> None:
    for number in range(throttle.MOST_OF_AN_ADDRESS):
        assert attempt(f"somebody{number}", "wrong") is None
    assert attempt("mira", GOOD) is None
    assert attempt("mira", GOOD, "10.0.0.2") == mira


def test_too_many_failures_for_an_account_close_it_from_everywhere(mira: User) -> None:
    create_user(BOSS, NewUser(username="noor", password=GOOD))
    for number in range(throttle.MOST_OF_AN_ACCOUNT):
        assert attempt("MIRA" if number % 2 else "mira", "wrong", f"10.0.1.{number}") is None
    assert attempt("mira", GOOD, "10.0.2.1") is None
    assert attempt("noor", GOOD, "10.0.2.1") is not None


def test_the_admin_pages_have_the_same_throttle(mira: User) -> None:
    User.objects.update(is_staff=True)
    client = Client()
    for _ in range(throttle.MOST_OF_AN_ADDRESS):
        client.post("/admin/login/", {"username": "mira", "password": "wrong"})
    form = {"username": "mira", "password": GOOD}
    assert client.post("/admin/login/", form).status_code == 200
    elsewhere = Client(REMOTE_ADDR="10.9.9.9")
    assert elsewhere.post("/admin/login/", form).status_code == 302


def test_success_is_not_counted(mira: User) -> None:
    for _ in range(throttle.MOST_OF_AN_ADDRESS + 1):
        assert attempt("mira", GOOD) == mira


def test_a_failure_is_logged_without_what_was_typed(
    mira: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "clockwright.audit")
    attempt("my-password-by-mistake", "hunter2")
    (record,) = [one for one in caplog.records if one.name == "clockwright.audit"]
    assert (record.action, record.result) == ("authenticate", "DENIED")
    assert "hunter2" not in caplog.text
    assert "by-mistake" not in caplog.text


def test_the_addresses_of_one_ipv6_network_count_as_one(mira: User) -> None:
    for number in range(throttle.MOST_OF_AN_ADDRESS):
        assert attempt(f"somebody{number}", "wrong", f"2001:db8::{number:x}:1") is None
    assert attempt("mira", GOOD, "2001:db8::ffff") is None
    assert attempt("mira", GOOD, "2001:db8:0:1::1") == mira


def test_an_ipv4_address_counts_alike_however_it_is_written(mira: User) -> None:
    for number in range(throttle.MOST_OF_AN_ADDRESS):
        assert attempt(f"somebody{number}", "wrong", "::ffff:10.0.0.1") is None
    assert attempt("mira", GOOD) is None
    assert attempt("mira", GOOD, "::ffff:10.0.0.2") == mira


def test_failures_from_many_addresses_do_not_push_the_count_of_an_account_out(mira: User) -> None:
    for number in range(throttle.MOST_OF_AN_ACCOUNT):
        attempt("mira", "wrong", f"10.0.1.{number}")
    for number in range(400):
        request = RequestFactory().post("/", REMOTE_ADDR=f"2001:db8:0:{number:x}::1")
        throttle.note_failure(request, "token refused")
    assert attempt("mira", GOOD, "10.0.2.1") is None
    assert settings.CACHES["default"]["OPTIONS"]["MAX_ENTRIES"] >= 100_000


def test_the_last_admin_of_a_community_is_not_disabled(mira: User) -> None:
    put_member(BOSS, "mira", "admin")
    with pytest.raises(AccessConflict, match="mira is the last admin of 'default'"):
        set_active(BOSS, "mira", active=False)
    assert attempt("mira", GOOD) == mira
    create_user(BOSS, NewUser(username="noor"))
    put_member(BOSS, "noor", "admin")
    assert set_active(BOSS, "mira", active=False)
    with pytest.raises(AccessConflict):
        set_active(BOSS, "noor", active=False)
