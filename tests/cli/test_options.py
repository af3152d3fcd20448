"""How options are read: durations, instants, exactly one rule, a context that is an object."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clockwright.server.cli.additions import Addition, context_data, schedule_config
from clockwright.server.cli.options import duration, instant
from clockwright.server.errors import UsageProblem


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90", timedelta(seconds=90)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2D", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("0", timedelta()),
    ],
)
def test_a_duration_is_a_number_of_seconds_or_numbers_with_units(
    text: str, meant: timedelta
) -> None:
    assert duration("--every", text) == meant


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5", "5x", "m5", "5m!", "٣s", "9" * 13, "99999w"]
)
def test_a_duration_that_cannot_be_meant_is_refused_by_the_options_name(text: str) -> None:
    with pytest.raises(UsageProblem, match="--every"):
        duration("--every", text)


def test_an_instant_with_an_offset_becomes_utc() -> None:
    assert instant("--after", "2026-04-05T05:00:00+10:00") == datetime(2026, 4, 4, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2026-04-05T05:00:00", "tomorrow", "", "0001-01-01T00:00:00+14:00"]
)
def test_an_instant_without_an_offset_or_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="--after"):
        instant("--after", text)


@pytest.mark.parametrize(
    "options",
    [
        Addition(),
        Addition(cron="0 5 * * *", every="5m"),
        Addition(at="2030-01-01T00:00Z", rrule="FREQ=DAILY"),
    ],
)
def test_exactly_one_rule_makes_a_schedule(options: Addition) -> None:
    with pytest.raises(
        UsageProblem, match="exactly one of --cron, --words, --rule, --every, --at and --rrule"
    ):
        schedule_config(options)


def test_what_was_not_typed_is_left_to_the_defaults() -> None:
    assert schedule_config(Addition(every="5m")) == {
        "schedule_type": "interval",
        "interval_seconds": 300,
    }


def test_unlimited_grace_is_a_null_and_a_grace_left_out_is_not_there() -> None:
    assert schedule_config(Addition(cron="0 5 * * *", grace="none"))["grace_period_seconds"] is None
    assert schedule_config(Addition(cron="0 5 * * *", grace="1h"))["grace_period_seconds"] == 3_600
    assert "grace_period_seconds" not in schedule_config(Addition(cron="0 5 * * *"))


@pytest.mark.parametrize("text", ["{", "[1]", '"text"', "3", "null"])
def test_a_context_is_a_json_object_or_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="--context"):
        context_data(text)


def test_a_context_left_out_is_empty() -> None:
    assert context_data(None) == {}
    assert context_data('{"name": "Ada"}') == {"name": "Ada"}
