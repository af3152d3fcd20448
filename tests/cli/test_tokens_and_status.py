"""`clockwright token …`, `doctor`, `nodes`, `runs`, `openapi`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clockwright.access.models import ApiToken
from clockwright.access.tokens import authenticate
from clockwright.engine.clock import utc_now
from clockwright.engine.model import Node
from clockwright.engine.registry import workflow_id_of
from clockwright.schedules.models import Schedule
from clockwright.schedules.store import SqlStore

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]


def test_a_new_token_is_alone_on_stdout_and_works(clockwright: Command) -> None:
    done = clockwright("token", "create", "ci", "--role", "admin")
    assert done.code == 0
    assert re.fullmatch(r"cw_\S+\n", done.out)
    caller = authenticate(done.out.strip())
    assert caller is not None
    assert (caller.actor, caller.role, caller.community) == ("ci", "admin", "default")
    assert done.out.strip() not in done.err


def test_a_token_may_run_out(clockwright: Command) -> None:
    clockwright("token", "create", "ci", "--expires", "7")
    token = ApiToken.objects.get()
    assert token.expires_at is not None
    assert timedelta(days=6, hours=23) < token.expires_at - utc_now() <= timedelta(days=7)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("ci", "--role", "root"), ["role", "root"]),
        (("ci", "--expires", "0"), ["--expires", "0"]),
        (("",), ["name"]),
        ((), ["NAME"]),
    ],
)
def test_a_token_that_cannot_be_made_is_a_usage_error(
    clockwright: Command, arguments: tuple[str, ...], named: list[str]
) -> None:
    done = clockwright("token", "create", *arguments)
    assert (done.code, done.out) == (2, "")
    assert all(word in done.err for word in named), done.err
    assert not ApiToken.objects.exists()


def test_tokens_are_listed_without_their_text_and_revoked_by_prefix(clockwright: Command) -> None:
    text = clockwright("token", "create", "ci").out.strip()
    listed = clockwright("token", "list", "--json")
    assert text not in listed.out
    (item,) = listed.json["items"]
    assert (item["name"], item["role"], item["state"]) == ("ci", "viewer", "valid")
    assert clockwright("token", "revoke", item["prefix"]).code == 0
    assert authenticate(text) is None
    assert clockwright("token", "list", "--json").json["items"][0]["state"] == "revoked"


def test_revoking_what_is_not_there_is_not_found(clockwright: Command) -> None:
    assert clockwright("token", "revoke", "cw_nothing").code == 3


def register_node() -> None:
    SqlStore().register_node(
        Node(node_id="host:1:abc", host="host", pid=1, capacity=5), timedelta(hours=1)
    )


def verdicts(done: Any) -> dict[str, str]:
    import json

    return {check["check"]: check["verdict"] for check in json.loads(done.out)["checks"]}


def test_the_doctor_is_content_with_a_living_node(clockwright: Command) -> None:
    register_node()
    done = clockwright("doctor", "--json")
    assert done.code == 0
    assert done.json["ok"] is True
    assert set(verdicts(done).values()) == {"ok"}


def test_the_doctor_says_that_nothing_will_run_without_a_node(clockwright: Command) -> None:
    done = clockwright("doctor")
    assert done.code == 1
    assert "none alive" in done.out
    assert "clockwright worker" in done.err


def test_the_doctor_finds_schedules_that_nobody_looks_at(clockwright: Command) -> None:
    register_node()
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1s")
    now = utc_now()
    Schedule.objects.update(
        next_execution_at=now - timedelta(minutes=5), settled_until=now - timedelta(minutes=6)
    )
    done = clockwright("doctor", "--json")
    assert done.code == 1
    assert verdicts(done)["overdue_schedules"] == "failed"


def test_the_doctor_warns_of_functions_that_are_not_known_here_and_of_zones_that_are_gone(
    clockwright: Command,
) -> None:
    register_node()
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1h")
    Schedule.objects.update(workflow_id=workflow_id_of("gone"), timezone="Mars/Base")
    found = verdicts(clockwright("doctor", "--json"))
    assert (found["unknown_functions"], found["unknown_zones"]) == ("warning", "failed")


def test_nodes_are_listed(clockwright: Command) -> None:
    register_node()
    (node,) = clockwright("nodes", "--json").json["items"]
    assert (node["node_id"], node["alive"], node["capacity"]) == ("host:1:abc", True, 5)
    assert "host:1:abc" in clockwright("nodes").out


def test_where_there_are_no_runs_a_message_says_so(clockwright: Command) -> None:
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1h", "--key", "one")
    for arguments, told in (((), "no runs yet\n"), (("one",), "no such runs yet\n")):
        done = clockwright("runs", *arguments)
        assert (done.code, done.out, done.err) == (0, "", told)
    assert clockwright("runs", "--json").json == {"items": []}


def test_runs_are_listed_newest_first_and_filtered(clockwright: Command) -> None:
    for key in ("one", "two"):
        clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1h", "--key", key)
        clockwright("schedule", "trigger", key, "--request-id", key)
    items = clockwright("runs", "--json").json["items"]
    assert [item["request_id"] for item in items] == ["two", "one"]
    assert {
        "run_id",
        "scheduled_for",
        "status",
        "reason",
        "attempt",
        "node",
        "result",
        "error",
    } <= set(items[0])
    assert [item["request_id"] for item in clockwright("runs", "one", "--json").json["items"]] == [
        "one"
    ]
    assert len(clockwright("runs", "--limit", "1", "--json").json["items"]) == 1
    assert clockwright("runs", "--status", "failed", "--json").json["items"] == []
    assert "queued" in clockwright("runs").out


@pytest.mark.parametrize(
    ("arguments", "code"), [(("--status", "odd"), 2), (("--limit", "0"), 2), (("nobody",), 3)]
)
def test_runs_that_cannot_be_listed(
    clockwright: Command, arguments: tuple[str, ...], code: int
) -> None:
    done = clockwright("runs", *arguments)
    assert (done.code, done.out) == (code, "")


def test_the_openapi_description_is_printed_as_json(clockwright: Command) -> None:
    document = clockwright("openapi").json
    assert document["openapi"].startswith("3.")
    assert "/api/v1/schedules" in document["paths"]
