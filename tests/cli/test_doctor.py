"""`clockwright doctor`: what is wrong; with `--diff` what an upgrade changes, and accepting it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clockwright.engine.model import Node
from clockwright.recurrence import ENGINE_VERSION, tzdata_version
from clockwright.recurrence.recorded import ZoneRecord
from clockwright.schedules.doctor.findings import Finding
from clockwright.schedules.models import Schedule
from clockwright.schedules.models import ZoneRecord as Recorded
from clockwright.schedules.store import SqlStore

Command = Callable[..., Any]
ZONE = "Atlantic/Reykjavik"


@pytest.fixture
def moved(clockwright: Command) -> Schedule:
    """A schedule that was saved when its zone was an hour further east."""
    clockwright(
        *("schedule", "add", "--workflow", "samples.echo", "--key", "noon"),
        *("--cron", "0 12 * * *", "--tz", ZONE),
    )
    row = Schedule.objects.get(key="noon")
    kept = Recorded.objects.get(zone=ZONE, tzdata_version=tzdata_version())
    record = ZoneRecord.from_json(kept.transitions | {"offset": 3_600})
    Recorded.objects.create(
        tzdata_version="2020z",
        zone=ZONE,
        recorded_at=row.created_at,
        transitions=record.to_json(),
    )
    Schedule.objects.update(tzdata_version="2020z")
    return row


def test_nothing_changes_where_nothing_was_upgraded(clockwright: Command) -> None:
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1h")
    done = clockwright("doctor", "--diff")
    assert done.code == 0
    assert "nothing changes in the coming year" in done.out
    assert f"tzdata {tzdata_version()}" in done.out


def test_what_changes_is_listed_and_makes_the_command_fail(
    clockwright: Command, moved: Schedule
) -> None:
    done = clockwright("doctor", "--diff")
    assert done.code == 1
    assert "noon" in done.out
    assert "At 12:00" in done.out
    assert "T11:00:00" in done.out
    assert "-> " in done.out
    assert "1 schedule changes, or may," in done.out
    assert "--accept" in done.err


def test_what_changes_as_data(clockwright: Command, moved: Schedule) -> None:
    done = clockwright("doctor", "--diff", "--json")
    assert done.code == 1
    found = json.loads(done.out)
    assert (found["ok"], found["count"]) == (False, 1)
    assert (found["engine_version"], found["tzdata_version"]) == (ENGINE_VERSION, tzdata_version())
    (item,) = found["schedules"]
    assert item["schedule_id"] == str(moved.schedule_id)
    assert (item["certainty"], item["tzdata_version"]) == ("certain", "2020z")
    assert item["changed"] in {365, 366}
    assert item["first"][0]["was"].endswith("T11:00:00+00:00")
    assert item["first"][0]["is"].endswith("T12:00:00+00:00")


def test_few_are_shown_and_all_are_counted(clockwright: Command, moved: Schedule) -> None:
    clockwright(
        *("schedule", "add", "--workflow", "samples.echo"),
        *("--cron", "0 13 * * *", "--tz", ZONE),
    )
    Schedule.objects.update(tzdata_version="2020z")
    found = json.loads(clockwright("doctor", "--diff", "--limit", "1", "--json").out)
    assert (found["count"], len(found["schedules"])) == (2, 1)
    assert "1 more" in clockwright("doctor", "--diff", "--limit", "1").out


def test_another_community_sees_none_of_it(clockwright: Command, moved: Schedule) -> None:
    assert clockwright("doctor", "--diff", "--community", "elsewhere").code == 0
    assert clockwright("doctor", "--diff", "--community", "default").code == 1


def test_accepting_ends_it(clockwright: Command, moved: Schedule) -> None:
    done = clockwright("doctor", "--accept", "--json")
    assert done.code == 0
    assert (done.json["changed"], done.json["unchanged"], done.json["unreadable"]) == (1, 0, 0)
    assert clockwright("doctor", "--diff").code == 0
    assert "accepted 0" in clockwright("doctor", "--diff", "--accept").out


def test_what_cannot_be_read_is_left_and_said(clockwright: Command, moved: Schedule) -> None:
    Schedule.objects.update(recurrence={"type": "moon"})
    done = clockwright("doctor", "--diff", "--accept")
    assert done.code == 1
    assert "1 cannot be read" in done.err
    shown = clockwright("doctor", "--diff")
    assert "unreadable" in shown.out


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--community", "default"], "--community"), (["--diff", "--limit", "0"], "--limit")],
)
def test_options_that_cannot_be_meant(clockwright: Command, options: list[str], named: str) -> None:
    done = clockwright("doctor", *options)
    assert done.code == 2
    assert named in done.err


def add(clockwright: Command, *options: str) -> Schedule:
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1h", *options)
    return Schedule.objects.latest("id")


def alive() -> None:
    node = Node(node_id="host:1:abc", host="host", pid=1, capacity=5)
    SqlStore().register_node(node, timedelta(hours=1))


def test_every_code_is_a_check_and_all_is_well(clockwright: Command) -> None:
    alive()
    add(clockwright)
    done = clockwright("doctor", "--json")
    assert done.code == 0
    checks = {check["check"]: check for check in done.json["checks"]}
    assert {code.value for code in Finding} < set(checks)
    assert {check["verdict"] for check in checks.values()} == {"ok"}
    assert checks["schedules"]["finding"] == "1 of 1 read one by one"


def test_what_is_found_comes_with_ids_and_a_mend(clockwright: Command) -> None:
    alive()
    row = add(clockwright)
    Schedule.objects.update(execution_count=5)
    done = clockwright("doctor", "--json")
    assert done.code == 1
    checks = json.loads(done.out)["checks"]
    (check,) = (check for check in checks if check["verdict"] == "failed")
    assert check["check"] == "wrong_execution_counts"
    assert (check["count"], check["ids"]) == (1, [str(row.schedule_id)])
    assert "execution_count" in check["mend"]
    told = clockwright("doctor")
    assert str(row.schedule_id) in told.err
    assert "wrong_execution_counts" in told.out


def test_where_there_are_many_some_are_read_unless_all_are_asked_for(
    clockwright: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clockwright.server.cli.doctor._READ", 1)
    alive()
    add(clockwright)
    add(clockwright)
    assert "1 of 2 read one by one; --all" in clockwright("doctor").out
    assert "2 of 2 read one by one" in clockwright("doctor", "--all").out
