"""`POST /preview`: when a rule would fire, before anything is saved (S1-22…36, R4, R23)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router

from clockwright.api.description import REFUSED_PREVIEW
from clockwright.api.errors import Unacceptable
from clockwright.api.preview_answers import Preview
from clockwright.api.problems import FieldError
from clockwright.api.rule_schemas import PreviewRule
from clockwright.api.security import caller_of
from clockwright.engine.clock import utc_now
from clockwright.engine.model import Policy
from clockwright.recurrence import (
    Cron,
    Once,
    Recurrence,
    RecurrenceError,
    clock_effects,
    from_words,
    parse,
    to_words,
)
from clockwright.recurrence.cron import Dialect
from clockwright.schedules.calendar_names import embedded_unsaved
from clockwright.schedules.conf import engine_settings
from clockwright.schedules.specs import ScheduleSpec, read_config, utc_text

router = Router(tags=["preview"])

_RULES = ("cron", "expression", "words", "schedule_config")

MOST_DATES = 100
MOST_CLOCK_CHANGES = 20


@router.post(
    "",
    response=Preview,
    operation_id="preview",
    url_name="preview",
    summary="Preview a rule",
    openapi_extra={"responses": {400: REFUSED_PREVIEW}},
)
def preview(request: HttpRequest, body: PreviewRule) -> dict[str, Any]:
    """The next dates of a rule, in its zone. Give exactly one of `cron`, `expression`, `words`, `schedule_config`."""
    return _dates(body, spec_of(body, caller_of(request).community))


def spec_of(body: PreviewRule, community: str) -> ScheduleSpec:
    """The rule that a body gives in one of several ways; raises Unacceptable."""
    given = [name for name in _RULES if _given(body, name)]
    if len(given) != 1:
        what = "nothing is given" if not given else f"{' and '.join(given)} are given"
        message = f"{what}: give exactly one of {', '.join(_RULES[:-1])} and {_RULES[-1]}"
        raise Unacceptable(FieldError(pointer="", message=message))
    _refuse_unused(body, given[0])
    if body.schedule_config is not None:
        config = embedded_unsaved(community, body.schedule_config)
        return read_config(config, engine_settings(), utc_now())
    rule = _of_text(given[0], getattr(body, given[0]), body)
    return ScheduleSpec(recurrence=rule, policy=Policy())


def _refuse_unused(body: PreviewRule, name: str) -> None:
    """Raise Unacceptable for a seed or a dialect beside anything but a cron line."""
    unused = {"seed": body.seed is not None, "dialect": body.dialect is not Dialect.UNIX}
    for key, is_given in unused.items():
        if is_given and name != "cron":
            message = f"{key}: goes with cron, not with {name}; leave it out"
            raise Unacceptable(FieldError(pointer=f"/{key}", message=message))


def _given(body: PreviewRule, name: str) -> bool:
    return getattr(body, name) is not None


def _of_text(name: str, text: str, body: PreviewRule) -> Recurrence:
    """A cron line as `cron`, any rule of one line as `expression`, a sentence as `words`; what is counted, is from now.

    That a refusal says `Invalid cron expression` is documented (S1-33).
    """
    try:
        match name:
            case "cron":
                rule: Recurrence = Cron(text, body.tz, dialect=body.dialect.value, seed=body.seed)
            case "words":
                rule = from_words(text, body.tz, anchor=_after(body, body.tz))
            case _:
                rule = parse(text, body.tz)
    except RecurrenceError as error:
        if error.field == "timezone":
            raise Unacceptable(FieldError(pointer="/tz", message=str(error))) from error
        if error.field == "seed":
            raise Unacceptable(FieldError(pointer="/seed", message=str(error))) from error
        raise _refused(name, str(error)) from error
    if not rule.is_possible():
        raise _refused(name, "never fires: no such date exists; choose another day")
    return rule


def _refused(name: str, why: str) -> Unacceptable:
    error = FieldError(pointer=f"/{name}", message=why)
    detail = "Invalid sentence" if name == "words" else "Invalid cron expression"
    return Unacceptable(error, detail=detail)


def _dates(body: PreviewRule, spec: ScheduleSpec) -> dict[str, Any]:
    rule, after = spec.recurrence, _after(body, spec.recurrence.tz)
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
        "words": None if body.words is None else to_words(rule),
        "rule": None if body.words is None else rule.to_json(),
        "clock_changes": _clock_changes(body, spec, after),
    }


def _clock_changes(
    body: PreviewRule, spec: ScheduleSpec, after: datetime
) -> list[dict[str, Any]] | None:
    """What the next clock changes do to the rule, as far as its schedule reaches; None unless asked for."""
    if body.clock_changes < 1:
        return None
    count = min(body.clock_changes, MOST_CLOCK_CHANGES)
    try:
        effects = clock_effects(spec.recurrence, after, transitions=count, until=spec.end_at)
    except RecurrenceError as error:
        raise Unacceptable(FieldError(pointer="/clock_changes", message=str(error))) from error
    return [effect.to_json() for effect in effects]


def _after(body: PreviewRule, tz: str) -> datetime:
    """The instant to look from; a time without an offset is read in the rule's zone (R10)."""
    if body.after is None:
        return utc_now()
    try:
        return Once(body.after, tz).instant
    except RecurrenceError as error:
        if error.field == "timezone":
            raise Unacceptable(FieldError(pointer="/tz", message=str(error))) from error
        raise Unacceptable(FieldError(pointer="/after", message=str(error))) from error
