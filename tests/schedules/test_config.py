"""What a `schedule_config` means, what is refused, and in which words (S4-51…55, B3.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.engine.model import CatchUp, Overlap, Policy, Schedule
from clockwright.recurrence import CalendarInterval, Cron, Interval, Once
from clockwright.schedules.conf import EngineSettings
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.schedules.reading import read_context
from clockwright.schedules.specs import (
    ScheduleSpec,
    changes_between,
    config_of,
    config_of_rule,
    merge_config,
    read_config,
)

NOW = datetime(2026, 3, 2, 9, 0, 0, 700_000, tzinfo=UTC)
DEFAULTS = EngineSettings()


def read(previous=None, **config):
    return read_config(config, DEFAULTS, NOW, previous)


def cron(line="0 12 * * *", **more):
    return read(schedule_type="cron", cron_expression=line, **more)


def once(when, **more):
    return read(schedule_type="one_time", scheduled_time=when, **more)


def refusal(**config) -> InvalidScheduleException:
    with pytest.raises(InvalidScheduleException) as refused:
        read(**config)
    return refused.value


def pointers(error):
    return [problem.pointer.removeprefix("/schedule_config/") for problem in error.errors]


def stored(spec: ScheduleSpec) -> Schedule:
    return Schedule(
        schedule_id=UUID(int=1),
        workflow_id=UUID(int=2),
        recurrence=spec.recurrence,
        settled_until=NOW,
        policy=spec.policy,
        start_at=spec.start_at,
        end_at=spec.end_at,
    )


def test_a_cron_line_is_read_in_its_zone():
    """C-03: noon in New York, not noon in UTC."""
    rule = cron(timezone="America/New_York").recurrence
    assert rule == Cron("0 12 * * *", "America/New_York")
    assert rule.next_after(NOW).astimezone(UTC) == datetime(2026, 3, 2, 17, tzinfo=UTC)


def test_an_interval_is_counted_from_the_second_of_its_making():
    """C-21"""
    rule = read(schedule_type="interval", interval_seconds=90).recurrence
    assert rule == Interval(seconds=90, anchor=NOW.replace(microsecond=0))


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-07-01T09:00:00Z", "Europe/Berlin", "2026-07-01T09:00:00+00:00"),
        ("2026-07-01T09:00:00+10:00", "Europe/Berlin", "2026-06-30T23:00:00+00:00"),
        ("2026-07-01T09:00:00", "Europe/Berlin", "2026-07-01T07:00:00+00:00"),
        ("2026-07-01 09:00", "UTC", "2026-07-01T09:00:00+00:00"),
        # the clock leaps from 02:00 to 03:00: what lies between happens when it has leapt
        ("2026-03-29T02:30:00", "Europe/Berlin", "2026-03-29T01:00:00+00:00"),
        # and shows 02:30 twice in autumn: the first one counts
        ("2026-10-25T02:30:00", "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
    ],
)
def test_a_one_time_is_an_instant_or_wall_time_in_its_zone(text, zone, instant):
    """C-08, R10"""
    assert once(text, timezone=zone).recurrence == Once(datetime.fromisoformat(instant), zone)


def test_a_datetime_of_python_is_taken_too():
    assert once(NOW + timedelta(hours=1)).recurrence.at == NOW.replace(microsecond=0) + timedelta(
        hours=1, seconds=1
    )
    naive = datetime(2026, 7, 1, 9)  # noqa: DTZ001 - wall time on purpose
    assert once(naive, timezone="Europe/Berlin").recurrence.at == datetime(
        2026, 7, 1, 7, tzinfo=UTC
    )


def test_an_rrule_starts_where_it_says_in_the_schedules_zone():
    spec = read(
        schedule_type="rrule",
        rrule="FREQ=WEEKLY;BYDAY=MO;COUNT=2",
        start="2026-03-09T09:00:00",
        timezone="Europe/Berlin",
    )
    found = [each.astimezone(UTC) for each in spec.recurrence.upcoming(NOW, 5)]
    assert found == [datetime(2026, 3, 9, 8, tzinfo=UTC), datetime(2026, 3, 16, 8, tzinfo=UTC)]


def test_any_recurrence_may_be_given_as_json_and_takes_the_zone_of_the_schedule():
    rule = {"type": "calendar_interval", "days": 2, "anchor": "2026-03-01", "at": "08:00:00"}
    spec = read(schedule_type="rule", recurrence=rule, timezone="Asia/Tokyo")
    assert spec.recurrence.tz == "Asia/Tokyo"
    assert isinstance(spec.recurrence, CalendarInterval)


def test_policies_and_bounds_are_read_and_the_rest_comes_from_the_settings():
    settings = replace(DEFAULTS, max_retries=9, grace=timedelta(minutes=1))
    config = {
        "schedule_type": "cron",
        "cron_expression": "* * * * *",
        "timezone": "Europe/Berlin",
        "start_at": "2026-04-01T00:00:00",
        "end_at": "2026-04-02T00:00:00Z",
        "overlap": "buffer_one",
        "catch_up": "all",
        "catch_up_limit": 5,
        "max_instances": 1,
        "max_executions": 3,
        "retry_backoff_seconds": 0.5,
        "retry_jitter": 0.25,
        "pause_after_failures": 7,
        "jitter_seconds": 90,
        "no_retry_on": ["ValueError", "shop.errors.Refused"],
        "timeout_seconds": 30,
        "priority": -4,
    }
    spec = read_config(config, settings, NOW)
    assert spec.start_at == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert spec.end_at == datetime(2026, 4, 2, tzinfo=UTC)
    assert spec.policy == Policy(
        grace=timedelta(minutes=1),
        catch_up=CatchUp.ALL,
        catch_up_limit=5,
        overlap=Overlap.BUFFER_ONE,
        max_instances=1,
        max_executions=3,
        max_retries=9,
        retry_backoff=timedelta(seconds=0.5),
        retry_jitter=0.25,
        pause_after_failures=7,
        jitter=timedelta(seconds=90),
        no_retry_on=("ValueError", "shop.errors.Refused"),
        timeout=timedelta(seconds=30),
        priority=-4,
    )


def test_a_null_grace_is_any_lateness_and_other_nulls_are_left_out():
    policy = cron(grace_period_seconds=None, max_executions=None, max_retries=None).policy
    assert policy == replace(Policy(), grace=None)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"schedule_type": "cron"}, "cron_expression required for cron type"),
        (
            {"schedule_type": "cron", "cron_expression": "  "},
            "cron_expression required for cron type",
        ),
        (
            {"schedule_type": "interval"},
            "interval_seconds required and must be > 0 for interval type",
        ),
        (
            {"schedule_type": "interval", "interval_seconds": 0},
            "interval_seconds required and must be > 0 for interval type",
        ),
        ({"schedule_type": "one_time"}, "scheduled_time required for one_time type"),
        (
            {"schedule_type": "one_time", "scheduled_time": "2026-03-02T09:00:00Z"},
            "scheduled_time must be in the future",
        ),
        (
            {"schedule_type": "hourly"},
            "Invalid schedule_type: hourly. Must be one of: cron, interval, one_time, rrule, rule",
        ),
        ({}, "schedule_type required"),
        ({"schedule_type": "rrule"}, "rrule required for rrule type"),
        ({"schedule_type": "rule"}, "recurrence required for rule type"),
    ],
)
def test_what_is_missing_is_said_in_the_documented_words(config, message):
    """B3.1"""
    error = refusal(**config)
    assert error.message == f"Invalid schedule configuration: {message}"
    assert error.status_code == 400
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("interval_seconds", "60"),
        ("interval_seconds", 1.5),
        ("interval_seconds", True),
        ("interval_seconds", -1),
        ("interval_seconds", 2**31),
        ("max_executions", 0),
        ("max_executions", -1),
        ("max_executions", "3"),
        ("max_executions", 2.0),
        ("max_instances", 0),
        ("max_retries", -1),
        ("catch_up", "some"),
        ("catch_up_limit", 0),
        ("overlap", "wait"),
        ("grace_period_seconds", -1),
        ("grace_period_seconds", "15"),
        ("retry_backoff_seconds", float("nan")),
        ("jitter_seconds", -1),
        ("retry_jitter", 1.5),
        ("pause_after_failures", 0),
        ("pause_after_failures", 1.0),
        ("retry_jitter", True),
        ("no_retry_on", "ValueError"),
        ("no_retry_on", ["not a name"]),
        ("no_retry_on", [5]),
        ("timeout_seconds", 0),
        ("priority", 101),
        ("priority", -101),
        ("priority", 1.0),
        ("priority", True),
        ("timezone", "Mars/Olympus"),
        ("timezone", 5),
        ("start_at", "soon"),
        ("end_at", 1_800_000_000),
        ("colour", "red"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_at_its_key(key, value):
    """C-03, C-18: 400 with the field, never a crash, and nothing is guessed."""
    config = {"schedule_type": "interval", "interval_seconds": 60} | {key: value}
    error = refusal(**config)
    assert pointers(error) == [key]
    assert key in error.message


@pytest.mark.parametrize(
    "line", ["* * * *", "*/5 * * * * *", "61 * * * *", "0 0 30 2 *", "", "@reboot", "R R * * *"]
)
def test_a_cron_line_has_exactly_five_fields_and_fires_some_day(line):
    """C-07, R8, C-63"""
    assert pointers(refusal(schedule_type="cron", cron_expression=line)) == ["cron_expression"]


def test_all_problems_are_told_together():
    error = refusal(
        schedule_type="cron",
        cron_expression="nonsense",
        timezone="Mars/Olympus",
        max_executions=0,
        colour="red",
    )
    assert set(pointers(error)) == {"cron_expression", "timezone", "max_executions", "colour"}


def test_keys_of_another_type_are_refused():
    error = refusal(schedule_type="cron", cron_expression="* * * * *", interval_seconds=5)
    assert pointers(error) == ["interval_seconds"]


def test_an_end_before_the_start_is_refused():
    error = refusal(
        schedule_type="cron",
        cron_expression="* * * * *",
        start_at="2026-05-01T00:00:00Z",
        end_at="2026-04-01T00:00:00Z",
    )
    assert pointers(error) == ["end_at"]


def test_a_seed_chooses_the_values_of_h_and_is_kept():
    spec = cron("H H * * *", seed="reports")
    assert spec.recurrence == Cron("H H * * *", seed="reports")
    before = config_of(stored(spec))
    assert before["seed"] == "reports"
    edited = merge_config(before, {"cron_expression": "H 5 * * *"})
    assert read(spec.recurrence, **edited).recurrence == Cron("H 5 * * *", seed="reports")
    plain = merge_config(before, {"cron_expression": "0 5 * * *", "seed": None})
    assert read(spec.recurrence, **plain).recurrence == Cron("0 5 * * *")


def test_a_line_with_h_needs_a_seed_and_only_a_line_has_one():
    assert pointers(refusal(schedule_type="cron", cron_expression="H 5 * * *")) == [
        "cron_expression"
    ]
    assert pointers(refusal(schedule_type="cron", cron_expression="H 5 * * *", seed="")) == ["seed"]
    assert pointers(refusal(schedule_type="interval", interval_seconds=5, seed="a")) == ["seed"]


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        (Cron("0 9 * * mon-fri", "Europe/Berlin"), "cron"),
        (Cron("H 9 * * *", "Europe/Berlin", seed="a"), "rule"),
        (Interval(seconds=90, anchor=NOW, tz="Europe/Berlin"), "rule"),
        (Once("2026-12-24T18:00", "Europe/Berlin"), "one_time"),
    ],
)
def test_a_rule_becomes_a_configuration_that_reads_as_itself(rule, kind):
    config = config_of_rule(rule)
    assert config["schedule_type"] == kind
    assert read(**config).recurrence == rule


def test_a_zone_that_contradicts_the_recurrences_own_is_refused():
    rule = {"type": "cron", "expression": "0 5 * * *", "tz": "Asia/Tokyo"}
    error = refusal(schedule_type="rule", recurrence=rule, timezone="UTC")
    assert pointers(error) == ["timezone"]


@pytest.mark.parametrize("config", [None, [], "cron", 5])
def test_a_configuration_that_is_no_object_is_refused(config):
    with pytest.raises(InvalidScheduleException, match="give a JSON object"):
        read_config(config, DEFAULTS, NOW)


SPECS = [
    cron(timezone="Australia/Sydney", max_executions=3),
    read(schedule_type="interval", interval_seconds=90),
    once("2026-07-01T09:00:00", timezone="Europe/Berlin"),
    read(schedule_type="rrule", rrule="FREQ=DAILY;COUNT=3", start="2026-04-01T00:00:00"),
    read(schedule_type="rule", recurrence={"type": "cron_fields", "hour": 5, "second": "*/30"}),
    cron(start_at="2026-04-01T00:00:00Z", end_at="2027-01-01T00:00:00Z", grace_period_seconds=None),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.recurrence.to_json()["type"])
def test_a_schedule_written_as_configuration_reads_as_itself(spec):
    config = config_of(stored(spec))
    later = NOW + timedelta(days=30)
    assert read_config(config, DEFAULTS, later, spec.recurrence) == spec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.recurrence.to_json()["type"])
def test_a_merge_changes_what_it_names_and_nothing_else(spec):
    """C-09, R29"""
    merged = merge_config(config_of(stored(spec)), {"max_executions": 9})
    expected = replace(spec, policy=replace(spec.policy, max_executions=9))
    assert read_config(merged, DEFAULTS, NOW, spec.recurrence) == expected


def test_another_type_leaves_the_old_types_own_keys_behind():
    merged = merge_config(
        config_of(stored(cron(timezone="Asia/Tokyo"))),
        {"schedule_type": "interval", "interval_seconds": 60},
    )
    spec = read_config(merged, DEFAULTS, NOW)
    assert spec.recurrence == Interval(
        seconds=60, anchor=NOW.replace(microsecond=0), tz="Asia/Tokyo"
    )


def test_another_zone_moves_a_cron_line_and_keeps_an_instant():
    line, moment = cron(timezone="Asia/Tokyo"), once("2026-07-01T09:00:00Z")
    moved = merge_config(config_of(stored(line)), {"timezone": "Europe/Paris"})
    assert read_config(moved, DEFAULTS, NOW).recurrence == Cron("0 12 * * *", "Europe/Paris")
    kept = merge_config(config_of(stored(moment)), {"timezone": "Europe/Paris"})
    assert read_config(kept, DEFAULTS, NOW).recurrence.at == datetime(2026, 7, 1, 9, tzinfo=UTC)


def test_an_interval_of_the_same_length_keeps_its_anchor():
    before = read(schedule_type="interval", interval_seconds=90).recurrence
    later = NOW + timedelta(seconds=40)
    config = {"schedule_type": "interval", "interval_seconds": 90}
    assert read_config(config, DEFAULTS, later, before).recurrence == before
    changed = {"schedule_type": "interval", "interval_seconds": 91}
    assert read_config(changed, DEFAULTS, later, before).recurrence.anchor > before.anchor


def test_changes_are_told_as_before_and_after():
    assert changes_between({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == {
        "b": {"before": 2, "after": 3},
        "c": {"before": None, "after": 4},
    }


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"inner": value}
    return value


@pytest.mark.parametrize(
    "context",
    [
        [],
        "text",
        {"when": datetime(2026, 1, 1, tzinfo=UTC)},
        {1: "a"},
        {"x": float("inf")},
        {"x": "a\x00b"},
        {"x": "\ud800"},
        {"x": "y" * 70_000},
        {"x": 10**400},
        nested(40),
        nested(10_000),
    ],
    ids=lambda value: type(value).__name__,
)
def test_context_is_a_json_object_of_bearable_size(context):
    with pytest.raises(InvalidScheduleException) as refused:
        read_context(context)
    assert refused.value.errors[0].pointer == "/context_data"


def test_context_is_kept_as_plain_json():
    assert read_context({"a": (1, 2), "b": None}) == {"a": [1, 2], "b": None}
    assert read_context(None) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "schedule_type",
                "cron_expression",
                "interval_seconds",
                "scheduled_time",
                "rrule",
                "start",
                "recurrence",
                "timezone",
                "max_executions",
                "start_at",
                "overlap",
                "grace_period_seconds",
                "timeout_seconds",
                "?",
            ]
        ),
        JSON | st.sampled_from(["cron", "interval", "one_time", "rule", "* * * * *", "UTC"]),
    )
)
def test_whatever_comes_in_is_read_or_refused_and_never_crashes(config):
    try:
        spec = read_config(config, DEFAULTS, NOW)
    except InvalidScheduleException as error:
        assert error.errors  # noqa: PT017 - refused, and it says why
    else:
        assert spec.recurrence.is_possible()
