"""`clockwright schedule backfill …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clockwright.schedules import stores
from clockwright.schedules.models import Backfill

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]
RANGE = ("--from", "2026-02-02", "--to", "2026-02-04T12:00")
"""In the schedule's zone: the mornings of three days."""


@pytest.fixture
def daily(clockwright: Command) -> str:
    rule = ("--cron", "0 5 * * *", "--tz", "Australia/Sydney", "--key", "daily")
    assert clockwright("schedule", "add", "--workflow", "samples.echo", *rule).code == 0
    return "daily"


def test_a_dry_run_shows_each_fire_time_and_saves_nothing(clockwright: Command, daily: str) -> None:
    done = clockwright("schedule", "backfill", daily, *RANGE, "--dry-run")
    assert done.code == 0, done.err
    assert done.out.count("05:00:00 AEDT") == 3
    assert done.out.count("create") == 3
    told = clockwright("schedule", "backfill", daily, *RANGE, "--dry-run", "--json").json
    assert (told["total"], told["created"], told["existing"]) == (3, 3, 0)
    assert not Backfill.objects.exists()


def test_it_prints_the_id_that_the_list_and_cancelling_know(
    clockwright: Command, daily: str
) -> None:
    options = ("--overlap", "allow", "--priority", "-3", "--request-id", "r1")
    done = clockwright("schedule", "backfill", daily, *RANGE, *options)
    made = Backfill.objects.get()
    assert (done.out.strip(), made.total, made.priority) == (str(made.backfill_id), 3, -3)
    again = clockwright("schedule", "backfill", daily, *RANGE, *options, "--json").json
    assert again["backfill_id"] == str(made.backfill_id)
    stores.backfills().advance(made.backfill_id, "n1")
    listed = clockwright("schedule", "backfills", daily).out
    assert "3 of 3" in listed
    assert "running" in listed
    cancelled = clockwright("schedule", "cancel-backfill", daily, str(made.backfill_id), "--json")
    assert (cancelled.json["status"], cancelled.json["cancelled"]) == ("cancelled", 3)
    assert "cancelled (requested)" in clockwright("schedule", "backfills", daily).out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--from", "2026-02-02", "--to", "2999-01-01"), 2, "--to: "),
        (("--from", "soon", "--to", "2026-02-03"), 2, "--from: "),
        ((*RANGE, "--overlap", "buffer_one"), 2, "--overlap: "),
        ((*RANGE, "--limit", "2"), 2, "--limit: "),
        ((*RANGE, "--max-instances", "0"), 2, "--max-instances: "),
    ],
)
def test_what_cannot_be_meant_is_said_in_the_names_of_the_options(
    clockwright: Command, daily: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = clockwright("schedule", "backfill", daily, *arguments)
    assert done.code == code
    assert words in done.err


def test_a_second_one_at_a_time_is_a_conflict_and_an_unknown_one_is_not_found(
    clockwright: Command, daily: str
) -> None:
    assert clockwright("schedule", "backfills", daily).code == 0
    assert clockwright("schedule", "backfill", daily, *RANGE).code == 0
    assert clockwright("schedule", "backfill", daily, *RANGE).code == 4
    assert clockwright("schedule", "cancel-backfill", daily, "x").code == 3
    unknown = "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"
    assert clockwright("schedule", "cancel-backfill", daily, unknown).code == 3
    assert clockwright("schedule", "backfills", daily, "--limit", "0").code == 2
