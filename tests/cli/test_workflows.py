"""`clockwright workflow …`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]
HELLO = {
    "steps": [
        {
            "id": "hello",
            "kind": "function",
            "function": "samples.echo",
            "arguments": {"to": {"$": "context.name"}},
        }
    ]
}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "hello.json"
    path.write_text(json.dumps(HELLO))
    return str(path)


def test_a_workflow_is_put_published_run_and_archived(clockwright: Command, file: str) -> None:
    put = clockwright("workflow", "put", "hello", file, "--description", "greets")
    assert "'hello' is draft, revision 1, version -" in put.err
    assert clockwright("workflow", "run", "hello").code == 4
    assert "published" in clockwright("workflow", "publish", "hello").out
    made = clockwright("workflow", "run", "hello", "--context", '{"name": "Ada"}', "--json").json
    again = clockwright("workflow", "show", made["workflow_id"], "--json").json
    assert (again["name"], again["description"], again["definition"]) == ("hello", "greets", HELLO)
    assert [one["name"] for one in clockwright("workflow", "list", "--json").json["items"]] == [
        "hello"
    ]
    assert "hello" in clockwright("workflow", "list", "--status", "published").out
    status = clockwright("workflow", "status", made["execution_id"], "--json").json
    assert (status["status"], status["version"]) == ("pending", 1)
    assert "pending" in clockwright("workflow", "status", made["execution_id"]).out
    assert "cancelled" in clockwright("workflow", "cancel", made["execution_id"]).out
    assert clockwright("workflow", "archive", "hello", "--json").json["status"] == "archived"
    assert clockwright("workflow", "list", "--json").json["items"] == []


def test_putting_it_again_changes_its_draft_and_publishes_it_where_asked(
    clockwright: Command, file: str
) -> None:
    assert clockwright("workflow", "put", "hello", file, "--publish", "--json").json["version"] == 1
    changed = {"steps": [{"id": "z", "kind": "end", "output": 1}]}
    Path(file).write_text(json.dumps(changed))
    assert "revision 2, version 1" in clockwright("workflow", "put", "hello", file).err
    assert clockwright("workflow", "put", "hello", file, "--publish", "--json").json["version"] == 2
    versions = clockwright("workflow", "versions", "hello", "--json").json["items"]
    assert [one["definition"] for one in versions] == [changed, HELLO]
    assert "cli:" in clockwright("workflow", "versions", "hello").out


def test_a_definition_may_come_from_stdin(
    clockwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(HELLO).encode())))
    assert clockwright("workflow", "put", "hello", "-").code == 0


def test_every_flaw_is_told_on_a_line(clockwright: Command, file: str) -> None:
    wrong = {"steps": [{"id": "a", "kind": "nah"}, {"id": "b", "kind": "end", "bogus": 1}]}
    Path(file).write_text(json.dumps(wrong))
    done = clockwright("workflow", "put", "wrong", file)
    assert done.code == 2
    lines = done.err.splitlines()
    assert lines[0].startswith("/steps/0/kind: 'nah' is not known; give one of function,")
    assert lines[1] == "/steps/1/bogus: is not a field of this step"
    assert lines[2] == "error: the definition has 2 flaws"


def test_a_dry_run_shows_the_way_and_what_would_come_of_it(clockwright: Command, file: str) -> None:
    clockwright("workflow", "put", "hello", file)
    test = ("workflow", "test", "hello", "--outputs", '{"hello": "hi"}')
    shown = clockwright(*test).out
    assert "hello   function   succeeded" in shown
    assert "output         hi" in shown
    told = clockwright(*test, "--context", '{"name": "Ada"}', "--json").json
    assert told["calls"][0]["arguments"] == {"to": "Ada"}


def test_a_schedule_starts_it_by_name(clockwright: Command, file: str) -> None:
    clockwright("workflow", "put", "hello", file, "--publish")
    made = clockwright("schedule", "add", "--workflow", "hello", "--every", "1h", "--json").json
    assert " hello " in clockwright("schedule", "list").out
    clockwright("workflow", "run", "hello")
    assert " hello " in clockwright("runs").out
    assert (
        made["workflow_id"]
        == clockwright("workflow", "show", "hello", "--json").json["workflow_id"]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("show", "nobody"), 3, "nobody"),
        (("show", "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"), 3, "0192f0c1"),
        (("put", "x", "missing.json"), 2, "missing.json"),
        (("status", "17"), 2, "'17' is not a UUID"),
        (("status", "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"), 3, "Execution not found"),
        (("cancel", "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"), 3, "Execution not found"),
        (("run", "nobody", "--context", "[]"), 2, "--context"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(
    clockwright: Command, arguments: tuple[str, ...], code: int, named: str
) -> None:
    done = clockwright("workflow", *arguments)
    assert (done.code, named in done.err) == (code, True), done.err


def test_a_file_that_is_no_json_is_told_with_the_place(clockwright: Command, file: str) -> None:
    Path(file).write_text("{")
    done = clockwright("workflow", "put", "x", file)
    assert done.code == 2
    assert "is not JSON" in done.err
    assert "line 1, column 2" in done.err
