"""The proof of `make test` about killed nodes, at a hundred places."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest

from tests.support.stepping.deaths import (
    assert_it_survived,
    execute,
    fleet,
    plan_deaths,
    published,
)

ROUNDS = int(os.environ.get("CLOCKWRIGHT_SOAK_DEATHS", "102")) // 3
"""A run outlives three deaths of its nodes, and no fourth."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.limit(7200)
def test_runs_go_on_wherever_their_nodes_are_killed(database_url: str, tmp_path: Path) -> None:
    workflow, random = published(), Random(5)
    with fleet(database_url, tmp_path, 1) as nodes:
        for _ in range(ROUNDS):
            nodes.start(3)
            plan_deaths(tmp_path, random, 3)
            run_id, kept = execute(workflow, nodes, 3)
            assert_it_survived(tmp_path, run_id, kept)
