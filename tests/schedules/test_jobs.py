"""`scheduler` and `@job`: jobs as document 2 knows them (S2-12…17, R6, R7, R19, R20, C-41, C-44)."""

from __future__ import annotations

import functools
import logging

import pytest

from clockwright.engine.registry import DuplicateFunction, Registry
from clockwright.recurrence import Cron, CronFields, Interval, Once
from clockwright.schedules import registrations
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
)
from clockwright.schedules.functions import JobScheduler
from clockwright.schedules.models import Schedule
from clockwright.schedules.registrations import Pending, apply_registrations
from tests.support.scheduling import again, at, statuses

EVERY_HOUR = Interval(hours=1, anchor=at("2026-03-02T00:00:00+00:00"))
CALLS: list[object] = []


def report(*args, **kwargs):
    CALLS.append((args, kwargs))


def only_name(name):
    CALLS.append(name)


class Holder:
    def method(self):
        """Bound to an object that no other process has."""


@pytest.fixture
def scheduler(life):
    CALLS.clear()
    return JobScheduler("Australia/Sydney", registry=life.registry, waiting=Pending())


@pytest.fixture
def unready(monkeypatch):
    """As inside `AppConfig.ready()`: the apps are not ready yet, and nothing may be asked of the database."""
    from django.apps import apps

    monkeypatch.setattr(apps, "ready", False)


def row_of(job_id):
    return Schedule.objects.get(key=job_id)


def test_a_job_is_called_with_its_arguments_at_the_times_of_its_trigger(scheduler, life):
    """S2-12…15"""
    made = scheduler.add_job(report, EVERY_HOUR, "r", args=[1, "two"], kwargs={"three": 3})
    assert (made.id, made.func, made.args, made.kwargs) == ("r", report, (1, "two"), {"three": 3})
    assert made.next_run_time == at("2026-03-02T10:00:00+00:00")
    assert made.trigger == EVERY_HOUR
    life.advance(hours=2)
    assert CALLS == [((1, "two"), {"three": 3})] * 2


def test_a_function_nobody_registered_gets_the_key_of_its_name(scheduler, life):
    scheduler.add_job(report, EVERY_HOUR, "r")
    assert f"{__name__}.report" in life.registry


def test_a_registered_function_keeps_its_key(scheduler, life):
    function = life.register("mine", report)
    scheduler.add_job(report, EVERY_HOUR, "r")
    assert row_of("r").workflow_id == function.workflow_id


@pytest.mark.parametrize(
    "func",
    [
        lambda: None,
        functools.partial(report, 1),
        Holder().method,
        "module:report",
        None,
    ],
    ids=["lambda", "partial", "bound method", "text", "nothing"],
)
def test_what_another_process_could_not_find_is_refused_with_the_mend(scheduler, func):
    with pytest.raises(InvalidScheduleException, match="top of a module"):
        scheduler.add_job(func, EVERY_HOUR, "r")


def test_a_closure_is_refused(scheduler):
    def inner():
        """Made anew at each call."""

    with pytest.raises(InvalidScheduleException, match="top of a module"):
        scheduler.add_job(inner, EVERY_HOUR, "r")


@pytest.mark.parametrize("job_id", [None, "", "x" * 256, 5])
def test_an_id_is_text_of_bearable_length(scheduler, job_id):
    """S2-14, R20"""
    with pytest.raises(InvalidScheduleException, match="id"):
        scheduler.add_job(report, EVERY_HOUR, job_id)


@pytest.mark.parametrize("arguments", [{"args": [object()]}, {"kwargs": {"x": {1, 2}}}])
def test_arguments_must_be_json(scheduler, arguments):
    """R6, C-42"""
    with pytest.raises(InvalidScheduleException, match="not JSON"):
        scheduler.add_job(report, EVERY_HOUR, "r", **arguments)


def test_arguments_must_fit_the_function(scheduler):
    with pytest.raises(InvalidScheduleException, match="do not fit"):
        scheduler.add_job(only_name, EVERY_HOUR, "r", kwargs={"nome": "Ada"})


def test_a_taken_id_is_a_conflict_unless_it_is_to_be_replaced(scheduler):
    """S2-16"""
    scheduler.add_job(report, EVERY_HOUR, "r")
    with pytest.raises(ScheduleConflictException):
        scheduler.add_job(report, EVERY_HOUR, "r")
    replaced = scheduler.add_job(
        only_name, Cron("0 5 * * *"), "r", args=["Ada"], replace_existing=True
    )
    assert (replaced.func, replaced.args) == (only_name, ("Ada",))
    assert Schedule.objects.count() == 1


def test_the_options_of_document_2_become_policies(scheduler):
    """S2-17"""
    scheduler.add_job(
        report,
        EVERY_HOUR,
        "r",
        max_instances=1,
        coalesce=False,
        misfire_grace_time=30,
        name="Report",
    )
    policy, row = row_of("r").policy, row_of("r")
    assert (policy["max_instances"], policy["catch_up"]) == (1, "all")
    assert policy["grace_period_seconds"] == 30
    assert row.name == "Report"


def test_an_unknown_option_is_refused_by_name(scheduler):
    with pytest.raises(TypeError, match="colour"):
        scheduler.add_job(report, EVERY_HOUR, "r", colour="red")
    with pytest.raises(TypeError, match="jobstore"):
        scheduler.add_job(report, EVERY_HOUR, "r", jobstore="redis")


@pytest.mark.parametrize("trigger", ["cron", None, 5, object()])
def test_what_is_no_trigger_is_refused_with_an_example(scheduler, trigger):
    """S2-13"""
    with pytest.raises(InvalidScheduleException, match=r"Cron\('0 5"):
        scheduler.add_job(report, trigger, "r")


def test_a_past_date_is_an_error_and_not_silence(scheduler):
    """C-54"""
    with pytest.raises(InvalidScheduleException, match="no fire time is left"):
        scheduler.add_job(report, Once("2020-01-01T00:00:00Z"), "r")


def test_a_job_starts_however_late_unless_it_says_so(scheduler, life):
    """C-43: a night's downtime must not cost the daily job."""
    scheduler.add_job(report, CronFields("Australia/Sydney", hour=5), "r")
    life.sleep(hours=20)
    life.advance(seconds=0)
    assert statuses(row_of("r")) == ["succeeded"]


def test_registering_again_at_each_start_keeps_what_is_overdue(scheduler, life):
    """C-44: replace_existing=True at every start."""
    scheduler.add_job(report, EVERY_HOUR, "r", replace_existing=True)
    life.sleep(hours=1, minutes=10)
    found = scheduler.add_job(report, EVERY_HOUR, "r", replace_existing=True)
    assert found.next_run_time == at("2026-03-02T10:00:00+00:00")
    life.advance(seconds=0)
    assert statuses(row_of("r")) == ["succeeded"]


def test_jobs_are_listed_paused_resumed_and_removed(scheduler):
    scheduler.add_job(report, EVERY_HOUR, "a")
    scheduler.add_job(report, Cron("0 5 * * *"), "b")
    assert [each.id for each in scheduler.get_jobs()] == ["a", "b"]
    assert scheduler.pause_job("a").next_run_time is None
    assert [each.id for each in scheduler.get_jobs()] == ["b", "a"]
    assert scheduler.resume_job("a").next_run_time is not None
    scheduler.remove_job("a")
    assert scheduler.get_job("a") is None
    assert scheduler.get_job("b").func is report
    for steer in (scheduler.remove_job, scheduler.pause_job, scheduler.resume_job):
        with pytest.raises(ScheduleNotFoundException, match="a"):
            steer("a")


def test_a_paused_job_stays_paused_when_it_is_registered_again(scheduler):
    scheduler.add_job(report, EVERY_HOUR, "r", replace_existing=True)
    scheduler.pause_job("r")
    again_ = scheduler.add_job(report, EVERY_HOUR, "r", replace_existing=True)
    assert again_.next_run_time is None


class TestBeforeDjangoIsReady:
    """Inside `AppConfig.ready()` jobs wait; no query is made (C-41)."""

    @pytest.fixture
    def waiting(self):
        return Pending()

    @pytest.fixture
    def scheduler(self, waiting):
        return JobScheduler("Australia/Sydney", registry=Registry(), waiting=waiting)

    def test_a_job_waits(self, unready, scheduler):
        """Without the fixture `db` every query would fail."""
        made = scheduler.add_job(report, EVERY_HOUR, "r", replace_existing=True)
        assert made.pending
        assert made.next_run_time is None
        assert [each.id for each in scheduler.get_jobs()] == ["r"]
        assert scheduler.get_job("r") == made
        assert scheduler.get_job("x") is None
        scheduler.start()

    def test_what_is_wrong_is_told_at_once(self, unready, scheduler):
        with pytest.raises(InvalidScheduleException):
            scheduler.add_job(lambda: None, EVERY_HOUR, "r")
        with pytest.raises(InvalidScheduleException, match="never fires"):
            scheduler.add_job(report, Cron("0 0 30 2 *"), "r")

    def test_two_of_one_id_are_a_conflict_unless_replaced(self, unready, scheduler):
        scheduler.add_job(report, EVERY_HOUR, "r")
        with pytest.raises(ScheduleConflictException):
            scheduler.add_job(report, EVERY_HOUR, "r")
        scheduler.add_job(report, Cron("0 5 * * *"), "r", replace_existing=True)
        assert scheduler.get_job("r").trigger == Cron("0 5 * * *")

    def test_a_waiting_job_can_be_withdrawn(self, unready, scheduler):
        scheduler.add_job(report, EVERY_HOUR, "r")
        scheduler.remove_job("r")
        assert scheduler.get_jobs() == []
        with pytest.raises(ScheduleNotFoundException):
            scheduler.remove_job("r")


def test_what_waited_is_written_when_an_engine_starts(life, monkeypatch):
    waiting = Pending()
    monkeypatch.setattr(registrations, "pending", waiting)
    scheduler = JobScheduler(registry=life.registry, waiting=waiting)
    from django.apps import apps

    monkeypatch.setattr(apps, "ready", False)
    scheduler.add_job(report, EVERY_HOUR, "r", kwargs={"a": 1}, replace_existing=True)
    monkeypatch.setattr(apps, "ready", True)
    apply_registrations(life.registry)
    assert row_of("r").context_data == {"a": 1}
    assert waiting.all() == []
    assert scheduler.get_job("r").pending is False


def test_a_bad_job_keeps_neither_the_others_nor_the_engine_from_starting(life, caplog):
    """S2-11, C-55: it is logged, not swallowed."""
    life.registry.job("past", recurrence=Once("2020-01-01T00:00:00Z"))(only_name)
    life.registry.job("unfit", cron="0 5 * * *")(only_name)
    life.registry.job("wrong", cron="0 5 * * *", options={"colour": 1})(report)
    life.registry.job("good", cron="0 5 * * *")(report)
    with caplog.at_level(logging.ERROR):
        apply_registrations(life.registry)
    assert [row.key for row in Schedule.objects.all()] == ["good"]
    for key in ("past", "unfit", "wrong"):
        assert f"job '{key}' is not scheduled" in caplog.text


def test_a_decorated_function_brings_its_schedule(life):
    """Functions: `@job("reports.daily", cron=…, tz=…)`"""

    @life.registry.job("reports.daily", cron="0 5 * * *", tz="Australia/Sydney",
         options={"overlap": "buffer_one", "max_executions": 3})  # fmt: skip
    def daily():
        CALLS.append("daily")

    apply_registrations(life.registry)
    row = row_of("reports.daily")
    assert (row.community_id, row.cron_expression, row.timezone) == (
        "default",
        "0 5 * * *",
        "Australia/Sydney",
    )
    assert row.next_execution_at == at("2026-03-02T18:00:00+00:00")
    assert (row.policy["overlap"], row.max_executions) == ("buffer_one", 3)
    life.sleep(hours=15)
    apply_registrations(life.registry)
    life.advance(seconds=0)
    assert statuses(row) == ["succeeded"]
    assert again(row).version == 1


def test_two_functions_of_one_key_are_refused():
    registry = Registry()
    registry.job("k")(report)
    with pytest.raises(DuplicateFunction):
        registry.job("k")(only_name)
