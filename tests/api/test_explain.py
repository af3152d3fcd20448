"""Why a rule fires at an instant, or does not, over HTTP."""

from __future__ import annotations

import pytest


@pytest.fixture
def explain(viewer):
    def ask(**sent):
        response = viewer.post("/explain", sent)
        return response.status_code, response.json()

    return ask


def test_an_instant_is_explained_field_by_field(explain):
    status, answer = explain(cron="30 2 * * *", tz="Europe/Berlin", at="2027-03-28T01:00:00Z")
    assert status == 200
    assert answer["fires"] is True
    assert answer["showing"] == "gap_end"
    assert answer["wall_time"] == "2027-03-28T03:00:00+02:00"
    by_field = {finding["field"]: finding for finding in answer["findings"]}
    assert by_field["hour"]["admits"] is True
    assert "02:30:00, which it never shows, runs here" in by_field["clock"]["reason"]
    assert answer["description"] == "At 02:30, every day, in the zone Europe/Berlin."
    assert answer["text"].startswith("2027-03-28T01:00:00Z is a fire time")


def test_a_time_without_an_offset_is_read_in_the_zone(explain):
    _, answer = explain(cron="0 9 * * MON", tz="Europe/Berlin", at="2027-06-08T09:00")
    assert answer["fires"] is False
    assert answer["instant"] == "2027-06-08T07:00:00Z"
    assert [f["field"] for f in answer["findings"] if f["decides"] and not f["admits"]] == [
        "day-rule"
    ]
    assert answer["previous"] == "2027-06-07T07:00:00Z"
    assert answer["following"] == "2027-06-14T07:00:00Z"


def test_the_bounds_of_a_schedule_count(explain):
    config = {
        "schedule_type": "cron",
        "cron_expression": "0 9 * * *",
        "start_at": "2027-06-10T00:00:00Z",
        "end_at": "2027-06-20T00:00:00Z",
    }
    _, early = explain(schedule_config=config, at="2027-06-08T09:00:00Z")
    assert early["fires"] is False
    assert early["previous"] is None
    assert early["following"] == "2027-06-10T09:00:00Z"
    rejected = [f["field"] for f in early["findings"] if f["decides"] and not f["admits"]]
    assert rejected == ["start_at"]
    _, late = explain(schedule_config=config, at="2027-06-20T09:00:00Z")
    assert (late["previous"], late["following"]) == ("2027-06-19T09:00:00Z", None)
    _, within = explain(schedule_config=config, at="2027-06-15T09:00:00Z")
    assert within["fires"] is True


@pytest.mark.parametrize(
    ("sent", "pointer"),
    [
        ({"cron": "0 9 * * *", "at": "soon"}, "/at"),
        ({"cron": "0 9 * * *", "at": "0001-01-01T00:00:00Z"}, "/at"),
        ({"cron": "0 25 * * *", "at": "2027-01-01T00:00:00Z"}, "/cron"),
        ({"cron": "0 9 * * *", "tz": "Mars", "at": "2027-01-01T00:00:00Z"}, "/tz"),
        ({"cron": "0 9 * * *"}, "/at"),
        ({"at": "2027-01-01T00:00:00Z"}, ""),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(explain, sent, pointer):
    status, answer = explain(**sent)
    assert status == 400
    assert answer["errors"][0]["pointer"] == pointer


def test_a_seed_and_a_dialect_are_read_as_in_a_preview(explain):
    at = "2026-01-01T00:00:30Z"
    status, answer = explain(cron="*/30 * * * * *", dialect="seconds", at=at)
    assert (status, answer["fires"]) == (200, True)
    fires = [explain(cron="H 3 * * *", seed=seed, at="2026-01-01T03:00Z") for seed in ("a", "b")]
    minutes = {answer["following"][14:16] for _, answer in fires}
    assert len(minutes) == 2
