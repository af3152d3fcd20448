"""A rule that can never fire makes no schedule, whichever way it comes; nor does one that has no fire time left."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger

from clockwright.contrib.apscheduler import BackgroundScheduler
from clockwright.engine.registry import Registry, default_registry, function_of
from clockwright.recurrence import Cron, CronFields, RecurrenceError, RRule
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.models import Schedule
from clockwright.schedules.services import ScheduleService

START = datetime(2026, 1, 1, 9, tzinfo=UTC)
RULES = {
    "cron": Cron("0 0 30 2 *"),
    "keyword": CronFields(month=4, day=31),
    "rrule by day": RRule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", start=START),
    "rrule by place": RRule("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6", start=START),
    "rrule without itself": RRule("FREQ=DAILY", start=START, exrule=["FREQ=DAILY"]),
}
CONFIGS = {
    "cron": {"schedule_type": "cron", "cron_expression": "0 0 30 2 *"},
    "rrule": {
        "schedule_type": "rrule",
        "rrule": "FREQ=MONTHLY;INTERVAL=12;BYMONTH=3",
        "start": "2026-01-01T09:00:00",
    },
    **{
        f"rule: {name}": {"schedule_type": "rule", "recurrence": rule.to_json()}
        for name, rule in RULES.items()
    },
}
OVER = {
    "until": {
        "schedule_type": "rrule",
        "rrule": "FREQ=DAILY;UNTIL=20250101T000000Z",
        "start": "2024-01-01T09:00:00",
    },
    "count": {
        "schedule_type": "rrule",
        "rrule": "FREQ=DAILY;COUNT=3",
        "start": "2024-01-01T09:00:00",
    },
    "between start and end": {
        "schedule_type": "cron",
        "cron_expression": "0 0 1 1 *",
        "start_at": "2099-03-01T00:00:00Z",
        "end_at": "2099-04-01T00:00:00Z",
    },
}


def echo(**context):
    return context


@pytest.fixture(autouse=True)
def function(communities):
    default_registry.register(function_of(echo, "impossible.echo"))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
async def test_an_impossible_rule_is_refused_by_the_service(config):
    """C-63"""
    with pytest.raises(InvalidScheduleException, match="never fires"):
        await ScheduleService().add_schedule("impossible.echo", config, "user-1", "default")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("config", OVER.values(), ids=OVER)
async def test_a_rule_without_a_fire_time_left_is_refused_by_the_service(config):
    """C-63"""
    with pytest.raises(InvalidScheduleException) as refused:
        await ScheduleService().add_schedule("impossible.echo", config, "user-1", "default")
    assert "no fire time" in str(refused.value)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_an_impossible_rule_is_refused_by_the_decorator(rule):
    with pytest.raises(RecurrenceError, match="never fires"):
        Registry().job("impossible.daily", recurrence=rule)
    with pytest.raises(RecurrenceError, match="never fires"):
        Registry().job("impossible.daily", cron="0 0 31 4 *")


@pytest.mark.django_db
def test_an_impossible_trigger_is_refused_by_the_adapter_of_apscheduler():
    scheduler = BackgroundScheduler(timezone="UTC")
    with pytest.raises(InvalidScheduleException, match="never fires"):
        scheduler.add_job(echo, CronTrigger(month=2, day=30), id="never")
    with pytest.raises(InvalidScheduleException, match="never fires"):
        scheduler.add_job(echo, RULES["rrule by place"], id="never")
    assert not Schedule.objects.exists()
