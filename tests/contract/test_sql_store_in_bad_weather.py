"""The worlds of the simulation over the SQL store: what it keeps is compared with the reference after every call."""

from __future__ import annotations

import pytest

from clockwright.testing.simulation import simulate
from tests.support.worlds import empty_store


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [5, 21])
def test_whatever_goes_wrong_on_the_way_the_database_keeps_every_promise(seed):
    report = simulate(seed, make_store=empty_store)
    assert report.is_clean, str(report)
    assert report.ledger
