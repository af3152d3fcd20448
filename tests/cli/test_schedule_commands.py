"""`clockwright schedule …` on the real database: what is printed, as what, and with which exit code."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from clockwright.access.models import Community
from clockwright.audit.models import AuditEntry
from clockwright.schedules.models import Run, Schedule

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]
DAILY = (
    "schedule",
    "add",
    "--workflow",
    "samples.echo",
    "--cron",
    "0 5 * * *",
    "--tz",
    "Australia/Sydney",
)


@pytest.fixture
def daily(clockwright: Command) -> dict[str, Any]:
    found: dict[str, Any] = clockwright(*DAILY, "--key", "reports.daily", "--json").json
    return found


def test_adding_prints_what_was_made_and_its_next_five_fire_times(clockwright: Command) -> None:
    done = clockwright(*DAILY, "--key", "reports.daily", "--context", '{"name": "Ada"}')
    assert done.code == 0, done.err
    assert done.err == "added reports.daily\n"
    row = Schedule.objects.get()
    assert str(row.schedule_id) in done.out
    assert '{"name": "Ada"}' in done.out
    assert done.out.count("05:00:00 AE") == 5


def test_added_as_json_it_is_the_schedule_and_its_fire_times(daily: dict[str, Any]) -> None:
    row = Schedule.objects.get()
    assert daily["schedule_id"] == str(row.schedule_id)
    assert daily["workflow"] == "samples.echo"
    assert daily["next_execution_at"] == daily["fire_times"][0]["utc"]
    assert len(daily["fire_times"]) == 5
    local = datetime.fromisoformat(daily["fire_times"][0]["local"])
    assert (local.hour, local.minute) == (5, 0)


def test_what_the_command_line_makes_is_in_the_audit_trail_with_its_user(
    daily: dict[str, Any],
) -> None:
    entry = AuditEntry.objects.get(action="schedule_create")
    assert entry.actor.startswith("cli:")
    assert str(entry.schedule_id) == daily["schedule_id"]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (("--cron", "*/5 * * * *"), "cron"),
        (("--every", "90s"), "interval"),
        (("--at", "2199-01-01T09:00", "--tz", "Europe/Berlin"), "one_time"),
        (("--words", "every weekday at 9"), "cron"),
        (("--words", "every 90 seconds"), "interval"),
        (("--words", "once on 2199-01-01 at 9", "--tz", "Europe/Berlin"), "one_time"),
        (("--words", "every 3 days at 6"), "rule"),
        (("--cron", "H H * * *", "--seed", "reports"), "cron"),
    ],
)
def test_each_kind_of_rule_makes_a_schedule_of_its_type(
    clockwright: Command, rule: tuple[str, ...], kind: str
) -> None:
    done = clockwright("schedule", "add", "--workflow", "samples.echo", *rule, "--json")
    assert done.json["schedule_type"] == kind


def test_a_time_without_offset_is_read_in_the_schedules_zone(clockwright: Command) -> None:
    """C-08, R10."""
    made = clockwright(
        *("schedule", "add", "--workflow", "samples.echo", "--at", "2199-01-01T09:00"),
        *("--tz", "Europe/Berlin", "--json"),
    ).json
    assert made["next_execution_at"] == "2199-01-01T08:00:00+00:00"


def test_words_are_read_in_the_schedules_zone_and_counted_from_now(clockwright: Command) -> None:
    """C-51: the days between are counted, not begun anew each month."""
    made = clockwright(
        *("schedule", "add", "--workflow", "samples.echo", "--words", "every 3 days at 6"),
        *("--tz", "Australia/Sydney", "--json"),
    ).json
    local = [datetime.fromisoformat(fire["local"]) for fire in made["fire_times"]]
    assert {at.hour for at in local} == {6}
    assert {(b.date() - a.date()).days for a, b in pairwise(local)} == {3}


def test_policies_and_limits_are_stored(clockwright: Command) -> None:
    made = clockwright(
        *DAILY,
        *(
            "--grace",
            "none",
            "--max-executions",
            "3",
            "--overlap",
            "buffer_one",
            "--catch-up",
            "all",
        ),
        *(
            "--max-instances",
            "2",
            "--max-retries",
            "0",
            "--retry-backoff",
            "5s",
            "--pause-after-failures",
            "4",
            *["--jitter", "90s", "--retry-jitter", "0.5", "--priority", "-7"],
            "--no-retry-on",
            "ValueError, shop.errors.Refused",
            "--timeout",
            "1m",
            "--json",
        ),
    ).json
    assert made["grace_period_seconds"] is None
    assert (made["max_executions"], made["max_instances"], made["max_retries"]) == (3, 2, 0)
    assert (made["overlap"], made["catch_up"]) == ("buffer_one", "all")
    assert (made["retry_backoff_seconds"], made["timeout_seconds"]) == (5, 60)
    assert (made["pause_after_failures"], made["retry_jitter"]) == (4, 0.5)
    assert (made["jitter_seconds"], made["priority"]) == (90, -7)
    assert made["no_retry_on"] == ["ValueError", "shop.errors.Refused"]
    assert len(made["fire_times"]) == 3


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--cron", "0 5 * * *"), ["--workflow"]),
        (
            ("--workflow", "a", "--workflow-id", str(uuid.uuid4()), "--cron", "0 5 * * *"),
            ["exactly one"],
        ),
        (("--workflow-id", "nope", "--cron", "0 5 * * *"), ["--workflow-id", "nope"]),
        (("--workflow", "samples.echo"), ["--cron, --words, --rule, --every, --at and --rrule"]),
        (
            ("--workflow", "samples.echo", "--words", "every mondey at 9"),
            ["--words", "column 7", "mondey", "monday"],
        ),
        (("--workflow", "samples.echo", "--words", "once on 2020-01-01"), ["--at", "future"]),
        (
            ("--workflow", "samples.echo", "--words", "every day", "--tz", "Mars/Base"),
            ["--tz", "Mars/Base"],
        ),
        (("--workflow", "samples.echo", "--cron", "H 5 * * *"), ["--cron", "H needs a seed"]),
        (
            ("--workflow", "samples.echo", "--cron", "H 5 * * *", "--seed", ""),
            ["--seed", "1 to 255"],
        ),
        (
            ("--workflow", "samples.echo", "--every", "5m", "--seed", "a"),
            ["--seed", "leave it out"],
        ),
        (("--workflow", "samples.echo", "--cron", "61 5 * * *"), ["--cron", "minute", "61"]),
        (("--workflow", "samples.echo", "--cron", "0 0 30 2 *"), ["--cron", "never"]),
        (
            ("--workflow", "samples.echo", "--cron", "0 5 * * *", "--tz", "Mars/Base"),
            ["--tz", "Mars/Base"],
        ),
        (("--workflow", "samples.echo", "--every", "0"), ["--every", "0"]),
        (("--workflow", "samples.echo", "--every", "soon"), ["--every", "soon"]),
        (("--workflow", "samples.echo", "--at", "2020-01-01T00:00Z"), ["--at", "future"]),
        (
            ("--workflow", "samples.echo", "--every", "5m", "--max-executions", "0"),
            ["--max-executions", "0"],
        ),
        (("--workflow", "samples.echo", "--every", "5m", "--context", "[1]"), ["--context", "[1]"]),
        (
            ("--workflow", "samples.sleep", "--every", "5m", "--context", '{"x": 1}'),
            ["--context", "x"],
        ),
        (("--workflow", "samples.none", "--every", "5m"), ["--workflow", "samples.none", "@job"]),
    ],
)
def test_a_mistake_names_the_option_and_the_value_and_saves_nothing(
    clockwright: Command, arguments: tuple[str, ...], named: list[str]
) -> None:
    """S4-51…55, C-03, C-07, C-18."""
    done = clockwright("schedule", "add", *arguments)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert all(word in done.err for word in named), done.err
    assert not Schedule.objects.exists()


def test_all_mistakes_are_told_at_once(clockwright: Command) -> None:
    done = clockwright(
        "schedule",
        "add",
        "--workflow",
        "samples.echo",
        "--cron",
        "61 5 * * *",
        "--max-instances",
        "0",
    )
    assert "--cron" in done.err
    assert "--max-instances" in done.err


def test_a_key_that_is_taken_is_a_conflict(clockwright: Command, daily: dict[str, Any]) -> None:
    done = clockwright(*DAILY, "--key", "reports.daily")
    assert done.code == 4
    assert "reports.daily" in done.err


def test_a_schedule_is_found_by_its_id_and_by_its_key(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    by_id = clockwright("schedule", "show", daily["schedule_id"], "--json").json
    by_key = clockwright("schedule", "show", "reports.daily", "--json").json
    assert by_id == by_key == daily


@pytest.mark.parametrize("verb", ["show", "pause", "resume", "trigger", "remove"])
@pytest.mark.parametrize("reference", ["nobody", str(uuid.UUID(int=7))])
def test_a_schedule_that_is_not_there_is_not_found(
    clockwright: Command, verb: str, reference: str
) -> None:
    done = clockwright("schedule", verb, reference)
    assert (done.code, done.out) == (3, "")
    assert reference in done.err


def test_the_list_is_in_the_order_of_what_fires_next(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1s", "--key", "soon")
    items = clockwright("schedule", "list", "--json").json["items"]
    assert [item["key"] for item in items] == ["soon", "reports.daily"]
    shown = clockwright("schedule", "list").out
    assert "every 1 s" in shown
    assert "0 5 * * *" in shown


def test_pausing_and_resuming_show_the_new_state(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    paused = clockwright("schedule", "pause", "reports.daily", "--reason", "holiday", "--json").json
    assert (paused["status"], paused["status_reason"], paused["fire_times"]) == (
        "paused",
        "holiday",
        [],
    )
    items = clockwright("schedule", "list", "--status", "paused", "--json").json["items"]
    assert [item["key"] for item in items] == ["reports.daily"]
    resumed = clockwright("schedule", "resume", "reports.daily", "--json").json
    assert resumed["status"] == "active"
    assert len(resumed["fire_times"]) == 5


def test_triggering_prints_the_runs_id_alone_and_repeats_nothing(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    first = clockwright("schedule", "trigger", "reports.daily", "--request-id", "r1")
    second = clockwright("schedule", "trigger", "reports.daily", "--request-id", "r1")
    assert first.code == 0
    assert first.out == second.out == f"{Run.objects.get().run_id}\n"
    assert Run.objects.get().trigger == "manual"


def test_triggering_with_a_priority_gives_it_to_this_run_alone(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    for arguments in (("--priority", "9"), ()):
        assert clockwright("schedule", "trigger", "reports.daily", *arguments).code == 0
    assert list(Run.objects.order_by("run_id").values_list("priority", flat=True)) == [9, 0]
    done = clockwright("schedule", "trigger", "reports.daily", "--priority", "101")
    assert done.code == 2
    assert "--priority: give a whole number from -100 to 100, not 101" in done.err


def test_triggering_with_another_context_is_checked_against_the_function(
    clockwright: Command,
) -> None:
    clockwright("schedule", "add", "--workflow", "samples.sleep", "--every", "1h", "--key", "nap")
    assert clockwright("schedule", "trigger", "nap", "--context", '{"seconds": 0}').code == 0
    done = clockwright("schedule", "trigger", "nap", "--context", '{"hours": 1}')
    assert done.code == 2
    assert "--context" in done.err


def test_what_is_removed_is_gone_and_its_key_is_free(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    done = clockwright("schedule", "remove", "reports.daily", "--json")
    assert done.json == {"status": "removed", "schedule_id": daily["schedule_id"]}
    assert clockwright("schedule", "remove", daily["schedule_id"]).code == 3
    assert clockwright(*DAILY, "--key", "reports.daily").code == 0


def test_the_ledger_of_a_removed_schedule_is_read_by_its_id(
    clockwright: Command, daily: dict[str, Any]
) -> None:
    clockwright("schedule", "trigger", "reports.daily")
    clockwright("schedule", "remove", "reports.daily")
    listed = clockwright("runs", daily["schedule_id"], "--json")
    assert [run["status"] for run in listed.json["items"]] == ["cancelled"]


def test_another_community_is_out_of_sight(clockwright: Command, daily: dict[str, Any]) -> None:
    """C-19: neither the id nor the key of somebody else's schedule says anything."""
    Community.objects.create(slug="elsewhere")
    for reference in ("reports.daily", daily["schedule_id"]):
        assert clockwright("--community", "elsewhere", "schedule", "show", reference).code == 3
    assert clockwright("--community", "elsewhere", "schedule", "list", "--json").json == {
        "items": []
    }


def test_a_community_that_does_not_exist_is_named(clockwright: Command) -> None:
    done = clockwright("--community", "nowhere", *DAILY)
    assert done.code == 2
    assert "nowhere" in done.err


def test_an_unknown_command_is_a_usage_error_without_a_traceback(clockwright: Command) -> None:
    done = clockwright("schedule", "explode")
    assert (done.code, done.out) == (2, "")
    assert "explode" in done.err
    assert "Traceback" not in done.err
