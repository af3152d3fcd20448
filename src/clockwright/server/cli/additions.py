"""The options of `clockwright schedule add`, and what they mean as a documented `schedule_config`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from clockwright.server.cli.options import AsJson, duration
from clockwright.server.cli.rules import RuleJson, rule_data
from clockwright.server.errors import UsageProblem

if TYPE_CHECKING:
    from clockwright.schedules.errors import ConfigProblem

_UNLIMITED = ("none", "unlimited")


class Overlap(StrEnum):
    """What happens when enough runs are active already."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


class CatchUp(StrEnum):
    """Which of several late fire times run."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """The options of `schedule add`."""

    workflow: Annotated[
        str | None, _option("--workflow", metavar="KEY", help="A function, such as samples.echo.")
    ] = None
    workflow_id: Annotated[
        str | None, _option("--workflow-id", metavar="UUID", help="A workflow by its id.")
    ] = None
    cron: Annotated[
        str | None,
        _option("--cron", metavar="LINE", help='Five fields, such as "0 5 * * mon-fri".'),
    ] = None
    seed: Annotated[
        str | None,
        _option("--seed", metavar="TEXT", help="What chooses the values of H in --cron."),
    ] = None
    words: Annotated[
        str | None,
        _option("--words", metavar="SENTENCE", help='Such as "every weekday at 9".'),
    ] = None
    rule: RuleJson = None
    every: Annotated[
        str | None, _option("--every", metavar="DURATION", help="Such as 90s, 5m or 1h30m.")
    ] = None
    at: Annotated[
        str | None,
        _option("--at", metavar="TIME", help="Once; without an offset it is read in --tz."),
    ] = None
    rrule: Annotated[
        str | None, _option("--rrule", metavar="RULE", help="RFC 5545, with --start.")
    ] = None
    start: Annotated[
        str | None, _option("--start", metavar="TIME", help="The DTSTART of --rrule.")
    ] = None
    tz: Annotated[
        str | None, _option("--tz", metavar="ZONE", help="IANA zone; default: SCHEDULER_TIMEZONE.")
    ] = None
    key: Annotated[
        str | None, _option("--key", help="Your own name for it, unique in the community.")
    ] = None
    context: Annotated[
        str | None, _option("--context", metavar="JSON", help="What the run is called with.")
    ] = None
    start_at: Annotated[str | None, _option("--start-at", metavar="TIME", help="Not before.")] = (
        None
    )
    end_at: Annotated[str | None, _option("--end-at", metavar="TIME", help="Not after.")] = None
    max_executions: Annotated[
        int | None, _option("--max-executions", help="Complete after so many runs.")
    ] = None
    grace: Annotated[
        str | None, _option("--grace", metavar="DURATION", help="How late it may start; or none.")
    ] = None
    jitter: Annotated[
        str | None, _option("--jitter", metavar="DURATION", help="It starts up to so much later.")
    ] = None
    overlap: Annotated[
        Overlap | None, _option("--overlap", help="When --max-instances runs are active.")
    ] = None
    catch_up: Annotated[
        CatchUp | None, _option("--catch-up", help="Which of several late fire times run.")
    ] = None
    max_instances: Annotated[int | None, _option("--max-instances", help="Runs at a time.")] = None
    max_retries: Annotated[int | None, _option("--max-retries", help="Tries after the first.")] = (
        None
    )
    retry_backoff: Annotated[
        str | None, _option("--retry-backoff", metavar="DURATION", help="Before a retry.")
    ] = None
    retry_jitter: Annotated[
        float | None, _option("--retry-jitter", metavar="SHARE", help="0 to 1, off the pause.")
    ] = None
    no_retry_on: Annotated[
        str | None, _option("--no-retry-on", metavar="NAMES", help="Exceptions, with commas.")
    ] = None
    pause_after_failures: Annotated[
        int | None, _option("--pause-after-failures", help="Pause when so many fail in a row.")
    ] = None
    timeout: Annotated[
        str | None, _option("--timeout", metavar="DURATION", help="Of one attempt.")
    ] = None
    priority: Annotated[
        int | None, _option("--priority", help="-100 to 100; of waiting runs higher go first.")
    ] = None
    as_json: AsJson = False


_RULES = {
    "cron": ("cron", "cron_expression"),
    "every": ("interval", "interval_seconds"),
    "at": ("one_time", "scheduled_time"),
    "rrule": ("rrule", "rrule"),
    "rule": ("rule", "recurrence"),
    "words": ("", ""),
}


def schedule_config(options: Addition) -> dict[str, Any]:
    """The documented `schedule_config` of what was typed; raises UsageProblem for none or several rules.

    The rule of `--words` is left to `said_rule`, which needs the settings.
    """
    given = [name for name in _RULES if getattr(options, name) is not None]
    if len(given) != 1:
        problem = (
            "is missing"
            if not given
            else f"is given {len(given)} times ({', '.join('--' + n for n in given)})"
        )
        raise UsageProblem(
            f"the rule {problem}: give exactly one of --cron, --words, --rule, --every, --at and --rrule"
        )
    kind, column = _RULES[given[0]]
    value = getattr(options, given[0])
    config: dict[str, Any] = {
        "schedule_type": kind or None,
        column: _read(kind, value),
        "seed": options.seed,
        "start": options.start,
        "timezone": options.tz,
        "start_at": options.start_at,
        "end_at": options.end_at,
        "max_executions": options.max_executions,
        "overlap": options.overlap and options.overlap.value,
        "catch_up": options.catch_up and options.catch_up.value,
        "max_instances": options.max_instances,
        "jitter_seconds": _seconds("--jitter", options.jitter),
        "max_retries": options.max_retries,
        "retry_backoff_seconds": _seconds("--retry-backoff", options.retry_backoff),
        "retry_jitter": options.retry_jitter,
        "no_retry_on": _names(options.no_retry_on),
        "pause_after_failures": options.pause_after_failures,
        "timeout_seconds": _seconds("--timeout", options.timeout),
        "priority": options.priority,
    }
    config = {name: value for name, value in config.items() if name and value is not None}
    return config | _grace(options.grace)


def _read(kind: str, value: str) -> object:
    if kind == "interval":
        return _seconds("--every", value)
    return rule_data(value) if kind == "rule" else value


def said_rule(options: Addition, now: datetime) -> dict[str, Any]:
    """The rule of `--words` as a configuration, counted from `now`; none without it. Raises UsageProblem."""
    if options.words is None:
        return {}
    from clockwright.recurrence import RecurrenceError, from_words
    from clockwright.schedules.conf import engine_settings
    from clockwright.schedules.specs import config_of_rule

    zone = options.tz or engine_settings().timezone
    try:
        return config_of_rule(from_words(options.words, zone, anchor=now))
    except RecurrenceError as error:
        option = "--tz" if error.field == "timezone" else "--words"
        raise UsageProblem(f"{option}: {error}") from error


def _grace(text: str | None) -> dict[str, int | None]:
    """Unlimited grace is a null that means something, unlike a field left out."""
    if text is None:
        return {}
    unlimited = text.strip().lower() in _UNLIMITED
    return {"grace_period_seconds": None if unlimited else _seconds("--grace", text)}


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]


def _seconds(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    length: timedelta = duration(option, text)
    return int(length.total_seconds())


def context_data(text: str | None) -> dict[str, Any]:
    """The JSON object of `--context`; raises UsageProblem."""
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageProblem(
            f"--context: {text!r} is not JSON ({error}); write for example '{{\"name\": 1}}'"
        ) from None
    if not isinstance(value, dict):
        raise UsageProblem(
            f"--context: {text!r} is not a JSON object; write for example '{{\"name\": 1}}'"
        )
    return value


def workflow_of(options: Addition) -> UUID | str:
    """What is to run; raises UsageProblem unless exactly one of both options says it."""
    if (options.workflow is None) == (options.workflow_id is None):
        raise UsageProblem("what to run: give exactly one of --workflow KEY and --workflow-id UUID")
    if options.workflow is not None:
        return options.workflow
    try:
        return UUID(options.workflow_id)
    except ValueError:
        raise UsageProblem(f"--workflow-id: {options.workflow_id!r} is not a UUID") from None


_OPTIONS = {
    "cron_expression": "--cron",
    "interval_seconds": "--every",
    "scheduled_time": "--at",
    "recurrence": "--rule",
    "timezone": "--tz",
    "grace_period_seconds": "--grace",
    "jitter_seconds": "--jitter",
    "retry_backoff_seconds": "--retry-backoff",
    "timeout_seconds": "--timeout",
    "context_data": "--context",
}


def in_options(problems: Sequence[ConfigProblem]) -> str:
    """What is wrong with a configuration, in the names of the command line."""
    told = []
    for pointer, message in problems:
        name = pointer.rsplit("/", 1)[-1]
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        told.append(f"{option}: {message.removeprefix(f'{name}: ')}")
    return "; ".join(told)
