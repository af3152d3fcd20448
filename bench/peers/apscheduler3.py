"""APScheduler 3: its background scheduler with a thread pool of ten, as its guide begins.

Variants: `memory`, `postgresql` (SQLAlchemy job store) and `django` (django-apscheduler), each with `-defaults` for
the misfire grace of one second that it has unless told otherwise. Without it nothing is dropped for being late.
"""

from __future__ import annotations

import logging
import pickle
import time
from typing import Any

from apscheduler.job import Job
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bench.peers import common

_BATCH = 5_000
_CALL = "bench.peers.common:note"


def _store(work: common.Work) -> Any:
    kind = work.variant.partition("-")[0]
    if kind == "memory":
        from apscheduler.jobstores.memory import MemoryJobStore

        return MemoryJobStore()
    if kind == "django":
        _set_django_up(work)
        from django_apscheduler.jobstores import DjangoJobStore

        return DjangoJobStore()
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore

    return SQLAlchemyJobStore(url=work.url.replace("postgresql://", "postgresql+psycopg://"))


def _set_django_up(work: common.Work) -> None:
    import django
    from django.conf import settings

    if settings.configured:
        return
    settings.configure(
        INSTALLED_APPS=["django_apscheduler"],
        USE_TZ=True,
        TIME_ZONE="UTC",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES=common.django_database(work.url),
    )
    django.setup()


def _grace(work: common.Work) -> int | None:
    return 1 if work.variant.endswith("-defaults") else None


def _trigger(due: float) -> IntervalTrigger:
    return IntervalTrigger(hours=1, start_date=common.when(due), timezone="UTC")


def load() -> None:
    """Enter the jobs as its own store would, many rows at a time."""
    work = common.work()
    if work.variant.startswith("memory"):
        return
    store, scheduler = _store(work), BackgroundScheduler(timezone="UTC")
    rows = [
        (f"job-{number}", due, pickle.dumps(_job(scheduler, number, due, work).__getstate__()))
        for number, due in enumerate(work.due())
    ]
    if work.variant.startswith("django"):
        _fill_django(rows)
        return
    store.jobs_t.create(store.engine, checkfirst=True)
    names = ("id", "next_run_time", "job_state")
    with store.engine.begin() as connection:
        for start in range(0, len(rows), _BATCH):
            batch = [dict(zip(names, row, strict=True)) for row in rows[start : start + _BATCH]]
            connection.execute(store.jobs_t.insert(), batch)


def _fill_django(rows: list[tuple[str, float, bytes]]) -> None:
    from django.core.management import call_command
    from django_apscheduler.models import DjangoJob

    call_command("migrate", verbosity=0)
    jobs = [
        DjangoJob(id=name, next_run_time=common.when(due), job_state=state)
        for name, due, state in rows
    ]
    DjangoJob.objects.bulk_create(jobs, batch_size=_BATCH)


def _job(scheduler: BackgroundScheduler, number: int, due: float, work: common.Work) -> Job:
    return Job(
        scheduler,
        id=f"job-{number}",
        trigger=_trigger(due),
        executor="default",
        func=_CALL,
        args=(number,),
        kwargs={},
        name="note",
        misfire_grace_time=_grace(work),
        coalesce=True,
        max_instances=1,
        next_run_time=common.when(due),
    )


def serve() -> None:
    """Runs until it is stopped."""
    logging.disable(
        logging.CRITICAL
    )  # a warning for each run it drops would cost more than the run
    work = common.work()
    defaults = {"misfire_grace_time": _grace(work)}
    scheduler = BackgroundScheduler(timezone="UTC", job_defaults=defaults)
    scheduler.add_jobstore(_store(work))
    if work.variant.startswith("memory"):
        for number, due in enumerate(work.due()):
            at = common.when(due)
            scheduler.add_job(common.note, _trigger(due), args=(number,), next_run_time=at)
    scheduler.start()
    common.is_ready("scheduler")
    while True:
        time.sleep(3_600)


if __name__ == "__main__":
    common.main(load, {"scheduler": serve})
