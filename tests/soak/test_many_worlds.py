"""The simulation of `make test`, twenty thousand times."""

from __future__ import annotations

import os
import sys

import pytest
from django.db import connection

from clockwright.testing.simulation import simulate
from clockwright.testing.simulation.many import simulate_many
from tests.support.worlds import empty_store

SEEDS = int(os.environ.get("CLOCKWRIGHT_SOAK_SEEDS", "20000"))


@pytest.mark.slow
@pytest.mark.limit(7200)
@pytest.mark.django_db(transaction=True)
def test_in_hundreds_of_worlds_the_database_keeps_every_promise():
    for seed in range(SEEDS // 50):
        report = simulate(seed, make_store=empty_store)
        assert report.is_clean, str(report)


@pytest.mark.slow
@pytest.mark.limit(7200)
def test_in_tens_of_thousands_of_worlds_every_promise_holds(capsys):
    """Other worlds beside the other database, which none of them uses."""
    first = SEEDS if connection.vendor == "postgresql" else 0
    summary = simulate_many(range(first, first + SEEDS))
    with capsys.disabled():
        sys.stdout.write(f"\n{summary}\n")
    assert summary.is_clean, "\n\n".join(map(str, summary.failed))
    assert summary.seeds == SEEDS
