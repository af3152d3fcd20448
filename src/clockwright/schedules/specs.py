"""`schedule_config` and what it means: read into a frozen `ScheduleSpec`, and written back. Pure.

Types are strict (C-18), unknown keys are refused by name, and all problems are told together. A time without an
offset is read in the schedule's zone (C-08, R10). `timezone` and the policies default to the environment's (S4-77…83).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from clockwright.engine.model import (
    HIGHEST_PRIORITY,
    LOWEST_PRIORITY,
    CatchUp,
    Overlap,
    Policy,
    Schedule,
)
from clockwright.recurrence import (
    Cron,
    Interval,
    Once,
    Recurrence,
    RecurrenceError,
    RRule,
    from_json,
)
from clockwright.recurrence.zones import find_zone
from clockwright.schedules.conf import EngineSettings
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.reading import LONGEST_SECONDS, ConfigReader, shown
from clockwright.schedules.store.projection import ScheduleType, policy_to_json, project

RULE_KEYS: Final[Mapping[ScheduleType, tuple[str, ...]]] = {
    ScheduleType.CRON: ("cron_expression", "seed"),
    ScheduleType.INTERVAL: ("interval_seconds",),
    ScheduleType.ONE_TIME: ("scheduled_time",),
    ScheduleType.RRULE: ("rrule", "start"),
    ScheduleType.RULE: ("recurrence",),
}
"""What only schedules of one type have."""

POLICY_KEYS: Final = (
    "max_executions",
    "catch_up",
    "catch_up_limit",
    "overlap",
    "max_instances",
    "grace_period_seconds",
    "jitter_seconds",
    "max_retries",
    "retry_backoff_seconds",
    "retry_backoff_max_seconds",
    "retry_jitter",
    "no_retry_on",
    "pause_after_failures",
    "timeout_seconds",
    "priority",
)
_COMMON_KEYS: Final = ("schedule_type", "timezone", "start_at", "end_at", *POLICY_KEYS)
KNOWN_KEYS: Final = frozenset(
    {*_COMMON_KEYS, *(key for keys in RULE_KEYS.values() for key in keys)}
)
_MOST_INSTANCES = 10_000
_MOST_RETRIES = 1_000
_MOST_FAILURES = 10_000
_MOST_CAUGHT_UP = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """When a schedule fires and how it behaves, whatever it starts. Bounds are inclusive instants in UTC."""

    recurrence: Recurrence
    policy: Policy
    start_at: datetime | None = None
    end_at: datetime | None = None


def read_config(
    config: Mapping[str, Any],
    settings: EngineSettings,
    now: datetime,
    previous: Recurrence | None = None,
) -> ScheduleSpec:
    """What a whole configuration means at `now`; raises InvalidScheduleException with every problem found.

    `previous` is the rule that is being edited: what the configuration cannot say of it is kept, such as the anchor
    of an interval whose length stays; and a one-time that stays is not asked again whether it lies in the future.
    """
    reader = ConfigReader(config, KNOWN_KEYS)
    zone = _zone(reader, settings.timezone)
    rule = _rule(reader, zone, now, previous)
    spec = ScheduleSpec(
        recurrence=rule or Once(now),
        policy=_policy(reader, settings.policy),
        start_at=reader.instant("start_at", zone),
        end_at=reader.instant("end_at", zone),
    )
    if spec.start_at and spec.end_at and spec.start_at > spec.end_at:
        reader.refuse("end_at", "end_at: lies before start_at; give a later end or leave it out")
    reader.finish()
    return spec


def read_policy(options: Mapping[str, Any], defaults: Policy) -> Policy:
    """The policies alone, as code gives them beside a rule; raises InvalidScheduleException."""
    reader = ConfigReader(options, frozenset(POLICY_KEYS))
    policy = _policy(reader, defaults)
    reader.finish()
    return policy


def config_of(schedule: Schedule) -> dict[str, Any]:
    """The configuration that `read_config` reads as this schedule; instants with offsets, in its zone.

    A rule that the documented keys cannot say is given as `recurrence`.
    """
    rule = schedule.recurrence
    projection = project(rule)
    common = {
        "timezone": rule.tz,
        "start_at": _local(schedule.start_at, rule),
        "end_at": _local(schedule.end_at, rule),
        "max_executions": schedule.policy.max_executions,
        **policy_to_json(schedule.policy),
    }
    match projection.schedule_type:
        case ScheduleType.CRON:
            seed = rule.seed if isinstance(rule, Cron) else None
            own: dict[str, Any] = {"cron_expression": projection.cron_expression}
            own |= {} if seed is None else {"seed": seed}
        case ScheduleType.INTERVAL:
            own = {"interval_seconds": projection.interval_seconds}
        case ScheduleType.ONE_TIME:
            own = {"scheduled_time": _local(projection.scheduled_time, rule)}
        case _:
            return {"schedule_type": "rule", "recurrence": rule.to_json(), **common}
    return {"schedule_type": projection.schedule_type.value, **own, **common}


def config_of_rule(rule: Recurrence) -> dict[str, Any]:
    """The rule alone as a configuration, in the documented keys if they can say it."""
    projection = project(rule)
    if projection.schedule_type is ScheduleType.ONE_TIME:
        own: dict[str, Any] = {"scheduled_time": _local(projection.scheduled_time, rule)}
    elif rule.to_json().keys() == {"type", "expression", "tz"}:
        own = {"cron_expression": projection.cron_expression}
    else:
        return {"schedule_type": "rule", "recurrence": rule.to_json()}
    return {"schedule_type": projection.schedule_type.value, **own, "timezone": rule.tz}


def merge_config(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with some keys changed (R29); another type leaves the old type's own keys behind."""
    kind = change.get("schedule_type", before["schedule_type"])
    if kind != before["schedule_type"]:
        own = RULE_KEYS[ScheduleType(before["schedule_type"])]
        before = {key: value for key, value in before.items() if key not in own}
    merged = {**before, **change}
    if isinstance(change.get("timezone"), str) and "recurrence" not in change:
        rule = merged.get("recurrence")
        merged |= {"recurrence": _rezoned(rule, rule.get("tz"), change["timezone"])} if rule else {}
    return merged


def _rezoned(rule: Any, before: str | None, zone: str) -> Any:
    """The JSON of a rule in another zone, and with it the rules inside that were in the same; others stay."""
    if not isinstance(rule, Mapping) or rule.get("tz", before) != before:
        return rule
    inner = {"rule": _rezoned(rule["rule"], before, zone)} if "rule" in rule else {}
    if isinstance(rule.get("rules"), list):
        inner["rules"] = [_rezoned(member, before, zone) for member in rule["rules"]]
    return {**rule, **inner, "tz": zone}


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What differs, as the audit trail tells it: `{key: {"before": …, "after": …}}`."""
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {key: {"before": before.get(key), "after": after.get(key)} for key in keys}


def _zone(reader: ConfigReader, default: str) -> str:
    name = reader.text("timezone") or default
    try:
        find_zone(name)
    except RecurrenceError as error:
        reader.refuse("timezone", str(error))
        return "UTC"
    return name


def _rule(
    reader: ConfigReader, zone: str, now: datetime, previous: Recurrence | None
) -> Recurrence | None:
    kind = _kind(reader)
    if kind is None:
        return None
    for other, keys in RULE_KEYS.items():
        for key in keys:
            if other is not kind and reader.get(key) is not None:
                reader.refuse(key, f"{key}: a schedule of type {kind} has none; leave it out")
    key = RULE_KEYS[kind][0]
    try:
        rule = _READERS[kind](reader, zone, now, previous)
    except RecurrenceError as error:
        refused = error.field if error.field in RULE_KEYS[kind] else key
        reader.refuse(refused, f"{refused}: {error}")
        return None
    if rule is not None and not rule.is_possible():
        what = "the rule" if isinstance(value := reader.get(key), dict) else shown(value)
        why = "no such date exists; choose another day"
        if not isinstance(rule, Cron):
            why = "no instant fits all its parts and bounds; change one of them"
        reader.refuse(key, f"{key}: {what} never fires: {why}")
    return rule


def _kind(reader: ConfigReader) -> ScheduleType | None:
    value = reader.get("schedule_type")
    if value is None:
        reader.refuse("schedule_type", "schedule_type required")
        return None
    if isinstance(value, str) and value in set(ScheduleType):
        return ScheduleType(value)
    choices, given = ", ".join(ScheduleType), value if isinstance(value, str) else shown(value)
    reader.refuse(
        "schedule_type", f"Invalid schedule_type: {given[:80]}. Must be one of: {choices}"
    )
    return None


def _cron(
    reader: ConfigReader, zone: str, _now: datetime, previous: Recurrence | None
) -> Recurrence | None:
    text = reader.required_text("cron_expression", "cron_expression required for cron type")
    if text is None:
        return None
    seed = reader.text("seed")
    if isinstance(previous, Cron) and project(previous).schedule_type is ScheduleType.CRON:
        return replace(previous, text=text, tz=zone, seed=seed)
    return Cron(text, zone, seed=seed)


def _interval(
    reader: ConfigReader, zone: str, now: datetime, previous: Recurrence | None
) -> Recurrence | None:
    seconds = reader.get("interval_seconds")
    problem = "interval_seconds required and must be > 0 for interval type"
    if isinstance(seconds, bool) or not isinstance(seconds, int | None):
        problem += f": give a whole number of seconds, not {shown(seconds)}"
        reader.refuse("interval_seconds", problem)
        return None
    if seconds is None or seconds <= 0:
        reader.refuse("interval_seconds", problem)
        return None
    if seconds > LONGEST_SECONDS:
        reader.refuse(
            "interval_seconds", f"interval_seconds: {seconds} is above {LONGEST_SECONDS}; use cron"
        )
        return None
    if isinstance(previous, Interval) and previous.period.total_seconds() == seconds:
        return replace(previous, tz=zone)
    # C-21: counted from the second of its making, so that it never drifts
    return Interval(seconds=seconds, anchor=now, tz=zone)


def _one_time(
    reader: ConfigReader, zone: str, now: datetime, previous: Recurrence | None
) -> Recurrence | None:
    if reader.get("scheduled_time") is None:
        reader.refuse("scheduled_time", "scheduled_time required for one_time type")
        return None
    at = reader.instant("scheduled_time", zone)
    if at is None:
        return None
    rule = Once(at, zone)
    stays = isinstance(previous, Once) and previous.instant == rule.instant
    if not stays and rule.instant <= now:
        reader.refuse("scheduled_time", "scheduled_time must be in the future")
    return rule


def _rrule(
    reader: ConfigReader, zone: str, now: datetime, _previous: Recurrence | None
) -> Recurrence | None:
    text = reader.required_text("rrule", "rrule required for rrule type")
    start = reader.instant("start", zone)
    if text is None:
        return None
    return RRule(text, start=(start or now).astimezone(find_zone(zone).info), tz=zone)


def _json_rule(
    reader: ConfigReader, zone: str, _now: datetime, _previous: Recurrence | None
) -> Recurrence | None:
    data = reader.get("recurrence")
    if data is None:
        reader.refuse("recurrence", "recurrence required for rule type")
        return None
    if not isinstance(data, Mapping):
        reader.refuse("recurrence", f"recurrence: give a JSON object, not {shown(data)}")
        return None
    given = data.get("tz", zone)
    if reader.get("timezone") is not None and given != zone:
        reader.refuse(
            "timezone", f"timezone: {zone!r} contradicts the recurrence's tz; leave one of them out"
        )
    return from_json({"tz": zone, **data})


_READERS: Final = {
    ScheduleType.CRON: _cron,
    ScheduleType.INTERVAL: _interval,
    ScheduleType.ONE_TIME: _one_time,
    ScheduleType.RRULE: _rrule,
    ScheduleType.RULE: _json_rule,
}


def _policy(reader: ConfigReader, defaults: Policy) -> Policy:
    """The policies that are given, the rest by default. Only for the grace does null mean something of its own."""
    grace = defaults.grace
    if reader.has("grace_period_seconds"):
        grace = reader.seconds("grace_period_seconds", None)
    return Policy(
        grace=grace,
        catch_up=reader.choice("catch_up", CatchUp, defaults.catch_up),
        catch_up_limit=reader.whole("catch_up_limit", 1, _MOST_CAUGHT_UP, defaults.catch_up_limit),
        overlap=reader.choice("overlap", Overlap, defaults.overlap),
        max_instances=reader.whole("max_instances", 1, _MOST_INSTANCES, defaults.max_instances),
        max_executions=reader.whole("max_executions", 1, LONGEST_SECONDS, defaults.max_executions),
        jitter=reader.seconds("jitter_seconds", defaults.jitter),
        max_retries=reader.whole("max_retries", 0, _MOST_RETRIES, defaults.max_retries),
        retry_backoff=reader.seconds("retry_backoff_seconds", defaults.retry_backoff),
        retry_backoff_max=reader.seconds("retry_backoff_max_seconds", defaults.retry_backoff_max),
        retry_jitter=reader.share("retry_jitter", defaults.retry_jitter),
        no_retry_on=reader.class_names("no_retry_on", defaults.no_retry_on),
        pause_after_failures=reader.whole(
            "pause_after_failures", 1, _MOST_FAILURES, defaults.pause_after_failures
        ),
        timeout=reader.seconds("timeout_seconds", defaults.timeout, above_zero=True),
        priority=reader.whole("priority", LOWEST_PRIORITY, HIGHEST_PRIORITY, defaults.priority),
    )


def _local(instant: datetime | None, rule: Recurrence) -> str | None:
    return None if instant is None else instant.astimezone(rule.timezone).isoformat()


def nothing_left(error: Exception) -> InvalidScheduleException:
    """The error of a schedule that would be active without ever firing."""
    return InvalidScheduleException.of("/schedule_config", str(error))


def utc_text(instant: datetime | None) -> str | None:
    """An instant as everything here sends it: ISO 8601 in UTC with `+00:00`."""
    return None if instant is None else instant.astimezone(UTC).isoformat()
