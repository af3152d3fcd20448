"""`ScheduleService` as documents 1 and 3 describe it, on a real database with a real engine (S4-01…23, B3.1, R22)."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection

from clockwright.engine.clock import utc_now
from clockwright.engine.offload import offload
from clockwright.engine.registry import default_registry, function_of, workflow_id_of
from clockwright.schedules.errors import InvalidCronExpression
from clockwright.schedules.models import Run, Schedule
from clockwright.schedules.seam import borrowed
from clockwright.schedules.services import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
    ScheduleService,
    ScheduleServiceException,
    ScheduleStatus,
    ScheduleType,
)

pytestmark = pytest.mark.django_db(transaction=True)

CRON = {"schedule_type": "cron", "cron_expression": "0 12 * * *"}
EVERY_SECOND = {"schedule_type": "interval", "interval_seconds": 1}


def echo(**context):
    return context


async def dawdle(seconds):
    RUNNING.append(seconds)
    try:
        await asyncio.sleep(seconds)
    finally:
        PEAK.append(len(RUNNING))
        RUNNING.remove(seconds)


RUNNING: list[float] = []
PEAK: list[int] = []


@pytest.fixture(autouse=True)
def functions(communities):
    for call in (echo, dawdle):
        default_registry.register(function_of(call, f"service.{call.__name__}"))
    RUNNING.clear()
    PEAK.clear()


@pytest.fixture
async def service():
    made = ScheduleService()
    yield made
    await made.stop_scheduler()


async def look(question, *args):
    """The answer of a blocking question, asked off the loop."""
    return await offload(borrowing, question, *args)


def borrowing(question, *args):
    with borrowed():
        return question(*args)


async def until(condition, within=30.0):
    """Wait on the loop until an offloaded question has an answer."""
    deadline = time.monotonic() + within
    while True:
        found = await look(condition)
        if found:
            return found
        assert time.monotonic() < deadline, f"{condition} did not come true within {within} s"
        await asyncio.sleep(0.02)


async def add(service, config=CRON, workflow="service.echo", **more):
    return await service.add_schedule(workflow, config, "user-1", "default", **more)


def ended(schedule):
    return list(
        Run.objects.filter(schedule_id=schedule["schedule_id"], finished_at__isnull=False).order_by(
            "scheduled_for"
        )
    )


# names and shapes


def test_the_documented_names_are_there():
    """S4-02…06"""
    assert {kind.name for kind in ScheduleType} >= {"CRON", "INTERVAL", "ONE_TIME"}
    assert {status.name for status in ScheduleStatus} >= {"ACTIVE", "PAUSED", "COMPLETED", "FAILED"}
    assert ScheduleServiceException("x").status_code == 500
    assert ScheduleNotFoundException("x").status_code == 404
    assert ScheduleNotFoundException("x").message == "Schedule not found: x"
    assert InvalidScheduleException.of("/", "x").status_code == 400
    for kind in (ScheduleNotFoundException, InvalidScheduleException, ScheduleConflictException):
        assert issubclass(kind, ScheduleServiceException)


def test_the_documented_signatures_hold():
    """B3.1"""
    made = inspect.signature(ScheduleService)
    assert list(made.parameters) == [
        "dal",
        "workflow_engine",
        "grace_period_minutes",
        "logger_instance",
    ]
    assert made.parameters["grace_period_minutes"].default == 15
    for name in (
        "start_scheduler",
        "stop_scheduler",
        "add_schedule",
        "remove_schedule",
        "update_schedule",
        "check_due_schedules",
    ):
        assert inspect.iscoroutinefunction(getattr(ScheduleService, name))
    for name in ("calculate_next_execution", "preview"):
        assert isinstance(inspect.getattr_static(ScheduleService, name), staticmethod)


async def test_adding_returns_the_documented_keys(service):
    """S4-58, B3.1"""
    found = await service.add_schedule(
        workflow_id=workflow_id_of("service.echo"),
        schedule_config={**CRON, "timezone": "America/New_York", "max_executions": 5},
        user_id=42,
        community_id="default",
        context_data={"a": 1},
    )
    assert found["workflow_id"] == str(workflow_id_of("service.echo"))
    assert (found["schedule_type"], found["is_active"]) == ("cron", True)
    assert (found["execution_count"], found["max_executions"]) == (0, 5)
    upcoming = datetime.fromisoformat(found["next_execution_at"])
    assert upcoming.utcoffset() == timedelta(0)
    assert upcoming.astimezone(ZoneInfo("America/New_York")).hour == 12
    assert found["created_by"] == "42"
    assert await service.get_schedule(found["schedule_id"]) == found


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"schedule_type": "cron"}, "cron_expression required for cron type"),
        ({**CRON, "timezone": "Mars/Olympus"}, "timezone: unknown time zone 'Mars/Olympus'"),
        ({**CRON, "cron_expression": "*/5 * * * * *"}, "cron_expression: "),
        (
            {"schedule_type": "one_time", "scheduled_time": "2020-01-01T00:00:00Z"},
            "scheduled_time must be in the future",
        ),
    ],
)
async def test_an_invalid_configuration_is_refused_in_the_documented_words(
    service, config, message
):
    """S4-51…55, C-03, C-07"""
    with pytest.raises(InvalidScheduleException) as refused:
        await add(service, config)
    assert refused.value.message.startswith(f"Invalid schedule configuration: {message}")


@pytest.mark.parametrize("workflow", [UUID(int=7), str(UUID(int=7)), "nobody.knows", "", None])
async def test_an_unknown_workflow_is_refused(service, workflow):
    with pytest.raises(InvalidScheduleException, match="workflow"):
        await add(service, workflow=workflow)


@pytest.mark.parametrize("schedule_id", [UUID(int=7), str(UUID(int=7)), "no-uuid"])
async def test_an_unknown_schedule_is_not_found(service, schedule_id):
    for call in (
        service.update_schedule(schedule_id, {"max_executions": 1}, "u"),
        service.remove_schedule(schedule_id, "u"),
        service.pause(schedule_id, "u"),
        service.resume(schedule_id, "u"),
        service.trigger(schedule_id, "u"),
        service.runs(schedule_id),
        service.get_schedule(schedule_id),
    ):
        with pytest.raises(ScheduleNotFoundException, match=f"Schedule not found: {schedule_id}"):
            await call


async def test_updating_merges_and_removing_works_once(service):
    """C-09, C-19, S4-11, S4-12"""
    made = await add(service, {**CRON, "timezone": "Asia/Tokyo"})
    other = ScheduleService()  # no cache: any service knows it
    changed = await other.update_schedule(made["schedule_id"], {"max_executions": 9}, "u")
    assert (changed["timezone"], changed["max_executions"]) == ("Asia/Tokyo", 9)
    assert changed["cron_expression"] == "0 12 * * *"
    assert await other.remove_schedule(made["schedule_id"], "u") is True
    with pytest.raises(ScheduleNotFoundException):
        await service.remove_schedule(made["schedule_id"], "u")


async def test_a_taken_key_is_a_conflict(service):
    await add(service, key="mine")
    with pytest.raises(ScheduleConflictException):
        await add(service, key="mine")


async def test_pausing_and_resuming(service):
    made = await add(service)
    paused = await service.pause(made["schedule_id"], "u", "holidays")
    assert (paused["status"], paused["is_active"], paused["status_reason"]) == (
        "paused",
        False,
        "holidays",
    )
    assert (await service.resume(made["schedule_id"], "u"))["status"] == "active"


# life


async def test_starting_twice_is_false_with_a_warning_and_stopping_too(service, caplog):
    """B3.1, S4-90"""
    assert await service.stop_scheduler() is False
    assert not service._is_running
    assert await service.start_scheduler() is True
    assert service._is_running
    assert service.scheduler.running
    with caplog.at_level(logging.WARNING):
        assert await service.start_scheduler() is False
    assert "running already" in caplog.text
    assert await service.stop_scheduler() is True
    assert not service._is_running
    assert await service.start_scheduler() is True


async def test_many_that_start_it_at_once_start_it_once(service):
    started = await asyncio.gather(*(service.start_scheduler() for _ in range(5)))
    assert sorted(started) == [False] * 4 + [True]


async def test_schedules_run_on_time_and_are_recorded(service):
    """S4-08, S4-37, S4-41, C-30"""
    made = await add(service, {**EVERY_SECOND, "max_executions": 2}, context_data={"a": 1})
    await service.start_scheduler()
    runs = await until(lambda: len(ended(made)) == 2 and ended(made))
    assert [run.status for run in runs] == ["succeeded"] * 2
    assert runs[0].result == {"a": 1}
    assert runs[1].scheduled_for - runs[0].scheduled_for == timedelta(seconds=1)
    now = await service.get_schedule(made["schedule_id"])
    assert (now["status"], now["is_active"], now["execution_count"]) == ("completed", False, 2)
    assert now["last_execution_id"] == str(runs[1].run_id)
    page = await service.runs(made["schedule_id"], limit=1)
    assert page["items"][0]["run_id"] == str(runs[1].run_id)
    rest = await service.runs(made["schedule_id"], limit=5, cursor=page["next"])
    assert [item["run_id"] for item in rest["items"]] == [str(runs[0].run_id)]
    assert rest["next"] is None


async def test_what_is_active_in_the_database_runs_after_a_restart(service):
    """S4-08, C-12"""
    made = await add(service, {**EVERY_SECOND, "max_executions": 1})
    fresh = ScheduleService()
    await fresh.start_scheduler()
    try:
        assert len(fresh.scheduler.get_jobs()) in {0, 1}
        await until(lambda: ended(made))
    finally:
        await fresh.stop_scheduler()


async def test_a_trigger_runs_now_and_its_request_makes_one_run(service):
    made = await add(service, context_data={"a": 1})
    await service.start_scheduler()
    first = await service.trigger(made["schedule_id"], "u", "r1")
    again = await service.trigger(made["schedule_id"], "u", "r1")
    assert first["run_id"] == again["run_id"]
    (run,) = await until(lambda: ended(made))
    assert (run.trigger, run.result) == ("manual", {"a": 1})


async def test_running_work_is_finished_when_the_scheduler_stops(service):
    """S4-09, C-23"""
    made = await add(service, workflow="service.dawdle", context_data={"seconds": 0.5})
    await service.start_scheduler()
    await service.trigger(made["schedule_id"], "u")
    await until(lambda: bool(RUNNING))
    await service.stop_scheduler()
    (run,) = await look(ended, made)
    assert run.status == "succeeded"


async def test_no_more_runs_at_a_time_than_the_environment_allows(service, monkeypatch):
    """S4-80, C-22"""
    monkeypatch.setenv("MAX_CONCURRENT_WORKFLOWS", "2")
    made = await add(
        service,
        {**CRON, "max_instances": 100},
        workflow="service.dawdle",
        context_data={"seconds": 0.2},
    )
    for _ in range(6):
        await service.trigger(made["schedule_id"], "u")
    await service.start_scheduler()
    await until(lambda: len(ended(made)) == 6)
    assert max(PEAK) == 2


async def test_a_run_longer_than_the_environment_allows_is_timed_out(service, monkeypatch):
    """S4-81"""
    monkeypatch.setenv("WORKFLOW_TIMEOUT_SECONDS", "0.2")
    made = await add(
        service, {**CRON, "max_retries": 0}, "service.dawdle", context_data={"seconds": 60}
    )
    await service.start_scheduler()
    await service.trigger(made["schedule_id"], "u")
    (run,) = await until(lambda: ended(made))
    assert (run.status, run.reason) == ("timed_out", "timeout")


@pytest.mark.parametrize(
    ("service_minutes", "environment", "seconds"),
    [((), None, 900), ((), "5", 300), ((1,), "5", 60), ((15,), "5", 900), ((None,), None, None)],
)
async def test_the_grace_is_the_services_or_the_environments(
    monkeypatch, service_minutes, environment, seconds
):
    """S4-19, S4-83"""
    if environment:
        monkeypatch.setenv("SCHEDULE_GRACE_PERIOD_MINUTES", environment)
    service = ScheduleService(None, None, *service_minutes)
    assert (await add(service))["grace_period_seconds"] == seconds


# checking by hand


async def test_checking_triggers_what_is_due_and_does_not_wait(service):
    """S4-13, S4-41, S4-43: oldest due first, in the documented shape."""
    late = await add(service, {**EVERY_SECOND, "max_executions": 1, "catch_up": "none"})
    made = [
        await add(service, {**EVERY_SECOND, "max_executions": 1}, "service.dawdle",
                  context_data={"seconds": 0.3})
        for _ in range(2)
    ]  # fmt: skip
    await service.remove_schedule(late["schedule_id"], "u")
    await until(lambda: not Schedule.objects.filter(next_execution_at__gt=utc_now()).exists())
    found = await service.check_due_schedules()
    assert [
        set(run) >= {"schedule_id", "workflow_id", "execution_id", "triggered_at"} for run in found
    ]
    assert [run["schedule_id"] for run in found] == [each["schedule_id"] for each in made]
    assert not await look(ended, made[0])
    assert await service.check_due_schedules() == []
    for each, run in zip(made, found, strict=True):
        (record,) = await until(lambda each=each: ended(each))
        assert str(record.run_id) == run["execution_id"]
        assert record.status == "succeeded"
    await until(lambda: not service._errands)


async def test_two_services_that_check_at_once_trigger_each_fire_time_once(service):
    """C-04"""
    other = ScheduleService()
    for _ in range(5):
        await add(service, {**EVERY_SECOND, "max_executions": 1})
    await until(lambda: not Schedule.objects.filter(next_execution_at__gt=utc_now()).exists())
    found = await asyncio.gather(service.check_due_schedules(), other.check_due_schedules())
    ids = [run["execution_id"] for part in found for run in part]
    assert len(ids) == len(set(ids)) == 5
    await until(lambda: not service._errands and not other._errands)
    assert await look(Run.objects.count) == 5


# a workflow engine of the host's own


class HostEngine:
    """As document 3 has it: `execute_workflow(workflow_id, trigger_data)`."""

    def __init__(self):
        self.calls = []

    async def execute_workflow(self, workflow_id, trigger_data):
        self.calls.append((workflow_id, trigger_data))
        return {"done": True}


async def test_a_hosts_own_engine_executes_with_the_documented_trigger_data():
    """S4-38…40"""
    engine = HostEngine()
    service = ScheduleService(workflow_engine=engine)
    workflow_id = uuid4()
    made = await add(service, {**EVERY_SECOND, "max_executions": 1}, workflow_id,
                     context_data={"a": 1, "schedule_id": "mine"})  # fmt: skip
    await service.start_scheduler()
    try:
        (run,) = await until(lambda: ended(made))
    finally:
        await service.stop_scheduler()
    ((called, data),) = engine.calls
    assert called == workflow_id
    assert run.result == {"done": True}
    assert data["schedule_id"] == made["schedule_id"]
    assert data["execution_id"] == str(run.run_id)
    assert datetime.fromisoformat(data["triggered_at"]).tzinfo
    assert data["a"] == 1


async def test_what_a_hosts_engine_reports_as_failed_is_failed():
    class Result:
        status = "failed"
        error = "no luck"

    class Failing:
        async def execute_workflow(self, workflow_id, trigger_data, context=None):
            assert context.trigger == "manual"
            return Result()

    service = ScheduleService(workflow_engine=Failing())
    made = await add(service, {**CRON, "max_retries": 0}, uuid4())
    await service.start_scheduler()
    try:
        await service.trigger(made["schedule_id"], "u")
        (run,) = await until(lambda: ended(made))
    finally:
        await service.stop_scheduler()
    assert (run.status, run.reason) == ("failed", "error")
    assert "no luck" in run.error


# views


async def test_the_documented_attributes_are_views_of_the_database(service):
    """S4-91, S4-92, S4-64, C-26, R17: also what another process adds or removes."""
    active = service._active_schedules
    assert len(active) == 0
    made = await add(ScheduleService())
    assert len(active) == 1
    assert list(active) == [made["schedule_id"]]
    assert active[made["schedule_id"]]["cron_expression"] == "0 12 * * *"
    assert "unknown" not in active
    jobs = service.scheduler.get_jobs()
    assert len(jobs) == 1
    assert jobs[0].next_run_time == datetime.fromisoformat(made["next_execution_at"])
    await service.pause(made["schedule_id"], "u")
    assert len(active) == len(jobs) == 0


async def test_nothing_is_asked_of_the_database_on_the_event_loop(service):
    """S4-15: Django would refuse it; this sees that nobody switched that off."""
    loop_thread = threading.get_ident()
    asked_in = set()

    def note(execute, sql, params, many, context):
        asked_in.add(threading.get_ident())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        made = await add(service)
        await service.start_scheduler()
        len(service._active_schedules)
        list(service.scheduler.get_jobs())
        await service.check_due_schedules()
        await service.runs(made["schedule_id"])
        await service.stop_scheduler()
    assert loop_thread not in asked_in


# before anything is saved


def test_a_preview_is_aware_increasing_and_in_its_zone():
    """S1-32…36"""
    found = ScheduleService.preview(cron_expr="0 5 * * *", count=3, tz="Australia/Sydney")
    assert [each.tzinfo.key for each in found] == ["Australia/Sydney"] * 3
    assert [each.hour for each in found] == [5, 5, 5]
    assert datetime.now(UTC) < found[0] < found[1] < found[2]
    assert len(ScheduleService.preview("* * * * *")) == 10


@pytest.mark.parametrize(("count", "length"), [(0, 1), (-5, 1), (1, 1), (100, 100), (1000, 100)])
def test_the_count_of_a_preview_is_clamped(count, length):
    """S1-36"""
    assert len(ScheduleService.preview("* * * * *", count)) == length


@pytest.mark.parametrize(
    "line", ["", "nonsense", "* * * *", "* * * * * *", "0 0 30 2 *", "61 * * * *", None, 5]
)
def test_an_invalid_or_impossible_line_has_exactly_the_documented_message(line):
    """S1-33, C-62, C-63"""
    with pytest.raises(ValueError) as refused:
        ScheduleService.preview(line)
    assert str(refused.value) == "Invalid cron expression"
    assert isinstance(refused.value, InvalidCronExpression)
    assert refused.value.reason


@pytest.mark.parametrize(
    "kwargs", [{"tz": "Mars/Olympus"}, {"tz": None}, {"count": "5"}, {"count": 1.5}]
)
def test_a_wrong_zone_or_count_is_a_value_error(kwargs):
    """R4, C-62"""
    with pytest.raises(ValueError):
        ScheduleService.preview("* * * * *", **kwargs)


def test_the_next_execution_is_calculated_for_each_type():
    """S4-14"""
    now = utc_now()
    noon = ScheduleService.calculate_next_execution(
        "cron", cron_expression="0 12 * * *", timezone="America/New_York"
    )
    assert noon.tzinfo is UTC
    assert noon.astimezone(ZoneInfo("America/New_York")).hour == 12
    soon = ScheduleService.calculate_next_execution("interval", interval_seconds=90)
    assert timedelta(seconds=88) < soon - now <= timedelta(seconds=95)
    later = (now + timedelta(days=1)).replace(microsecond=0)
    assert ScheduleService.calculate_next_execution("one_time", scheduled_time=later) == later
    with pytest.raises(InvalidScheduleException, match="must be in the future"):
        ScheduleService.calculate_next_execution("one_time", scheduled_time="2020-01-01T00:00:00Z")


# failing


async def test_a_failure_is_logged_in_the_category_error(service, caplog):
    """S4-48"""
    with caplog.at_level(logging.INFO), pytest.raises(ScheduleNotFoundException):
        await service.remove_schedule(uuid4(), "ursula")
    (record,) = [each for each in caplog.records if getattr(each, "event_type", "") == "ERROR"]
    assert (record.action, record.user, record.result) == ("schedule_remove", "ursula", "FAILURE")


async def test_a_service_tells_that_it_was_made(caplog):
    """S4-49"""
    with caplog.at_level(logging.INFO, "clockwright.audit"):
        ScheduleService(grace_period_minutes=3)
    (record,) = [each for each in caplog.records if getattr(each, "event_type", "") == "SYSTEM"]
    assert record.action == "schedule_service_init"


@pytest.mark.parametrize("page", [{"limit": "many"}, {"cursor": "nonsense"}, {"cursor": "2026~x"}])
async def test_a_page_that_cannot_be_meant_is_refused(service, page):
    made = await add(service)
    with pytest.raises(InvalidScheduleException):
        await service.runs(made["schedule_id"], **page)


async def test_an_unknown_detail_is_a_type_error(service):
    with pytest.raises(TypeError, match="colour"):
        await add(service, colour="red")


async def test_an_unknown_community_is_refused(service):
    with pytest.raises(InvalidScheduleException, match="no community 'nowhere'"):
        await service.add_schedule("service.echo", CRON, "user", "nowhere")


@pytest.fixture
def without_schedules():
    """A database that cannot be worked with."""
    _rename("workflow_schedules", "workflow_schedules_elsewhere")
    yield
    _rename("workflow_schedules_elsewhere", "workflow_schedules")


def _rename(table, name):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO {name}")


async def test_what_the_database_cannot_do_is_the_services_own_error(service, without_schedules):
    """S4-21, C-13: one of the documented kinds, with the cause behind it; nothing is swallowed."""
    for call in (add(service), service.start_scheduler(), service.check_due_schedules()):
        with pytest.raises(ScheduleServiceException) as failed:
            await call
        assert failed.value.status_code == 500
        assert isinstance(failed.value.__cause__, DatabaseError)
    assert not service._is_running
