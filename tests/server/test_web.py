"""The web application as servers load it, with its static files and headers."""

from __future__ import annotations

import io

import pytest
from asgiref.testing import ApplicationCommunicator
from django.urls import resolve

from clockwright.server.asgi import application as asgi
from clockwright.server.wsgi import application as wsgi

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
async def test_it_answers_over_asgi():
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    browser = ApplicationCommunicator(asgi, scope)
    await browser.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await browser.receive_output(timeout=30)
    body = await browser.receive_output(timeout=30)
    await browser.wait(timeout=30)
    assert (start["status"], body["body"]) == (200, b"ok\n")


def test_it_answers_over_wsgi():
    told = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/healthz",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    answer = wsgi(environ, lambda status, headers: told.append(status))
    assert (told, b"".join(answer)) == (["200 OK"], b"ok\n")


@pytest.mark.parametrize(
    "path", ["ninja/swagger-ui.css", "admin/css/base.css", "clockwright_console/console.css"]
)
def test_static_files_come_from_here_without_being_collected_first(client, path):
    answer = client.get(f"/static/{path}")
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)
    answer.close()


def test_answers_tell_browsers_to_be_careful(client):
    headers = client.get("/admin/login/").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_only_this_machine_is_answered_unless_more_hosts_are_named(client):
    assert client.get("/healthz", headers={"Host": "localhost"}).status_code == 200
    assert client.get("/api/v1/health", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "console:overview"),
        ("/metrics", "metrics"),
        ("/healthz", "healthz"),
        ("/admin/", "admin:index"),
        ("/api/v1/docs", "clockwright-api:openapi-view"),
    ],
)
def test_everything_has_its_place(path, name):
    assert resolve(path).view_name == name
