"""`GET /forecast`: the load to come, of the caller's community alone."""

from __future__ import annotations

import pytest

from tests.api.conftest import body, pointers

QUARTERS = {"schedule_type": "cron", "cron_expression": "*/15 * * * *"}


def test_the_forecast_counts_per_slot_and_names_the_peak(operator, viewer):
    for _ in range(3):
        assert operator.post("/schedules", body(QUARTERS)).status_code == 201
    found = viewer.get("/forecast", hours=1, step_seconds=900).json()
    assert found["counts"] == [3, 3, 3, 3]
    assert (found["total"], found["peak"], found["step_seconds"]) == (12, 3, 900)
    assert found["peak_at"] == found["start"]


def test_another_community_sees_its_own_load_only(operator, foreigner):
    operator.post("/schedules", body(QUARTERS))
    found = foreigner.get("/forecast", hours=1).json()
    assert (len(found["counts"]), found["total"], found["peak_at"]) == (60, 0, None)


@pytest.mark.parametrize(
    "query", [{"hours": 0}, {"hours": 169}, {"hours": "x"}, {"step_seconds": 59}]
)
def test_a_length_out_of_range_is_refused(viewer, query):
    assert pointers(viewer.get("/forecast", **query))
