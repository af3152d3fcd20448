"""Instants and durations as people say them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clockwright.console.wording import length, relative, utc_time, wall_time

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(milliseconds=900), "now"),
        (timedelta(seconds=12), "in 12 s"),
        (timedelta(seconds=-12), "12 s ago"),
        (timedelta(seconds=119), "in 1 min"),
        (timedelta(hours=-26), "1 d ago"),
        (timedelta(days=29), "in 29 d"),
        (timedelta(days=400), "in 1 y"),
    ],
)
def test_a_distance_in_time_is_told_in_its_largest_unit(distance: timedelta, words: str) -> None:
    assert relative(NOON + distance, NOON) == words


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (None, "-"),
        (timedelta(), "0 ms"),
        (timedelta(microseconds=4_200), "4.2 ms"),
        (timedelta(seconds=12.34), "12.3 s"),
        (timedelta(seconds=59.9), "59.9 s"),
        (timedelta(seconds=59.99), "60 s"),
        (timedelta(seconds=125), "2 min 5 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(hours=12), "12 h"),
        (timedelta(seconds=-1), "0 ms"),
    ],
)
def test_a_duration_is_told_to_three_digits(duration: timedelta | None, words: str) -> None:
    assert length(duration) == words


def test_an_instant_is_shown_in_the_schedules_zone_with_its_offset_named() -> None:
    assert wall_time(NOON, "Australia/Sydney") == "Sat 21 Nov 2026, 23:00:00 AEDT"
    assert utc_time(NOON) == "2026-11-21 12:00:00"
