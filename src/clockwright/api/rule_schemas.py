"""A rule in the body of a request, to be looked at and not saved."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from clockwright.api.schemas import Body, ConfigObject, Text
from clockwright.recurrence.cron import Dialect


class GivenRule(Body):
    """A rule: a cron line as `cron` or `expression`, a sentence as `words`, or a whole `schedule_config`."""

    cron: Text | None = None
    expression: Text | None = None
    words: Text | None = Field(default=None, examples=["every weekday at 9"])
    schedule_config: ConfigObject | None = None
    tz: Text = Field(default="UTC", examples=["Australia/Sydney"])
    dialect: Dialect = Field(default=Dialect.UNIX, description="How many fields `cron` has.")
    seed: Text | None = Field(default=None, description="What chooses the values of `H` in `cron`.")


class PreviewRule(GivenRule):
    """A rule to look at: a cron line as `cron` or `expression`, a sentence as `words`, or a whole `schedule_config`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"cron": "0 5 * * *", "tz": "UTC"}]}
    )

    count: int = Field(default=20, strict=True, description="Clamped to 1…100.")
    after: Text | None = Field(
        default=None, description="ISO 8601; without an offset it is read in `tz`. Default: now."
    )
    clock_changes: int = Field(
        default=0,
        strict=True,
        description="Of how many coming clock changes to tell the effect. Clamped to 0…20.",
    )


class RuleAndInstant(GivenRule):
    """A rule as for a preview, and the instant that is asked about."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"cron": "30 2 * * *", "tz": "Europe/Berlin", "at": "2027-03-28T01:00:00Z"}
            ]
        },
    )

    at: Text = Field(
        description="ISO 8601; without an offset it is read in `tz`. A fraction of a second is rounded up."
    )
