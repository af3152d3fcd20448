"""A workflow of fifty steps outlives three nodes that are killed with it; a hundred are in the soak (C-23, C-28)."""

from __future__ import annotations

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


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
@pytest.mark.limit(400)
def test_a_run_goes_on_after_the_last_finished_step_wherever_its_node_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    workflow = published()
    plan_deaths(tmp_path, Random(20261121), 3)
    with fleet(database_url, tmp_path, 4) as nodes:
        run_id, kept = execute(workflow, nodes, 3)
    assert_it_survived(tmp_path, run_id, kept)
