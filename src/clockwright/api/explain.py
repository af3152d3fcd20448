"""`POST /explain`: why a rule fires at an instant, or does not."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from clockwright.api.errors import Unacceptable
from clockwright.api.preview import spec_of
from clockwright.api.problems import FieldError
from clockwright.api.rule_schemas import PreviewRule, RuleAndInstant
from clockwright.api.schemas import Answer, Instant
from clockwright.api.security import caller_of
from clockwright.recurrence import Once, RecurrenceError
from clockwright.schedules import explanations

router = Router(tags=["preview"])


class Finding(Answer):
    """What one part of the rule says of the instant."""

    field: str = Field(examples=["hour"])
    value: str = Field(description="What the instant has there.")
    admits: bool
    allowed: str = Field(description="What the rule admits there.")
    reason: str
    decides: bool = Field(description="It fires where all that decide admit it.")
    parts: list[Finding] = Field(default_factory=list)


class Explanation(Answer):
    """Why a rule fires at an instant, or does not. `previous` and `following` are the fire times around it."""

    fires: bool
    instant: Instant
    timezone: str
    wall_time: Instant
    showing: Literal["plain", "first_pass", "second_pass", "gap_end"]
    findings: list[Finding]
    previous: Instant | None
    following: Instant | None
    text: str
    description: str = Field(description="The rule in words.")


@router.post(
    "",
    response=Explanation,
    operation_id="explain",
    url_name="explain",
    summary="Explain an instant",
)
def explain(request: HttpRequest, body: RuleAndInstant) -> dict[str, Any]:
    """Why a rule fires at an instant or not. Give exactly one of `cron`, `expression`, `words`, `schedule_config`."""
    community = caller_of(request).community
    given = body.model_dump(exclude={"at"}, exclude_none=True)
    spec = spec_of(PreviewRule(**given), community)
    rule = spec.recurrence
    try:
        at = Once(body.at, rule.tz).instant
        found = explanations.explain(rule, at, start_at=spec.start_at, end_at=spec.end_at)
    except RecurrenceError as error:
        raise Unacceptable(FieldError(pointer="/at", message=str(error))) from error
    return {**found.to_json(), "description": rule.describe()}
