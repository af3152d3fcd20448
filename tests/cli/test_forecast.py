"""`clockwright forecast`: the load to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]


def added(clockwright: Command, *arguments: str) -> None:
    done = clockwright("schedule", "add", "--workflow", "samples.echo", *arguments)
    assert done.code == 0, done.err


def test_the_forecast_counts_what_all_active_schedules_will_start(clockwright: Command) -> None:
    added(clockwright, "--cron", "*/15 * * * *", "--key", "quarters")
    added(clockwright, "--cron", "*/15 * * * *", "--key", "quarters-too")
    added(clockwright, "--cron", "0 * * * *", "--key", "paused")
    assert clockwright("schedule", "pause", "paused").code == 0

    found = clockwright("forecast", "--hours", "2", "--json").json
    assert len(found["counts"]) == 120
    assert found["step_seconds"] == 60
    assert (found["total"], found["peak"]) == (16, 2)
    assert sorted(set(found["counts"])) == [0, 2]

    shown = clockwright("forecast", "--hours", "2").out
    assert shown.startswith("16 fire times from ")
    assert "the fullest minute is " in shown


def test_a_schedule_that_may_run_only_so_often_is_counted_so_often(clockwright: Command) -> None:
    added(clockwright, "--cron", "* * * * *", "--max-executions", "7")
    assert clockwright("forecast", "--json").json["total"] == 7


def test_nothing_to_come_is_said(clockwright: Command) -> None:
    found = clockwright("forecast", "--hours", "1", "--json").json
    assert (found["total"], found["peak"], found["peak_at"]) == (0, 0, None)
    assert clockwright("forecast", "--hours", "1").out.startswith("0 fire times")


@pytest.mark.parametrize("hours", ["0", "169"])
def test_hours_beyond_a_week_are_refused(clockwright: Command, hours: str) -> None:
    done = clockwright("forecast", "--hours", hours)
    assert (done.code, done.out) == (2, "")
    assert "--hours" in done.err
