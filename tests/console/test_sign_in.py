"""Who gets in: an API token or a one-time link opens a session, and nothing else does (S4-50, C-19)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from clockwright.access import throttle
from clockwright.access.callers import Role
from clockwright.access.models import ApiToken, Community
from clockwright.access.tokens import NewToken, issue_token, revoke_token
from clockwright.audit.models import AuditEntry
from clockwright.console import sessions
from clockwright.console.models import SignInLink
from clockwright.console.services import LIFETIME, make_sign_in_link, redeem_sign_in_link
from clockwright.engine.clock import utc_now

pytestmark = pytest.mark.django_db


@pytest.fixture
def token() -> tuple[ApiToken, str]:
    Community.objects.get_or_create(slug="default")
    return issue_token(NewToken(name="ada", role=Role.OPERATOR))


def sign_in(client: Client, text: str, **more: str) -> object:
    return client.post("/sign-in", {"token": text, **more})


def test_somebody_unknown_is_sent_to_the_sign_in_page_and_back_to_where_they_wanted(
    anonymous: Client,
) -> None:
    answer = anonymous.get("/?updates=paused")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/sign-in"
    answer = anonymous.get("/live")
    assert answer.headers["Location"] == "/sign-in?next=%2Flive"


@pytest.mark.parametrize("path", ["/preview", "/schedules"])
def test_nobody_posts_without_a_session(anonymous: Client, path: str) -> None:
    answer = anonymous.post(path, {"cron": "0 5 * * *"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")


def test_htmx_without_a_session_is_told_to_leave_the_page(anonymous: Client) -> None:
    answer = anonymous.get("/live", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_token_opens_a_session_that_keeps_its_id_alone(token: tuple[ApiToken, str]) -> None:
    row, text = token
    client = Client()
    answer = sign_in(client, f"  {text}\n", next="/?updates=paused")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/?updates=paused")
    assert dict(client.session)[sessions.SESSION_KEY] == str(row.pk)
    assert text not in str(dict(client.session))
    assert "ada" in client.get("/").content.decode()


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_after_sign_in_nobody_is_sent_to_another_site(
    token: tuple[ApiToken, str], elsewhere: str
) -> None:
    answer = sign_in(Client(), token[1], next=elsewhere)
    assert answer.headers["Location"] == "/"


def test_a_wrong_token_is_refused_next_to_the_field_and_not_repeated(anonymous: Client) -> None:
    answer = sign_in(anonymous, "cw_wrong")
    page = answer.content.decode()
    assert answer.status_code == 401
    assert "not known" in page
    assert 'aria-invalid="true"' in page
    assert "cw_wrong" not in page


def test_an_empty_token_is_refused_with_a_hint(anonymous: Client) -> None:
    answer = sign_in(anonymous, "")
    assert answer.status_code == 400
    assert "clockwright token create" in answer.content.decode()


def test_ten_wrong_tokens_close_the_door_for_a_while_even_to_a_right_one(
    token: tuple[ApiToken, str],
) -> None:
    client = Client()
    for _ in range(throttle.MOST_OF_AN_ADDRESS):
        assert sign_in(client, "cw_wrong").status_code == 401
    answer = sign_in(client, token[1])
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"


def test_a_session_planted_before_sign_in_is_worth_nothing_after_it(
    token: tuple[ApiToken, str],
) -> None:
    client = Client()
    client.session["planted"] = True
    session = client.session
    session["planted"] = True
    session.save()
    before = session.session_key
    sign_in(client, token[1])
    assert client.session.session_key != before
    assert "planted" not in client.session


def test_a_revoked_token_ends_its_sessions(token: tuple[ApiToken, str]) -> None:
    client = Client()
    sign_in(client, token[1])
    assert client.get("/").status_code == 200
    revoke_token(token[0].pk)
    assert client.get("/").status_code == 302


def test_an_expired_token_ends_its_sessions(token: tuple[ApiToken, str]) -> None:
    client = Client()
    sign_in(client, token[1])
    now = utc_now()
    ApiToken.objects.update(created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    assert client.get("/").status_code == 302


def test_signing_out_is_a_post_and_ends_the_session(operator: Client) -> None:
    assert operator.get("/sign-out").status_code == 405
    assert operator.get("/").status_code == 200
    assert operator.post("/sign-out").status_code == 302
    assert operator.get("/").status_code == 302


def test_every_form_is_refused_without_its_csrf_token() -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.post("/sign-in", {"token": "cw_any"}).status_code == 403
    assert client.post("/sign-out").status_code == 403


def test_sign_in_leaves_a_trace_in_the_audit_trail(token: tuple[ApiToken, str]) -> None:
    sign_in(Client(), token[1])
    entry = AuditEntry.objects.filter(action="authenticate").get()
    assert (entry.actor, entry.community, entry.result) == ("ada", "default", "SUCCESS")


def test_a_link_signs_in_once(token: tuple[ApiToken, str]) -> None:
    secret = make_sign_in_link(str(token[0].pk), utc_now())
    client = Client()
    answer = client.get(f"/sign-in/{secret}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/").status_code == 200
    second = Client().get(f"/sign-in/{secret}")
    assert second.status_code == 410
    assert "used already" in second.content.decode()


def test_a_link_ends_after_ten_minutes(token: tuple[ApiToken, str]) -> None:
    now = utc_now()
    secret = make_sign_in_link(str(token[0].pk), now)
    assert redeem_sign_in_link(secret, now + LIFETIME) is None
    assert redeem_sign_in_link(secret, now + LIFETIME - timedelta(seconds=1)) == str(token[0].pk)


def test_a_link_is_stored_as_a_hash_and_old_ones_are_swept_away(
    token: tuple[ApiToken, str],
) -> None:
    now = utc_now()
    secret = make_sign_in_link(str(token[0].pk), now - timedelta(days=1))
    assert secret not in str(SignInLink.objects.values().get())
    make_sign_in_link(str(token[0].pk), now)
    assert SignInLink.objects.count() == 1


def test_a_link_of_a_revoked_token_opens_nothing(token: tuple[ApiToken, str]) -> None:
    secret = make_sign_in_link(str(token[0].pk), utc_now())
    revoke_token(token[0].pk)
    assert Client().get(f"/sign-in/{secret}").status_code == 410


def test_a_look_ahead_does_not_use_the_link_up(token: tuple[ApiToken, str]) -> None:
    secret = make_sign_in_link(str(token[0].pk), utc_now())
    client = Client()
    assert client.get(f"/sign-in/{secret}", headers={"Sec-Purpose": "prefetch"}).status_code == 503
    assert client.head(f"/sign-in/{secret}").status_code == 405
    assert client.get(f"/sign-in/{secret}").status_code == 302


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/none"])
def test_the_pages_before_the_door_are_protected_too(anonymous: Client, path: str) -> None:
    headers = anonymous.get(path).headers
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "no-store" in headers["Cache-Control"]
