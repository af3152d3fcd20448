"""A thousand schedules of all types live on: the ledger is what the preview promised (promise 1, S4-63)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.support.thousand import live_through


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.limit(400)
def test_the_ledger_has_what_the_preview_promised_to_the_second_over_berlins_clock_change() -> None:
    assert live_through(datetime(2026, 3, 28, 12, tzinfo=UTC), days=3) > 18_000
