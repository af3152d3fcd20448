"""`clockwright explain`: why a rule, or a schedule's, fires at an instant or does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clockwright.server.cli import main

Command = Callable[..., Any]
BERLIN = ("30 2 * * *", "--tz", "Europe/Berlin")


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["explain", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_people_read_why_the_second_pass_does_not_count(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ran(capsys, *BERLIN, "--at", "2026-10-25T01:30:00Z")
    assert (code, err) == (0, "")
    assert out.startswith("2026-10-25T01:30:00Z is not a fire time")
    assert "the second pass does not count" in out


def test_programs_read_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, *BERLIN, "--at", "2026-10-24T02:30", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["fires"] is True
    assert found["instant"] == "2026-10-24T00:30:00Z"
    assert [finding["field"] for finding in found["findings"]][:3] == ["second", "minute", "hour"]


def test_a_time_that_the_clock_leaps_over_is_explained_where_the_gap_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = ran(capsys, *BERLIN, "--at", "2027-03-28T02:30")
    assert out.startswith("2027-03-28T01:00:00Z is a fire time")
    assert "02:30:00, which it never shows, runs here" in out


def test_an_instant_with_a_fraction_never_fires(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ran(capsys, "* * * * *", "--at", "2026-10-24T00:30:00.5Z")
    assert "fire times are whole seconds" in out


def test_seconds_are_a_dialect_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("*/30 * * * * *", "--dialect", "seconds", "--at", "2026-01-01T00:00:30Z")
    assert "is a fire time" in ran(capsys, *arguments)[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("0 25 * * *", "--at", "2026-01-01T00:00Z"), "out of range"),
        (("0 5 * * *", "--at", "tomorrow"), "--at"),
        (("0 5 * * *", "--at", "0001-01-01T00:00:00Z"), "out of range"),
        (("--at", "2026-01-01T00:00Z"), "EXPR"),
        (("0 5 * * *", "--schedule", "x", "--at", "2026-01-01T00:00Z"), "EXPR"),
        (("0 5 * * *",), "--at"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_problem(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = ran(capsys, *arguments)
    assert code == 2
    assert told in err


@pytest.mark.django_db
def test_a_schedule_is_explained_with_its_bounds(clockwright: Command) -> None:
    added = clockwright(
        "schedule", "add", "--workflow", "samples.echo", "--cron", "0 5 * * *",
        "--tz", "Australia/Sydney", "--key", "reports.daily", "--end-at", "2199-01-01T00:00:00Z",
    )  # fmt: skip
    assert added.code == 0, added.err
    found = clockwright(
        "explain", "--schedule", "reports.daily", "--at", "2030-06-01T05:00", "--json"
    )
    assert found.json["fires"] is True
    assert found.json["timezone"] == "Australia/Sydney"
    late = clockwright(
        "explain", "--schedule", "reports.daily", "--at", "2199-06-01T05:00", "--json"
    )
    rejected = [f["field"] for f in late.json["findings"] if f["decides"] and not f["admits"]]
    assert rejected == ["end_at"]


@pytest.mark.django_db
def test_an_unknown_schedule_is_not_found(clockwright: Command) -> None:
    done = clockwright("explain", "--schedule", "nobody", "--at", "2030-06-01T05:00")
    assert done.code == 3


def test_a_sentence_and_a_seed_are_read_as_preview_reads_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = ran(capsys, "every weekday at 9", "--at", "2026-10-26T09:00")
    assert (code, out[:36]) == (0, "2026-10-26T09:00:00Z is a fire time:")
    main(["preview", "H 3 * * *", "--seed", "reports", "--count", "1", "--json"])
    (time,) = json.loads(capsys.readouterr().out)["fire_times"]
    arguments = ("H 3 * * *", "--seed", "reports", "--at", time["utc"], "--json")
    assert json.loads(ran(capsys, *arguments)[1])["fires"] is True
    code, _, err = ran(capsys, "H 3 * * *", "--at", time["utc"])
    assert (code, "seed" in err) == (2, True)


def test_a_fraction_is_kept_also_where_the_offset_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = json.loads(ran(capsys, *BERLIN, "--at", "2026-10-24T02:29:59.5", "--json")[1])
    assert (found["fires"], found["following"]) == (False, "2026-10-24T00:30:00Z")
    assert "fraction" in [finding["field"] for finding in found["findings"]]


def test_a_schedule_has_its_rule_and_its_zone(clockwright: Command) -> None:
    asked = ("explain", "--schedule", "x", "--at", "2030-06-01T05:00")
    for option in (("--tz", "UTC"), ("--seed", "x"), ("--dialect", "seconds")):
        done = clockwright(*asked, *option)
        assert done.code == 2
        assert f"{option[0]}: does not go with --schedule" in done.err


def test_a_schedule_that_is_not_active_says_so(clockwright: Command) -> None:
    clockwright("schedule", "add", "--workflow", "samples.echo", "--cron", "0 5 * * *", "--key", "x")  # fmt: skip
    asked = ("explain", "--schedule", "x", "--at", "2030-06-01T05:00")
    assert "The schedule is" not in clockwright(*asked).out
    clockwright("schedule", "pause", "x", "--reason", "moving house")
    told = clockwright(*asked).out
    assert "is a fire time" in told
    assert "The schedule is paused (moving house): only while it is active" in told
    assert clockwright(*asked, "--json").json["status"] == "paused"
