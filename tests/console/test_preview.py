"""Previewing a cron line: a fragment for htmx, the whole page for everybody else (S1-22…25)."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from clockwright.schedules.models import Schedule

pytestmark = pytest.mark.django_db

GOOD = {"cron": "0 5 * * mon-fri", "tz": "Australia/Sydney"}
HTMX = {"HX-Request": "true"}


def test_a_valid_line_is_answered_with_words_and_the_next_fire_times(operator: Client) -> None:
    answer = operator.post("/preview", GOOD)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" in shown
    assert len(re.findall(r"05:00:00 AE[SD]T</time>", shown)) == 5
    assert 'value="0 5 * * mon-fri"' in shown


def test_a_sentence_is_answered_as_a_line_is(viewer: Client) -> None:
    shown = viewer.post("/preview", {**GOOD, "cron": "every weekday at 5"}).content.decode()
    assert len(re.findall(r"05:00:00 AE[SD]T</time>", shown)) == 5


def test_htmx_gets_the_fragment_alone(viewer: Client) -> None:
    answer = viewer.post("/preview", GOOD, headers=HTMX)
    shown = answer.content.decode()
    assert answer.status_code == 200
    assert "<html" not in shown
    assert len(re.findall(r"05:00:00 AE[SD]T</time>", shown)) == 5
    assert "HX-Request" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("cron", "tz", "field", "words"),
    [
        ("61 * * * *", "UTC", "cron", ["minute", "61"]),
        ("*/5 * * * * *", "UTC", "cron", ["seconds"]),
        ("", "UTC", "cron", ["empty", "0 5 * * mon-fri"]),
        ("0 0 30 2 *", "UTC", "cron", ["never"]),
        ("0 5 * * *", "Mars/Olympus", "tz", ["Mars/Olympus"]),
        ("every day at 25", "UTC", "cron", ["25", "from 0 to 23"]),
        ("every day at 9", "Mars/Olympus", "tz", ["Mars/Olympus"]),
        ("x" * 300, "UTC", "cron", ["255"]),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_a_mistake_is_shown_next_to_its_field_with_a_hint(
    operator: Client, cron: str, tz: str, field: str, words: list[str], headers: dict[str, str]
) -> None:
    """C-03, C-07, C-63."""
    answer = operator.post("/preview", {"cron": cron, "tz": tz}, headers=headers)
    assert answer.status_code == 200
    found = re.search(rf'id="id_{field}-error"[^>]*>([^<]*)<', answer.content.decode())
    assert found
    assert all(word in found[1] for word in words), found[1]


def test_a_line_put_right_clears_the_message_of_the_one_before(operator: Client) -> None:
    shown = operator.post("/preview", GOOD, headers=HTMX).content.decode()
    assert re.search(r'id="id_cron-error" hx-swap-oob="true"></p>', shown)


def test_the_full_page_marks_the_field_and_points_at_its_message(operator: Client) -> None:
    shown = operator.post("/preview", {"cron": "61 * * * *", "tz": "UTC"}).content.decode()
    field = re.search(r'<input[^>]*name="cron"[^>]*>', shown)
    assert field
    assert 'aria-invalid="true"' in field[0]
    assert 'aria-describedby="id_cron-error id_cron-help"' in field[0]


def test_an_empty_zone_is_utc(viewer: Client) -> None:
    """S1-28."""
    assert "05:00:00 UTC</time>" in viewer.post("/preview", {"cron": "0 5 * * *"}).content.decode()


def test_a_preview_keeps_what_else_was_typed_and_complains_about_none_of_it(
    operator: Client,
) -> None:
    typed = {**GOOD, "function": "samples.sleep", "key": "mine", "context": "{not json"}
    shown = operator.post("/preview", typed).content.decode()
    assert 'value="mine"' in shown
    assert "{not json" in shown
    assert "This is not JSON" not in shown


def test_what_was_typed_never_becomes_markup(viewer: Client) -> None:
    shown = viewer.post(
        "/preview", {"cron": "<script>alert(1)</script>", "tz": "<b>"}
    ).content.decode()
    assert "<script>alert" not in shown
    assert "<b>" not in shown


def test_a_preview_saves_nothing(operator: Client) -> None:
    operator.post("/preview", {**GOOD, "function": "samples.echo"})
    assert not Schedule.objects.exists()


def test_the_address_of_a_preview_leads_back_to_the_page(viewer: Client) -> None:
    answer = viewer.get("/preview")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
