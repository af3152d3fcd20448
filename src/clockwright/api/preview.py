"""`POST /preview`: when a rule would fire, before anything is saved (S1-22…36, R4, R23)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router

from clockwright.api.description import REFUSED_PREVIEW
from clockwright.api.errors import Unacceptable
from clockwright.api.problems import FieldError
from clockwright.api.schemas import Preview, PreviewRule
from clockwright.api.security import caller_of
from clockwright.engine.clock import utc_now
from clockwright.engine.model import Policy
from clockwright.recurrence import Cron, Once, Recurrence, RecurrenceError, parse
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.specs import ScheduleSpec, read_config, utc_text

router = Router(tags=["preview"])

MOST_DATES = 100


@router.post(
    "",
    response=Preview,
    operation_id="preview",
    url_name="preview",
    summary="Preview a rule",
    openapi_extra={"responses": {400: REFUSED_PREVIEW}},
)
def preview(request: HttpRequest, body: PreviewRule) -> dict[str, Any]:
    """The next dates of a rule, in its zone. Give exactly one of `cron`, `expression` and `schedule_config`."""
    caller_of(request)
    return _dates(body, _spec(body))


def _spec(body: PreviewRule) -> ScheduleSpec:
    given = [name for name in ("cron", "expression", "schedule_config") if _given(body, name)]
    if len(given) != 1:
        what = "nothing is given" if not given else f"{' and '.join(given)} are given"
        message = f"{what}: give exactly one of cron, expression and schedule_config"
        raise Unacceptable(FieldError(pointer="", message=message))
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
            raise Unacceptable(FieldError(pointer="/tz", message=str(error))) from error
        raise _refused(name, str(error)) from error
    if not rule.is_possible():
        raise _refused(name, "never fires: no such date exists; choose another day")
    return rule


def _refused(name: str, why: str) -> Unacceptable:
    error = FieldError(pointer=f"/{name}", message=why)
    return Unacceptable(error, detail="Invalid cron expression")


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
        raise Unacceptable(FieldError(pointer="/after", message=str(error))) from error
