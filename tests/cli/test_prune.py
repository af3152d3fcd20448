"""`clockwright prune`: what is past its retention goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clockwright.access.callers import system_caller
from clockwright.engine.clock import utc_now
from clockwright.engine.ids import first_id_at
from clockwright.schedules import commands
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.engines import make_options
from clockwright.schedules.models import Run


@pytest.fixture
def ended(clockwright):
    """Ended runs, so many days old each."""

    def end(*days):
        row = commands.add_schedule(
            system_caller(),
            NewSchedule(
                workflow="samples.echo",
                config={"schedule_type": "cron", "cron_expression": "0 5 * * *"},
            ),
        )
        for age in days:
            at = utc_now() - timedelta(days=age)
            Run.objects.create(
                run_id=first_id_at(at),
                schedule_id=row.schedule_id,
                workflow_id=row.workflow_id,
                community_id="default",
                scheduled_for=at,
                status="succeeded",
                attempt=1,
                node="n",
                created_at=at,
                ready_at=at,
                started_at=at,
                finished_at=at,
            )

    return end


@pytest.mark.django_db
def test_what_is_older_is_deleted_and_the_rest_stays(clockwright, ended):
    ended(1, 9, 11, 400)
    ran = clockwright("prune", "--days", "10")
    assert (ran.code, ran.out.split()[0]) == (0, "2")
    assert Run.objects.count() == 2


@pytest.mark.django_db
def test_without_days_the_setting_says_how_long(clockwright, ended, monkeypatch):
    ended(1, 9)
    monkeypatch.setenv("CLOCKWRIGHT_RETENTION_DAYS", "2")
    assert clockwright("prune").code == 0
    assert Run.objects.count() == 1
    assert make_options(engine_settings()).retention == timedelta(days=2)


@pytest.mark.django_db
def test_where_nothing_says_how_long_nothing_is_deleted(clockwright, ended):
    ended(400)
    ran = clockwright("prune")
    assert ran.code == 2
    assert "CLOCKWRIGHT_RETENTION_DAYS" in ran.err
    assert clockwright("prune", "--days", "-1").code == 2
    assert Run.objects.count() == 1
