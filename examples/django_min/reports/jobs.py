"""The functions of this app that run on a schedule; found when Django starts."""

from datetime import timedelta

from clockwright.engine.ports import RunContext
from clockwright.schedules import job


@job("reports.daily", cron="0 5 * * *", tz="Australia/Sydney")
def daily_report(run: RunContext):
    """Every day at 05:00 in Sydney, winter and summer."""
    return {"report_for": run.scheduled_for.date().isoformat()}


@job("reports.pulse", every=timedelta(seconds=2), options={"overlap": "skip", "max_instances": 1})
def pulse():
    """Every two seconds."""
    return "still here"


@job("reports.send", exposed=True)
def send(*, to: str):
    """On no schedule of its own; callers may make one for it."""
    return f"sent to {to}"
