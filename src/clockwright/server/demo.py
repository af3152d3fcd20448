"""What `make run` shows: sample schedules, what they will do, the console, and every run as it ends."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.management import call_command

from clockwright.access.callers import Caller, Role, system_caller
from clockwright.access.tokens import issue_token, revoke_token
from clockwright.console.pages import function_name
from clockwright.console.services import LIFETIME, make_sign_in_link
from clockwright.engine.clock import utc_now
from clockwright.schedules import commands, engines
from clockwright.schedules.catalog import EXPOSED
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.registrations import autodiscover
from clockwright.server import ports, selectors, serving
from clockwright.server.cli.output import in_zone, result, result_table
from clockwright.server.cli.runtime import probe
from clockwright.server.narration import Narrator

if TYPE_CHECKING:
    from clockwright.schedules.models import Schedule

_SOON = timedelta(seconds=8)
_GUEST = "demo"
_TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One schedule of the demonstration."""

    key: str
    function: str
    config: dict[str, Any]
    context: dict[str, Any]


def samples(now: datetime) -> list[Sample]:
    """One of each kind, so that something happens every few seconds; the one-time lies just ahead."""
    return [
        Sample(
            key="demo.heartbeat",
            function="samples.echo",
            config={"schedule_type": "interval", "interval_seconds": 5, "timezone": "UTC"},
            context={"message": "every five seconds"},
        ),
        Sample(
            key="demo.sydney-minute",
            function="samples.echo",
            config={
                "schedule_type": "cron",
                "cron_expression": "* * * * *",
                "timezone": "Australia/Sydney",
            },
            context={"message": "every minute, by the clocks of Sydney"},
        ),
        Sample(
            key="demo.sydney-morning",
            function="samples.echo",
            config={
                "schedule_type": "cron",
                "cron_expression": "0 5 * * *",
                "timezone": "Australia/Sydney",
            },
            context={"message": "05:00 in Sydney, winter and summer"},
        ),
        Sample(
            key="demo.once",
            function="samples.sleep",
            config={
                "schedule_type": "one_time",
                "scheduled_time": (now + _SOON).replace(microsecond=0).isoformat(),
                "timezone": "UTC",
            },
            context={"seconds": 1.5},
        ),
        Sample(
            key="demo.failing",
            function="samples.fail",
            config={
                "schedule_type": "interval",
                "interval_seconds": 15,
                "timezone": "UTC",
                "max_retries": 1,
                "retry_backoff_seconds": 2,
            },
            context={"message": "on purpose: see how a failure is retried and recorded"},
        ),
    ]


def run(listener: socket.socket, stop_after: timedelta | None) -> None:
    """Prepare, show and serve until SIGTERM, SIGINT or `stop_after`; raises what the database raises."""
    probe()
    call_command("migrate", interactive=False, verbosity=0)
    autodiscover()
    caller = system_caller(actor="demo")
    shown = [_put(caller, sample) for sample in samples(utc_now())]
    _welcome(ports.url_of(listener), caller, shown)
    narrator = Narrator()
    engines.subscribe(narrator.hear)
    narrator.start()
    plan = serving.Plan(
        stop_after=stop_after,
        on_ready=lambda: result("Runs, as they end (due in UTC; Ctrl-C drains and stops):"),
    )
    try:
        serving.serve(listener, plan)
    finally:
        narrator.stop()
    result("Stopped: what ran is drained and in the ledger.")


def _put(caller: Caller, sample: Sample) -> Schedule:
    """Make a sample be as it is here, also where an earlier demonstration left it, whatever became of it."""
    new = NewSchedule(
        workflow=sample.function,
        config=sample.config,
        context_data=sample.context,
        key=sample.key,
    )
    return commands.upsert_schedule(caller, new, catalog=EXPOSED, keeps_anchor=True)


def _welcome(url: str, caller: Caller, shown: list[Schedule]) -> None:
    link = make_sign_in_link(_token_id(caller), utc_now())
    minutes = int(LIFETIME.total_seconds() // 60)
    result("Clockwright is running. What it will do:")
    result("")
    rows = [
        (
            str(schedule),
            function_name(schedule.workflow_id),
            in_zone(schedule.next_execution_at, schedule.timezone),
            in_zone(schedule.next_execution_at)[4:],
        )
        for schedule in sorted(shown, key=_due)
    ]
    result_table(("schedule", "function", "next (local)", "next (UTC)"), rows)
    result("")
    result(f"Console  {url}/sign-in/{link}")
    result(f"         (signs you in once, within {minutes} minutes)")
    result(
        f"API      {url}/api/v1/docs with a token of `clockwright token create me --role operator`"
    )
    result("")


def _due(schedule: Schedule) -> tuple[bool, datetime]:
    """By the next fire time; what has none comes last."""
    due = schedule.next_execution_at
    return (due is None, due or schedule.created_at)


def _token_id(caller: Caller) -> str:
    """A token for the link to sign in as, for a day; the one of an earlier demonstration ends with it."""
    for token in selectors.tokens_of(caller.community):
        if token.name == _GUEST and token.revoked_at is None:
            revoke_token(token.pk, by=caller)
    expires_at = utc_now() + _TOKEN_LIFETIME
    token, _ = issue_token(
        _GUEST, Role.OPERATOR, caller.community, expires_at=expires_at, by=caller
    )
    return str(token.pk)
