"""APScheduler's triggers and names (S2-04…17, S2-31…36): the same meaning on another engine."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.calendarinterval import CalendarIntervalTrigger
from apscheduler.triggers.combining import AndTrigger, OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from tzlocal import get_localzone

from clockwright.access.models import Community
from clockwright.contrib.apscheduler import BackgroundScheduler, DjangoJobStore, convert
from clockwright.engine.clock import utc_now
from clockwright.engine.registry import default_registry, workflow_id_of
from clockwright.recurrence import CronFields, Interval, Once
from clockwright.schedules.errors import InvalidScheduleException, ScheduleConflictException
from clockwright.schedules.models import Schedule
from clockwright.schedules.triggers import convert_trigger

SYDNEY = "Australia/Sydney"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def rule(trigger, timezone=SYDNEY):
    return convert_trigger(trigger, timezone).recurrence


def fires(trigger, count=40, after=NOW):
    """What APScheduler itself says."""
    found, previous, now = [], None, after
    while len(found) < count:
        previous = trigger.get_next_fire_time(previous, now)
        if previous is None:
            break
        found.append(previous.astimezone(UTC))
        now = previous + timedelta(microseconds=1)
    return found


CRON_FORMS = [
    {"hour": 5},
    {"hour": "5", "minute": "30"},
    {"day_of_week": 0, "hour": 5},
    {"day_of_week": "mon,wed,fri", "hour": 5},
    {"day_of_week": "0-6", "hour": 5},
    {"month": "1-12", "day": "1"},
    {"month": "*/2", "day": 1},
    {"month": "jan-mar", "day": "last"},
    {"day": "1-31", "hour": 0},
    {"day": "*/5"},
    {"day": "2nd fri", "hour": 9},
    {"day": "last mon"},
    {"week": 20},
    {"hour": "0-23"},
    {"hour": "*/3"},
    {"minute": "0-59"},
    {"minute": "*/15"},
    {"second": "*/30"},
    {"second": "0-59"},
    {"hour": "8-18/2", "minute": "5,35", "day_of_week": "mon-fri"},
]


@pytest.mark.parametrize("fields", CRON_FORMS, ids=str)
@pytest.mark.parametrize("zone", [SYDNEY, "UTC", "America/New_York"])
def test_a_cron_trigger_fires_when_apscheduler_says(fields, zone):
    """S2-33, S2-34; the weekday 0 is Monday (R7)."""
    # no clock changes in between: there APScheduler leaves days out
    after, until = datetime(2026, 5, 1, 7, 3, 11, 5, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    trigger = CronTrigger(**fields, timezone=zone)
    ours = [each.astimezone(UTC) for each in rule(trigger).upcoming(after, 20)]
    theirs = fires(trigger, 20, after)
    assert [each for each in ours if each < until] == [each for each in theirs if each < until]


def test_the_combined_example_of_document_2():
    """S2-35"""
    trigger = CronTrigger(
        year="2027", month="1-12", day="*/5", hour="0-23", minute="0-59", second="0-59",
        timezone=SYDNEY,
    )  # fmt: skip
    assert rule(trigger).next_after(NOW) == datetime(2027, 1, 1, tzinfo=ZoneInfo(SYDNEY))


def test_a_trigger_without_a_zone_has_the_schedulers():
    """S2-04, S2-20: 05:00 in Sydney, wherever the machine stands."""
    assert rule(CronTrigger(hour=5)) == CronFields(SYDNEY, hour=5)
    assert rule(CronTrigger(hour=5, timezone="UTC")) == CronFields("UTC", hour=5)
    assert rule(CronTrigger(hour=5, timezone="Asia/Tokyo")) == CronFields("Asia/Tokyo", hour=5)


def test_bounds_are_kept():
    trigger = CronTrigger(
        hour=5, start_date="2026-04-01 00:00:00", end_date="2026-04-03 00:00:00", timezone="UTC"
    )
    assert [each.day for each in rule(trigger).upcoming(NOW, 9)] == [1, 2]
    naive = CronTrigger(hour=5, start_date="2026-05-01 00:00:00")
    assert rule(naive).start == datetime(2026, 4, 30, 14, tzinfo=UTC)


def test_an_interval_counts_from_its_start():
    """S2-32"""
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    trigger = IntervalTrigger(hours=12, start_date=start, timezone="UTC")
    assert rule(trigger) == Interval(seconds=43_200, anchor=start, tz="UTC")
    assert fires(trigger, 5) == list(rule(trigger).upcoming(NOW, 5))


def test_the_start_that_apscheduler_makes_up_is_nobodys_wish():
    """C-44: counted anew at each start of the program, it would put the job off for ever."""
    found = convert(IntervalTrigger(hours=12), SYDNEY)
    assert found.keeps_anchor
    assert found.recurrence.period == timedelta(hours=12)
    given = IntervalTrigger(hours=12, start_date=datetime(2026, 3, 1, tzinfo=UTC))
    assert not convert(given, SYDNEY).keeps_anchor


def test_a_naive_date_is_read_in_the_schedulers_zone():
    """S2-36, C-54"""
    naive = datetime(2027, 7, 1, 12)  # noqa: DTZ001 - naive on purpose
    assert rule(DateTrigger(naive)).at == datetime(2027, 7, 1, 2, tzinfo=UTC)
    assert rule(DateTrigger(naive, "Asia/Tokyo")).at == datetime(2027, 7, 1, 3, tzinfo=UTC)
    aware = datetime(2027, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert rule(DateTrigger(aware)) == Once("2027-07-01T10:00:00Z", "Etc/GMT-2")


@pytest.mark.parametrize("trigger", [IntervalTrigger(), CronTrigger()], ids=["interval", "cron"])
def test_a_trigger_without_arguments_is_refused(trigger):
    """R19, C-52"""
    with pytest.raises(InvalidScheduleException, match="every second"):
        rule(trigger)


def test_every_second_may_still_be_meant():
    assert rule(IntervalTrigger(seconds=1)).period == timedelta(seconds=1)
    assert rule(CronTrigger(second="*")).next_after(NOW) == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    "trigger",
    [
        OrTrigger([CronTrigger(hour=5), CronTrigger(hour=6)]),
        AndTrigger([CronTrigger(hour=5), CronTrigger(day=1)]),
        CalendarIntervalTrigger(months=1),
        IntervalTrigger(seconds=0.5),
    ],
    ids=lambda trigger: type(trigger).__name__,
)
def test_what_has_no_rule_here_is_refused_with_a_mend(trigger):
    with pytest.raises(InvalidScheduleException, match="trigger:"):
        rule(trigger)


def test_a_jitter_is_ignored_with_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        assert rule(CronTrigger(hour=5, jitter=30)) == CronFields(SYDNEY, hour=5)
    assert "jitter is ignored" in caplog.text


def test_other_objects_are_not_its_business():
    assert convert(object(), "UTC") is None


def nightly(word="x"):
    """A job."""


@pytest.fixture
def scheduler(db):
    Community.objects.get_or_create(slug="default")
    made = BackgroundScheduler(timezone=SYDNEY)
    made.add_jobstore(DjangoJobStore(), "default")
    return made


def test_the_scheduler_of_document_2_keeps_its_jobs_in_the_database(scheduler):
    """S2-04, S2-05, S2-16, S2-17"""
    for _ in range(2):
        made = scheduler.add_job(
            nightly,
            trigger=CronTrigger(hour=5),
            id="nightly",
            max_instances=1,
            replace_existing=True,
            kwargs={"word": "y"},
        )
    row = Schedule.objects.get()
    assert (row.key, row.timezone, row.policy["max_instances"]) == ("nightly", SYDNEY, 1)
    assert row.context_data == {"word": "y"}
    assert made.next_run_time.hour == 5
    assert made.next_run_time.tzinfo.key == SYDNEY
    assert [each.id for each in scheduler.get_jobs()] == ["nightly"]
    with pytest.raises(ScheduleConflictException):
        scheduler.add_job(nightly, CronTrigger(hour=5), id="nightly")


def test_an_interval_that_is_registered_at_each_start_is_not_put_off(scheduler):
    """C-44"""
    scheduler.add_job(nightly, IntervalTrigger(hours=12), id="i", replace_existing=True)
    before = Schedule.objects.get()
    later = utc_now().astimezone(get_localzone()) + timedelta(hours=12, minutes=-3)
    restarted = IntervalTrigger(hours=12, start_date=later)
    scheduler.add_job(nightly, restarted, id="i", replace_existing=True)
    assert Schedule.objects.get().recurrence == before.recurrence


def test_defaults_of_jobs_hold_unless_a_job_says_otherwise(db):
    Community.objects.get_or_create(slug="default")
    scheduler = BackgroundScheduler(job_defaults={"max_instances": 7, "coalesce": False})
    scheduler.add_job(nightly, CronTrigger(hour=5), id="a")
    scheduler.add_job(nightly, CronTrigger(hour=5), id="b", max_instances=1)
    policies = {row.key: row.policy for row in Schedule.objects.all()}
    assert (policies["a"]["max_instances"], policies["a"]["catch_up"]) == (7, "all")
    assert policies["b"]["max_instances"] == 1


def test_another_job_store_is_refused(scheduler):
    with pytest.raises(ScheduleConflictException, match="jobstore"):
        scheduler.add_jobstore("redis")
    with pytest.raises(TypeError, match="threads"):
        BackgroundScheduler(job_defaults={"threads": 1})


def test_a_zone_may_be_given_as_an_object():
    assert BackgroundScheduler(ZoneInfo("Asia/Tokyo")).timezone == "Asia/Tokyo"
    assert BackgroundScheduler(UTC).timezone == "UTC"
    assert BackgroundScheduler().timezone == "UTC"


def test_a_function_of_a_job_is_registered_by_its_name(scheduler):
    scheduler.add_job(nightly, CronTrigger(hour=5), id="n")
    key = f"{nightly.__module__}.nightly"
    assert key in default_registry
    assert Schedule.objects.get().workflow_id == workflow_id_of(key)


PROJECT = {
    "app_scheduler/__init__.py": "",
    "app_scheduler/apps.py": """
        from apscheduler.triggers.cron import CronTrigger
        from clockwright.contrib.apscheduler import BackgroundScheduler, DjangoJobStore
        from django.apps import AppConfig

        class AppSchedulerConfig(AppConfig):
            name = "app_scheduler"

            def ready(self):
                from app_scheduler.jobs import generate_upcoming_game_sessions

                scheduler = BackgroundScheduler(timezone="Australia/Sydney")
                scheduler.add_jobstore(DjangoJobStore(), "default")
                scheduler.add_job(
                    generate_upcoming_game_sessions,
                    trigger=CronTrigger(hour=5),  # Run daily at 5 AM Sydney time
                    id="generate_upcoming_game_sessions",
                    max_instances=1,
                    replace_existing=True,
                )

                try:
                    scheduler.start()
                except Exception as e:
                    print(f"Error starting scheduler: {e}")
    """,
    "app_scheduler/jobs.py": """
        def generate_upcoming_game_sessions():
            return "generated"
    """,
    "project_settings.py": """
        import os

        from clockwright.schedules.dsn import database_settings

        SECRET_KEY = "x" * 50
        USE_TZ = True
        DATABASES = {"default": database_settings(os.environ["DATABASE_URL"])}
        INSTALLED_APPS = [
            "clockwright.access", "clockwright.audit", "clockwright.schedules",
            "clockwright.workflows", "app_scheduler.apps.AppSchedulerConfig",
        ]
    """,
    "look.py": """
        import json, django
        django.setup()
        from clockwright.schedules import engines, scheduler
        waiting = [each.pending for each in scheduler.get_jobs()]
        engines.prepare()
        (job,) = scheduler.get_jobs()
        print(json.dumps([waiting, job.id, job.pending, str(job.next_run_time.tzinfo), job.next_run_time.hour]))
    """,
}


@pytest.mark.django_db(transaction=True)
def test_document_2s_ready_runs_with_its_import_changed(database_url, tmp_path):
    """S2-03…07, S2-20, C-41: nothing is written by `ready()`; the next engine finds the job."""
    Community.objects.get_or_create(slug="default")
    for name, text in PROJECT.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    environ = {
        "PATH": "/usr/bin:/bin",
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "project_settings",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "look.py"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [True],
        "generate_upcoming_game_sessions",
        False,
        SYDNEY,
        5,
    ]
    assert "Error" not in done.stdout
