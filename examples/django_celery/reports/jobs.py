"""The functions of this app that run on a schedule: one on a queue, one in the engine."""

from datetime import timedelta

from clockwright.engine.ports import RunContext
from clockwright.schedules import job


@job("reports.render", every=timedelta(seconds=2), queue="reports")
def render(run: RunContext):
    """Runs in a worker of the queue `reports`."""
    return {"rendered_in_attempt": run.attempt}


@job("reports.pulse", every=timedelta(seconds=2))
def pulse():
    """Has no queue: runs in the engine's process."""
    return "still here"
