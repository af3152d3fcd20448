"""Celery's beat with django-celery-beat's schedules in PostgreSQL, and one worker of two processes, over Redis' protocol.

Beat sends one message a run; a run counts when the worker executes it.
"""

from __future__ import annotations

import os
from typing import Any

import django
from celery import Celery, signals
from django.conf import settings

from bench.peers import common

_WORK = common.work()
_BATCH = 2_000

settings.configure(
    INSTALLED_APPS=["django_celery_beat"],
    USE_TZ=True,
    TIME_ZONE="UTC",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES=common.django_database(_WORK.url),
)
django.setup()

app = Celery("peer", broker=_WORK.broker)
app.conf.update(
    timezone="UTC",
    enable_utc=True,
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    beat_scheduler="django_celery_beat.schedulers:DatabaseScheduler",
)


@app.task(name="note")
def note(number: int) -> None:
    common.note(number)


def load() -> None:
    """An hourly task is due when its last run was an hour ago."""
    from django.core.management import call_command
    from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

    call_command("migrate", verbosity=0)
    every = IntervalSchedule.objects.create(every=3_600, period="seconds")
    tasks = [
        PeriodicTask(
            name=f"job-{number}",
            task="note",
            interval=every,
            args=f"[{number}]",
            last_run_at=common.when(due - 3_600),
        )
        for number, due in enumerate(_WORK.due())
    ]
    PeriodicTask.objects.bulk_create(tasks, batch_size=_BATCH)
    PeriodicTasks.update_changed()


def beat() -> None:
    """Ready when it has read all schedules and looked at them once."""
    from django_celery_beat.schedulers import DatabaseScheduler

    class Telling(DatabaseScheduler):  # type: ignore[misc]
        has_told = False

        def tick(self, *args: Any, **kwargs: Any) -> Any:
            pause = super().tick(*args, **kwargs)
            if not self.has_told:
                self.has_told = True
                common.is_ready("beat")
            return pause

    app.Beat(loglevel="ERROR", pidfile=None, schedule=None, scheduler_cls=Telling).run()


def worker() -> None:
    signals.worker_ready.connect(lambda **_: common.is_ready("worker"), weak=False)
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    app.worker_main(["worker", "--concurrency", "2", *quiet, "-n", f"w{os.getpid()}@here"])


if __name__ == "__main__":
    common.main(load, {"beat": beat, "worker": worker})
