"""Adding a schedule with the form: operators only, errors next to their fields, one schedule made or none."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from clockwright.audit.models import AuditEntry
from clockwright.schedules.models import Schedule

pytestmark = pytest.mark.django_db

FORM = {
    "cron": "0 5 * * mon-fri",
    "tz": "Australia/Sydney",
    "function": "samples.echo",
    "key": "reports.daily",
    "context": '{"name": "Ada"}',
}


def error_of(page: str, field: str) -> str:
    found = re.search(rf'id="id_{field}-error"[^>]*>([^<]*)<', page)
    assert found
    return found[1]


def test_a_good_form_makes_the_schedule_and_leads_back_with_a_word_about_it(
    operator: Client,
) -> None:
    answer = operator.post("/schedules", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    row = Schedule.objects.get()
    assert (row.key, row.cron_expression, row.timezone) == (
        "reports.daily",
        "0 5 * * mon-fri",
        "Australia/Sydney",
    )
    assert (row.context_data, row.community_id) == ({"name": "Ada"}, "default")
    page = operator.get("/").content.decode()
    assert re.search(r"Added reports\.daily: it fires next .* 05:00:00 AE[SD]T\.", page)
    assert "Added" not in operator.get("/").content.decode()


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("every weekday at 9", "cron"),
        ("every 3 days at 6", "rule"),
        ("once on 2199-01-01 at 9", "one_time"),
    ],
)
def test_a_sentence_makes_a_schedule_too(operator: Client, sentence: str, kind: str) -> None:
    assert operator.post("/schedules", {**FORM, "cron": sentence}).status_code == 303
    row = Schedule.objects.get()
    assert (row.schedule_type, row.timezone) == (kind, "Australia/Sydney")


def test_key_and_context_may_be_left_out(operator: Client) -> None:
    assert (
        operator.post("/schedules", {**FORM, "key": "", "context": "", "tz": ""}).status_code == 303
    )
    row = Schedule.objects.get()
    assert (row.key, row.context_data, row.timezone) == (None, {}, "UTC")


def test_it_is_made_in_the_callers_community_whatever_the_form_says(
    foreigner: Client, operator: Client
) -> None:
    """C-19: the community comes from the token alone."""
    foreigner.post("/schedules", {**FORM, "community": "default", "community_id": "default"})
    assert Schedule.objects.get().community_id == "elsewhere"
    assert "reports.daily" not in operator.get("/").content.decode()


def test_it_is_in_the_audit_trail_under_the_tokens_name(operator: Client) -> None:
    operator.post("/schedules", FORM)
    assert AuditEntry.objects.get(action="schedule_create").actor == "operator of default"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"cron": "61 5 * * *"}, "cron", ["minute", "61"]),
        ({"cron": "0 0 30 2 *"}, "cron", ["never"]),
        ({"cron": "every mondey at 9"}, "cron", ["column 7", "monday"]),
        ({"cron": "once on 2020-01-01 at 9"}, "cron", ["future"]),
        ({"tz": "Mars/Base"}, "tz", ["Mars/Base"]),
        ({"function": "os.system"}, "function", ["os.system"]),
        ({"context": "{"}, "context", ["JSON"]),
        ({"context": "[1]"}, "context", ["JSON object"]),
        ({"function": "samples.sleep", "context": '{"hours": 1}'}, "context", ["hours"]),
        ({"key": "k" * 300}, "key", ["255"]),
    ],
)
def test_a_mistake_stands_next_to_its_field_and_nothing_is_made(
    operator: Client, change: dict[str, str], field: str, words: list[str]
) -> None:
    answer = operator.post("/schedules", {**FORM, **change})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert all(word in error_of(page, field) for word in words), error_of(page, field)
    assert re.search(rf'<\w+[^>]*name="{field}"[^>]*aria-invalid="true"', page)
    assert not Schedule.objects.exists()


def test_what_was_typed_is_kept_beside_the_mistake(operator: Client) -> None:
    page = operator.post("/schedules", {**FORM, "cron": "61 5 * * *"}).content.decode()
    assert 'value="61 5 * * *"' in page
    assert 'value="reports.daily"' in page
    assert "&quot;Ada&quot;" in page


def test_a_key_that_is_taken_is_a_conflict_told_at_the_key(operator: Client) -> None:
    operator.post("/schedules", FORM)
    answer = operator.post("/schedules", FORM)
    assert answer.status_code == 409
    assert "taken" in error_of(answer.content.decode(), "key")
    assert Schedule.objects.count() == 1


def test_a_viewer_is_refused_in_words_and_makes_nothing(viewer: Client) -> None:
    answer = viewer.post("/schedules", FORM)
    assert answer.status_code == 403
    assert "takes the role operator" in answer.content.decode()
    assert not Schedule.objects.exists()


def test_without_a_csrf_token_nothing_is_made(operator: Client) -> None:
    operator.handler.enforce_csrf_checks = True
    assert operator.post("/schedules", FORM).status_code == 403
    assert not Schedule.objects.exists()


def test_the_address_of_the_form_leads_back_to_the_page(operator: Client) -> None:
    answer = operator.get("/schedules")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "context",
    [
        "[" * 5_000,
        '{"a": ' + "9" * 5_000 + "}",
        '{"a": "\\ud800"}',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "' + "x" * 30_000 + '"}',
    ],
    ids=["deep", "endless number", "half a character", "a name twice", "no number", "long"],
)
def test_hostile_context_is_refused_next_to_its_field(operator: Client, context: str) -> None:
    answer = operator.post("/schedules", {**FORM, "context": context})
    assert answer.status_code == 400
    assert not Schedule.objects.exists()
    assert "id_context-error" in answer.content.decode()
