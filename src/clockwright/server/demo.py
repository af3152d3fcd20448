"""What `make run` shows: sample schedules, what they will do, the console, and every run as it ends."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.core.management import call_command

from clockwright.access.callers import Caller, Role, system_caller
from clockwright.access.selectors import tokens_of
from clockwright.access.tokens import NewToken, issue_token, revoke_token
from clockwright.console.pages import rule_in_zone
from clockwright.console.services import LIFETIME, make_sign_in_link
from clockwright.engine.clock import utc_now
from clockwright.schedules import commands, engines
from clockwright.schedules.catalog import EXPOSED
from clockwright.schedules.drafts import NewSchedule
from clockwright.schedules.registrations import autodiscover
from clockwright.server import ports, serving
from clockwright.server.narration import Narrator
from clockwright.server.output import result, result_table
from clockwright.server.runtime import probe

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
    soon = (now + _SOON).replace(microsecond=0).isoformat()
    retries = {"max_retries": 1, "retry_backoff_seconds": 2}
    return [
        _sample("demo.heartbeat", _every(5), message="every five seconds"),
        _sample(
            "demo.sydney-minute", _cron("* * * * *"), message="every minute of Sydney's clocks"
        ),
        _sample("demo.sydney-morning", _cron("0 5 * * *"), message="05:00, winter and summer"),
        _sample(
            "demo.once",
            {"schedule_type": "one_time", "scheduled_time": soon, "timezone": "UTC"},
            "samples.sleep",
            seconds=1.5,
        ),
        _sample(
            "demo.failing",
            _every(15) | retries,
            "samples.fail",
            message="on purpose: see how a failure is retried and recorded",
        ),
    ]


def _sample(
    key: str, config: dict[str, Any], function: str = "samples.echo", **context: Any
) -> Sample:
    return Sample(key=key, function=function, config=config, context=context)


def _every(seconds: int) -> dict[str, Any]:
    return {"schedule_type": "interval", "interval_seconds": seconds, "timezone": "UTC"}


def _cron(line: str) -> dict[str, Any]:
    return {"schedule_type": "cron", "cron_expression": line, "timezone": "Australia/Sydney"}


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
    try:
        serving.serve(listener, serving.Plan(stop_after=stop_after))
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
        (str(schedule), rule_in_zone(schedule), *_when(schedule))
        for schedule in sorted(shown, key=_due)
    ]
    result_table(("schedule", "rule", "next (local)", "next (UTC)"), rows)
    result("")
    result(f"Console  {url}/sign-in/{link}")
    result(f"         (signs you in once, within {minutes} minutes)")
    token = f"{_command()} token create me --role operator"
    result(f"API      {url}/api/v1/docs with a token of `{token}`")
    result("")
    result("Runs, as they end (due in UTC; Ctrl-C drains and stops):")


def _command() -> str:
    """How to call this command from the folder it was started in."""
    on_path = shutil.which("clockwright")
    return "clockwright" if on_path else os.path.relpath(sys.argv[0])


def _when(schedule: Schedule) -> tuple[str, str]:
    """The next fire time in the schedule's zone and in UTC."""
    due = schedule.next_execution_at
    if due is None:
        return schedule.status, "-"
    local = due.astimezone(ZoneInfo(schedule.timezone))
    return f"{local:%a %d %b %H:%M:%S} {local.tzname()}", f"{due.astimezone(UTC):%d %b %H:%M:%S}"


def _due(schedule: Schedule) -> tuple[bool, datetime]:
    """By the next fire time; what has none comes last."""
    due = schedule.next_execution_at
    return (due is None, due or schedule.created_at)


def _token_id(caller: Caller) -> str:
    """A token for the link to sign in as, for a day; the one of an earlier demonstration ends with it."""
    for token in tokens_of(caller.community):
        if token.name == _GUEST and token.revoked_at is None:
            revoke_token(token.pk, by=caller)
    expires_at = utc_now() + _TOKEN_LIFETIME
    new = NewToken(
        name=_GUEST, role=Role.OPERATOR, community=caller.community, expires_at=expires_at
    )
    token, _ = issue_token(new, by=caller)
    return str(token.pk)
