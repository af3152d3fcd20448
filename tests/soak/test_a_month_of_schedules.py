"""The thousand schedules of `make test` over a month with the clock changes of New York, Berlin and Sydney."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.thousand import live_through


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.limit(1800)
def test_two_hundred_thousand_fire_times_are_in_the_ledger_to_the_second_none_twice_none_absent() -> (
    None
):
    assert live_through(datetime(2026, 3, 6, tzinfo=UTC), days=31) > 190_000
