"""The preview over HTTP (S1-22…36, R4, R23, C-62…64, C-78)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from clockwright.engine.clock import utc_now
from tests.api.conftest import CRON


@pytest.fixture
def preview(viewer):
    def ask(**sent):
        response = viewer.post("/preview", sent)
        return response.status_code, response.json()

    return ask


@pytest.mark.parametrize("name", ["cron", "expression"])
def test_a_cron_line_gives_its_next_dates_in_its_zone(preview, name):
    status, answer = preview(**{name: "0 5 * * *"}, tz="Australia/Sydney", count=3,
                             after="2026-04-03T00:00:00Z")  # fmt: skip
    assert status == 200
    assert answer["ok"] is True
    assert answer["dates"] == [
        "2026-04-04T05:00:00+11:00",
        "2026-04-05T05:00:00+10:00",
        "2026-04-06T05:00:00+10:00",
    ]
    assert answer["fire_times"][0]["utc"] == "2026-04-03T18:00:00+00:00"
    assert answer["timezone"] == "Australia/Sydney"
    assert answer["description"]


def test_it_starts_now_and_gives_20_unless_told_otherwise(preview):
    """S1-29, S1-34, S1-35."""
    before = utc_now()
    _, answer = preview(cron="* * * * *")
    dates = [datetime.fromisoformat(text) for text in answer["dates"]]
    assert len(dates) == 20
    assert dates == sorted(set(dates))
    assert before < dates[0] < before + timedelta(minutes=2)


@pytest.mark.parametrize(("count", "expected"), [(0, 1), (-5, 1), (1, 1), (100, 100), (10**9, 100)])
def test_the_count_is_clamped(preview, count, expected):
    """S1-36."""
    assert len(preview(cron="* * * * *", count=count)[1]["dates"]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "* * * *",
        "*/5 * * * * *",
        "61 * * * *",
        "0 0 30 2 *",
        "R R * * *",
        "\u0663 * * * *",
    ],
)
def test_a_bad_line_is_refused_with_the_documented_sentence_and_its_reason(preview, text):
    """S1-31, S1-33, C-63, C-64."""
    status, answer = preview(cron=text)
    assert status == 400
    assert (answer["ok"], answer["error"]) == (False, "Invalid cron expression")
    assert answer["errors"][0]["pointer"] == "/cron"
    assert answer["errors"][0]["message"]


def test_words_are_answered_with_the_sentence_as_understood_and_the_rule_to_store(preview):
    status, answer = preview(words="every weekday at 9 am", tz="Europe/Berlin", count=2,
                             after="2026-03-27T12:00:00Z")  # fmt: skip
    assert status == 200
    assert answer["dates"] == ["2026-03-30T09:00:00+02:00", "2026-03-31T09:00:00+02:00"]
    assert answer["words"] == "every weekday at 09:00"
    stored = {"schedule_type": "rule", "recurrence": answer["rule"]}
    again = preview(schedule_config=stored, count=2, after="2026-03-27T12:00:00Z")[1]
    assert again["dates"] == answer["dates"]
    assert (again["words"], again["rule"]) == (None, None)


def test_c_51_what_words_count_is_counted_from_the_instant_asked_for(preview):
    _, answer = preview(
        words="every 2 weeks on Tuesday at 10", after="2026-01-01T00:00:00Z", count=2
    )
    assert [text[:10] for text in answer["dates"]] == ["2026-01-06", "2026-01-20"]
    assert answer["rule"]["anchor"] == "2026-01-06"


@pytest.mark.parametrize("text", ["", "every mondey at 9", "tomorrow", "0 5 * * *", "x" * 300])
def test_words_that_are_not_understood_are_refused_at_their_key(preview, text):
    status, answer = preview(words=text)
    assert status == 400
    assert (answer["ok"], answer["error"]) == (False, "Invalid sentence")
    assert answer["errors"][0]["pointer"] == "/words"


@pytest.mark.parametrize("tz", ["Mars/Olympus", "", "../../etc/passwd", "x" * 10_000, "utc\n"])
def test_an_unknown_zone_is_refused(preview, tz):
    """R4, C-62."""
    status, answer = preview(cron="0 5 * * *", tz=tz)
    assert status == 400
    assert answer["ok"] is False
    assert answer["errors"][0]["pointer"] == "/tz"


@pytest.mark.parametrize(
    "sent", [{}, {"cron": "* * * * *", "expression": "* * * * *"}, {"tz": "UTC"}, {"cron": None}]
)
def test_exactly_one_rule_is_looked_at(preview, sent):
    status, answer = preview(**sent)
    assert status == 400
    assert answer["ok"] is False


@pytest.mark.parametrize("count", ["5", 1.5, None, True, []])
def test_a_count_that_is_no_whole_number_is_refused(preview, count):
    """C-62: 400, never 500."""
    status, answer = preview(cron="* * * * *", count=count)
    assert status == 400
    assert answer["ok"] is False
    assert answer["error"]


def test_a_time_without_an_offset_is_read_in_the_rules_zone(preview):
    _, answer = preview(
        cron="0 0 * * *", tz="America/New_York", count=1, after="2026-07-01T12:00:00"
    )
    assert answer["dates"] == ["2026-07-02T00:00:00-04:00"]
    status, answer = preview(cron="0 0 * * *", after="tomorrow")
    assert status == 400
    assert answer["errors"][0]["pointer"] == "/after"


def test_a_whole_configuration_can_be_looked_at(preview):
    config = {**CRON, "start_at": "2030-01-01T05:00:00", "end_at": "2030-01-03T05:00:00"}
    _, answer = preview(schedule_config=config)
    assert answer["dates"] == [f"2030-01-0{day}T05:00:00+11:00" for day in (1, 2, 3)]
    _, answer = preview(schedule_config={**CRON, "max_executions": 2})
    assert len(answer["dates"]) == 2


def test_a_wrong_configuration_is_refused_field_by_field(preview):
    status, answer = preview(schedule_config={"schedule_type": "interval", "interval_seconds": "1"})
    assert status == 400
    assert answer["ok"] is False
    assert answer["errors"][0]["pointer"] == "/schedule_config/interval_seconds"


def test_every_is_an_expression_but_no_cron_line(preview):
    assert preview(expression="@every 90s")[0] == 200
    assert preview(cron="@every 90s")[0] == 400


def test_clock_changes_are_seen_before_they_happen(preview):
    """02:30 does not exist on that day in New York."""
    _, answer = preview(
        cron="30 2 * * *", tz="America/New_York", count=2, after="2026-03-07T12:00:00Z"
    )
    assert len(answer["dates"]) == 2
    assert answer["dates"][0].startswith("2026-03-08T")
    assert not answer["dates"][0].startswith("2026-03-08T02:30")


def test_clock_changes_are_told_when_asked_for(preview):
    asked = {"cron": "30 2 * * *", "tz": "Europe/Berlin", "after": "2026-01-01T00:00:00Z"}
    assert preview(**asked)[1]["clock_changes"] is None
    status, answer = preview(**asked, clock_changes=2)
    assert status == 200
    spring, autumn = answer["clock_changes"]
    assert spring["description"].endswith("the run of 02:30 happens at 03:00 instead.")
    assert (spring["at"], spring["kind"]) == ("2026-03-29T01:00:00+00:00", "gap")
    assert spring["walls"] == [
        {
            "wall": "2026-03-29T02:30:00",
            "outcome": "at_gap_end",
            "instants": ["2026-03-29T01:00:00+00:00"],
        }
    ]
    assert (autumn["kind"], autumn["fold"], autumn["is_affected"]) == ("fold", "first", True)


@pytest.mark.parametrize(("number", "told"), [(-1, None), (0, None), (1, 1), (10**9, 20)])
def test_the_number_of_clock_changes_is_clamped(preview, number, told):
    _, answer = preview(cron="30 2 * * *", tz="Europe/Berlin", clock_changes=number)
    assert (answer["clock_changes"] and len(answer["clock_changes"])) == told


def test_no_clock_change_is_told_after_the_end_of_the_schedule(preview):
    config = {
        "schedule_type": "cron",
        "cron_expression": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "end_at": "2126-06-01T00:00:00Z",
    }
    _, answer = preview(schedule_config=config, after="2126-01-01T00:00:00Z", clock_changes=5)
    assert [change["kind"] for change in answer["clock_changes"]] == ["gap"]


@pytest.mark.parametrize("number", ["two", 1.5, None, True])
def test_a_number_of_clock_changes_that_is_no_whole_number_is_refused(preview, number):
    assert preview(cron="* * * * *", clock_changes=number)[0] == 400


def test_a_cron_line_may_have_a_seed_and_a_dialect(preview):
    after = "2026-01-01T00:00:00Z"
    status, answer = preview(cron="H 3 * * *", seed="reports", count=1, after=after)
    assert status == 200
    config = {"schedule_type": "cron", "cron_expression": "H 3 * * *", "seed": "reports"}
    assert preview(schedule_config=config, count=1, after=after)[1]["dates"] == answer["dates"]
    _, answer = preview(cron="*/30 * * * * *", dialect="seconds", count=2, after=after)
    assert answer["dates"] == ["2026-01-01T00:00:30+00:00", "2026-01-01T00:01:00+00:00"]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"cron": "H 3 * * *", "seed": ""}, "seed must be text"),
        ({"cron": "H 3 * * *"}, "seed"),
        ({"expression": "@daily", "seed": "x"}, "seed: goes with cron, not with expression"),
        ({"words": "every day at 9", "dialect": "ocps"}, "dialect: goes with cron"),
        ({"schedule_config": {}, "seed": "x"}, "seed: goes with cron"),
        ({"cron": "0 5 * * *", "dialect": "quartz"}, "dialect"),
    ],
)
def test_a_seed_or_a_dialect_that_is_not_of_use_is_refused(preview, sent, told):
    status, answer = preview(**sent)
    assert status == 400
    assert told in str(answer)
