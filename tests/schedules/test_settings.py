"""Each documented variable changes what happens (S4-77…83, C-24), and a wrong one says how to mend it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from clockwright.engine.model import CatchUp
from clockwright.engine.registry import default_registry
from clockwright.recurrence import Cron
from clockwright.schedules import engines, job
from clockwright.schedules.conf import EngineSettings, autostart_wish, engine_settings
from tests.support.scheduling import again, at, ledger, statuses

VARIABLES = {
    "SCHEDULER_TIMEZONE": ("Europe/Berlin", "timezone", "Europe/Berlin"),
    "SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES": ("7", "max_instances", 7),
    "SCHEDULER_JOB_DEFAULTS_COALESCE": ("false", "coalesce", False),
    "MAX_CONCURRENT_WORKFLOWS": ("2", "max_concurrent", 2),
    "WORKFLOW_TIMEOUT_SECONDS": ("1.5", "timeout", timedelta(seconds=1.5)),
    "WORKFLOW_MAX_RETRIES": ("0", "max_retries", 0),
    "SCHEDULE_GRACE_PERIOD_MINUTES": ("1", "grace", timedelta(minutes=1)),
    "CLOCKWRIGHT_HEARTBEAT_SECONDS": ("2", "heartbeat", timedelta(seconds=2)),
    "CLOCKWRIGHT_LEASE_SECONDS": ("60", "lease", timedelta(seconds=60)),
}
KEYS = {
    "SCHEDULER_TIMEZONE": "TIMEZONE",
    "SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES": "MAX_INSTANCES",
    "SCHEDULER_JOB_DEFAULTS_COALESCE": "COALESCE",
    "MAX_CONCURRENT_WORKFLOWS": "MAX_CONCURRENT",
    "WORKFLOW_TIMEOUT_SECONDS": "TIMEOUT_SECONDS",
    "WORKFLOW_MAX_RETRIES": "MAX_RETRIES",
    "SCHEDULE_GRACE_PERIOD_MINUTES": "GRACE_MINUTES",
    "CLOCKWRIGHT_HEARTBEAT_SECONDS": "HEARTBEAT_SECONDS",
    "CLOCKWRIGHT_LEASE_SECONDS": "LEASE_SECONDS",
}


def test_the_documented_defaults_hold_where_nothing_is_set():
    assert engine_settings() == EngineSettings(
        timezone="UTC",
        max_instances=3,
        coalesce=True,
        max_concurrent=10,
        timeout=timedelta(seconds=3600),
        max_retries=3,
        grace=timedelta(minutes=15),
    )


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_of_the_environment_is_read(monkeypatch, variable):
    text, field, value = VARIABLES[variable]
    monkeypatch.setenv(variable, text)
    assert getattr(engine_settings(), field) == value


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_hosts_dictionary_is_read_and_the_environment_wins_over_it(
    monkeypatch, settings, variable
):
    text, field, value = VARIABLES[variable]
    settings.CLOCKWRIGHT = {KEYS[variable]: text}
    assert getattr(engine_settings(), field) == value
    default = getattr(EngineSettings(), field)
    plain = default.total_seconds() if isinstance(default, timedelta) else default
    monkeypatch.setenv(variable, str(plain / 60 if "MINUTES" in variable else plain))
    assert getattr(engine_settings(), field) == default


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SCHEDULER_TIMEZONE", "Mars/Olympus"),
        ("SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES", "0"),
        ("SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES", "1.5"),
        ("SCHEDULER_JOB_DEFAULTS_COALESCE", "maybe"),
        ("MAX_CONCURRENT_WORKFLOWS", "many"),
        ("WORKFLOW_TIMEOUT_SECONDS", "0"),
        ("WORKFLOW_TIMEOUT_SECONDS", "nan"),
        ("WORKFLOW_MAX_RETRIES", "-1"),
        ("SCHEDULE_GRACE_PERIOD_MINUTES", "-5"),
        ("CLOCKWRIGHT_LEASE_SECONDS", "5"),
        ("CLOCKWRIGHT_AUTOSTART", "perhaps"),
    ],
)
def test_a_wrong_value_is_refused_with_variable_value_and_mend(monkeypatch, variable, text):
    monkeypatch.setenv(variable, text)
    read = autostart_wish if "AUTOSTART" in variable else engine_settings
    with pytest.raises(ImproperlyConfigured) as refused:
        read()
    assert variable in str(refused.value)
    assert text in str(refused.value)
    assert "write" in str(refused.value)


def test_schedules_without_a_zone_live_in_the_one_of_the_environment(monkeypatch, life):
    """S4-77"""
    monkeypatch.setenv("SCHEDULER_TIMEZONE", "Australia/Sydney")
    row = life.cron("0 5 * * *")
    assert row.timezone == "Australia/Sydney"
    assert row.next_execution_at == at("2026-03-02T18:00:00+00:00")


def test_a_job_of_code_without_a_zone_lives_in_the_one_of_the_environment(monkeypatch, request):
    """S4-77"""
    monkeypatch.setenv("SCHEDULER_TIMEZONE", "Australia/Sydney")

    @job(request.node.name, cron="0 5 * * *")
    def report() -> None: ...

    function = default_registry.get(request.node.name)
    assert function is not None
    assert function.recurrence == Cron("0 5 * * *", "Australia/Sydney")


def test_as_many_instances_run_as_the_environment_allows(monkeypatch, life):
    """S4-78"""
    monkeypatch.setenv("SCHEDULER_JOB_DEFAULTS_MAX_INSTANCES", "2")
    row = life.every(60)
    for _ in range(4):  # settled, but nobody runs them
        life.sleep(seconds=60)
        life.engine.settle()
    assert statuses(row) == ["queued", "queued", "skipped", "skipped"]


def test_without_coalescing_every_late_fire_time_runs(monkeypatch, life):
    """S4-79"""
    coalesced = life.every(60)
    monkeypatch.setenv("SCHEDULER_JOB_DEFAULTS_COALESCE", "false")
    all_of_them = life.every(60)
    life.sleep(minutes=3)
    life.advance(seconds=0)
    assert statuses(coalesced) == ["skipped", "skipped", "succeeded"]
    assert statuses(all_of_them) == ["succeeded"] * 3


def test_retries_end_where_the_environment_says(monkeypatch, life):
    """S4-82"""
    tries = []

    async def fail():
        tries.append(1)
        raise RuntimeError("no")

    life.register("fail", fail)
    monkeypatch.setenv("WORKFLOW_MAX_RETRIES", "1")
    life.cron("0 12 * * *", workflow="fail", max_executions=1)
    life.advance(days=2)
    assert len(tries) == 2


def test_what_is_later_than_the_grace_of_the_environment_is_missed(monkeypatch, life):
    """S4-83; exactly at the grace it still runs (R14)."""
    monkeypatch.setenv("SCHEDULE_GRACE_PERIOD_MINUTES", "5")
    just, over = life.cron("0 10 * * *"), life.cron("59 9 * * *")
    life.clock.set(at("2026-03-02T10:05:00+00:00"))
    life.advance(seconds=0)
    assert statuses(just) == ["succeeded"]
    assert statuses(over) == ["missed"]
    assert ledger(over)[0][0] == at("2026-03-02T09:59:00+00:00")
    assert again(over).next_execution_at == at("2026-03-03T09:59:00+00:00")


def test_an_engine_has_the_capacity_and_the_timeout_of_the_environment(monkeypatch):
    """S4-80, S4-81"""
    monkeypatch.setenv("MAX_CONCURRENT_WORKFLOWS", "4")
    monkeypatch.setenv("WORKFLOW_TIMEOUT_SECONDS", "90")
    options = engines.make_options()
    assert options.capacity == 4
    assert options.timeout == timedelta(seconds=90)


def test_coalescing_is_the_catch_up_of_a_new_schedule(monkeypatch):
    """S4-79"""
    assert engine_settings().policy.catch_up is CatchUp.LATEST
    monkeypatch.setenv("SCHEDULER_JOB_DEFAULTS_COALESCE", "no")
    assert engine_settings().policy.catch_up is CatchUp.ALL


def test_a_timeout_of_the_environment_reaches_schedules_that_were_made_before(life):
    """S4-81: the timeout stays open in the schedule; the running node decides."""
    row = life.every(60)
    assert row.policy["timeout_seconds"] is None
