"""A rule as JSON on the command line: previewed and explained without a database, and made a schedule of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clockwright.schedules.models import Schedule
from clockwright.server.cli import main

Command = Callable[..., Any]
WEEKDAYS = json.dumps(
    {
        "type": "except",
        "rule": {"type": "cron", "expression": "0 9 * * *"},
        "weekdays": ["sat", "sun"],
    }
)
BY_NAME = json.dumps(
    {
        "type": "business_days",
        "rule": {"type": "cron", "expression": "0 9 * * *"},
        "calendar": "england",
    }
)
IN_LONDON = ("--rule", WEEKDAYS, "--tz", "Europe/London")
FRIDAY = "2026-07-03T12:00:00Z"


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main([*arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_it_is_previewed_in_the_zone_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, "preview", *IN_LONDON, "--after", FRIDAY, "--count", "1", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["fire_times"] == [
        {"utc": "2026-07-06T08:00:00+00:00", "local": "2026-07-06T09:00:00+01:00"}
    ]
    assert found["rule"]["rule"]["tz"] == "Europe/London"
    assert found["expression"] is None
    table = ran(capsys, "preview", *IN_LONDON, "--after", FRIDAY, "--count", "1")
    assert table[1].startswith("except  (Europe/London): (At 09:00")


def test_it_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, "explain", *IN_LONDON, "--at", "2026-07-04T09:00", "--json")
    found = json.loads(out)
    assert (code, found["fires"], found["following"]) == (0, False, "2026-07-06T08:00:00Z")


def test_it_is_read_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "rule.json"
    file.write_text(WEEKDAYS, "utf-8")
    given = ("--after", FRIDAY, "--count", "2")
    read = ran(capsys, "preview", "--rule", f"@{file}", *given)
    assert read == ran(capsys, "preview", "--rule", WEEKDAYS, *given)
    assert read[0] == 0


@pytest.mark.parametrize("command", [("preview",), ("explain", "--at", FRIDAY)])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--rule", "{"), "--rule: the text is not JSON"),
        (("--rule", "5"), "not a JSON object"),
        (("--rule", '{"type": "cron", "type": "once"}'), "given twice"),
        (("--rule", '{"type": "moon"}'), "unknown type of rule 'moon'"),
        (("--rule", "@/nowhere/rule.json"), "@/nowhere/rule.json cannot be read"),
        (("--rule", BY_NAME), "'england' is given by its name, and no database is asked here"),
        (("--rule", json.dumps({"type": "union", "rules": [json.loads(BY_NAME)]})), "by its name"),
        (("--rule", WEEKDAYS, "0 9 * * *"), "EXPR"),
        ((), "EXPR"),
        (("--rule", WEEKDAYS, "--seed", "x"), "--seed: goes with a cron line"),
        (("--rule", WEEKDAYS, "--dialect", "seconds"), "--dialect: goes with a cron line"),
        (
            ("--rule", '{"type": "cron", "expression": "0 9 * * *", "tz": "UTC"}', "--tz", "Zulu"),
            "--tz: 'Zulu' contradicts the rule's tz",
        ),
    ],
)
def test_what_cannot_be_read_is_a_usage_problem(
    capsys: pytest.CaptureFixture[str],
    command: tuple[str, ...],
    arguments: tuple[str, ...],
    told: str,
) -> None:
    code, out, err = ran(capsys, *command, *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_a_schedule_is_made_of_it(clockwright: Command) -> None:
    done = clockwright("schedule", "add", "--workflow", "samples.echo", *IN_LONDON)
    assert done.code == 0, done.err
    row = Schedule.objects.get()
    assert (row.timezone, row.recurrence["type"]) == ("Europe/London", "except")


def test_a_calendar_that_is_kept_is_known_by_its_name_to_a_new_schedule(
    clockwright: Command,
) -> None:
    add = ("schedule", "add", "--workflow", "samples.echo", "--rule", BY_NAME)
    refused = clockwright(*add)
    assert refused.code == 2
    assert "--rule: calendar: there is no calendar 'england'" in refused.err
    assert clockwright("calendar", "put", "england", "--yearly", "12-25").code == 0
    assert clockwright(*add).code == 0
    assert Schedule.objects.get().recurrence["calendar"]["yearly"] == ["12-25"]
