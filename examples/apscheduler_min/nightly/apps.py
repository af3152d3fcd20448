"""Adds the jobs when Django starts."""

from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from django.apps import AppConfig

from clockwright.contrib.apscheduler import BackgroundScheduler, DjangoJobStore


class NightlyConfig(AppConfig):
    name = "nightly"

    def ready(self):
        from nightly.jobs import generate_upcoming_sessions

        scheduler = BackgroundScheduler(timezone="Australia/Sydney")
        scheduler.add_jobstore(DjangoJobStore(), "default")
        scheduler.add_job(
            generate_upcoming_sessions,
            trigger=CronTrigger(hour=5),
            id="generate_upcoming_sessions",
            max_instances=1,
            replace_existing=True,
        )
        scheduler.add_job(
            generate_upcoming_sessions,
            trigger=IntervalTrigger(seconds=1),
            id="every_second",
            kwargs={"days": 1},
            replace_existing=True,
        )
        try:
            scheduler.start()
        except Exception as e:  # noqa: BLE001 - as the documented code has it
            print(f"Error starting scheduler: {e}")
