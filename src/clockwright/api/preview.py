"""`POST /preview`: when a rule would fire, before anything is saved (S1-22…36, R4, R23)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from clockwright.api.schemas import Preview, PreviewRule, RefusedPreview
from clockwright.api.security import caller_of
from clockwright.engine.clock import utc_now
from clockwright.engine.model import Policy
from clockwright.recurrence import Cron, Once, Recurrence, RecurrenceError, parse
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.specs import ScheduleSpec, read_config, utc_text

router = Router(tags=["preview"])

MOST_DATES = 100


class _Refused(Exception):
    """A rule that cannot be previewed: the documented sentence, the place and the reason."""

    def __init__(self, error: str, pointer: str = "", message: str = "") -> None:
        self.error = error
        self.errors = [{"pointer": pointer, "message": message or error}]
        super().__init__(error)


@router.post(
    "",
    response={200: Preview, 400: RefusedPreview},
    operation_id="preview",
    summary="Preview a rule",
)
def preview(request: HttpRequest, body: PreviewRule) -> Status[dict[str, Any]]:
    """The next dates of a rule, in its zone. Give exactly one of `cron`, `expression` and `schedule_config`."""
    caller_of(request)
    try:
        return Status(200, _dates(body, _spec(body)))
    except _Refused as refused:
        return Status(400, {"ok": False, "error": refused.error, "errors": refused.errors})
    except InvalidScheduleException as error:
        told = [{"pointer": p, "message": m} for p, m in error.errors]
        return Status(400, {"ok": False, "error": error.message, "errors": told})


def _spec(body: PreviewRule) -> ScheduleSpec:
    given = [name for name in ("cron", "expression", "schedule_config") if _given(body, name)]
    if len(given) != 1:
        what = "nothing is given" if not given else f"{' and '.join(given)} are given"
        raise _Refused(f"{what}: give exactly one of cron, expression and schedule_config")
    if body.schedule_config is not None:
        return read_config(body.schedule_config, engine_settings(), utc_now())
    rule = _of_text(given[0], getattr(body, given[0]), body.tz)
    return ScheduleSpec(recurrence=rule, policy=Policy())


def _given(body: PreviewRule, name: str) -> bool:
    return getattr(body, name) is not None


def _of_text(name: str, text: str, tz: str) -> Recurrence:
    """A cron line as `cron`, or any rule of one line as `expression`; the sentence is documented (S1-33)."""
    try:
        rule = Cron(text, tz) if name == "cron" else parse(text, tz)
    except RecurrenceError as error:
        if error.field == "timezone":
            raise _Refused(str(error), "/tz") from error
        raise _Refused("Invalid cron expression", f"/{name}", str(error)) from error
    if not rule.is_possible():
        why = "never fires: no such date exists; choose another day"
        raise _Refused("Invalid cron expression", f"/{name}", why)
    return rule


def _dates(body: PreviewRule, spec: ScheduleSpec) -> dict[str, Any]:
    rule, after = spec.recurrence, _after(body, spec.recurrence)
    if spec.start_at is not None:  # a bound is included, and dates are strictly after
        after = max(after, spec.start_at - timedelta(microseconds=1))
    count = min(max(body.count, 1), MOST_DATES, spec.policy.max_executions or MOST_DATES)
    dates = [d for d in rule.upcoming(after, count) if spec.end_at is None or d <= spec.end_at]
    local = [date.astimezone(rule.timezone).isoformat() for date in dates]
    return {
        "ok": True,
        "dates": local,
        "description": rule.describe(),
        "timezone": rule.tz,
        "fire_times": [
            {"utc": utc_text(date), "local": text} for date, text in zip(dates, local, strict=True)
        ],
    }


def _after(body: PreviewRule, rule: Recurrence) -> datetime:
    """The instant to look from; a time without an offset is read in the rule's zone (R10)."""
    if body.after is None:
        return utc_now()
    try:
        return Once(body.after, rule.tz).instant
    except RecurrenceError as error:
        raise _Refused(f"after: {error}", "/after") from error
