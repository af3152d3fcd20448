"""The first page: health, what is due next, what ran; each reader sees their own community only (S4-94)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from clockwright.access.callers import system_caller
from clockwright.engine.clock import utc_now
from clockwright.engine.model import Node, Outcome, Policy, RunState, Schedule
from clockwright.engine.registry import workflow_id_of
from clockwright.recurrence import Cron, Interval
from clockwright.schedules import backfills, stores
from clockwright.schedules.models import Schedule as ScheduleRow
from clockwright.schedules.store import SqlStore

pytestmark = pytest.mark.django_db

Make = Callable[..., Schedule]


def page(client: Client, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def run_what_is_due(error: str | None = None) -> None:
    """Settle, claim and record, as an engine would."""
    store = SqlStore()
    store.register_node(
        Node(node_id="host:1:abc", host="host", pid=1, capacity=5), timedelta(hours=1)
    )
    ScheduleRow.objects.update(
        next_execution_at=store.now() - timedelta(seconds=5),
        settled_until=store.now() - timedelta(seconds=10),
    )
    store.settle_due(100)
    claims = store.claim_runs("host:1:abc", 100).claims
    state = RunState.FAILED if error else RunState.SUCCEEDED
    store.record_outcomes(
        [
            Outcome(
                run_id=claim.run_id,
                attempt=claim.attempt,
                node_id="host:1:abc",
                state=state,
                reason=None,
                started_at=claim.claimed_at,
                finished_at=claim.claimed_at + timedelta(milliseconds=40),
                error=error,
            )
            for claim in claims
        ]
    )


def test_a_schedule_is_shown_in_its_own_zone_in_utc_and_relative_to_now(
    operator: Client, make_schedule: Make
) -> None:
    made = make_schedule("reports.daily", Cron("0 5 * * *", "Australia/Sydney"))
    shown = page(operator)
    assert made.next_execution_at is not None
    assert "reports.daily" in shown
    assert "samples.echo" in shown
    assert re.search(r"05:00:00 AE[SD]T</time>", shown)
    assert f'datetime="{made.next_execution_at.isoformat()}"' in shown
    assert re.search(r"in \d+ (h|min)", shown)


def test_runs_are_shown_with_their_status_in_words_and_their_facts(
    operator: Client, make_schedule: Make
) -> None:
    make_schedule("pulse", Interval(seconds=5, tz="UTC", anchor=utc_now() - timedelta(seconds=7)))
    run_what_is_due()
    shown = page(operator)
    assert "succeeded" in shown
    assert "40 ms" in shown
    assert "host:1:abc" in shown


def test_a_failed_run_shows_why_and_nothing_in_it_becomes_markup(
    operator: Client, make_schedule: Make
) -> None:
    anchor = utc_now() - timedelta(seconds=7)
    make_schedule(
        "<b>bold</b>", Interval(seconds=5, tz="UTC", anchor=anchor), policy=Policy(max_retries=0)
    )
    run_what_is_due(error="ValueError: <script>alert(1)</script>\nsecond line")
    shown = page(operator)
    assert "failed" in shown
    assert "ValueError: &lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert "<b>bold" not in shown
    assert "1 ended badly" in shown


def test_a_backfill_is_shown_with_how_far_it_is(
    operator: Client, foreigner: Client, make_schedule: Make
) -> None:
    assert "Backfills" not in page(operator)
    made = make_schedule("reports.hourly", Cron("0 * * * *", "UTC"))
    day = {"from": "2026-03-01T00:00:00Z", "to": "2026-03-01T23:00:00Z", "overlap": "skip"}
    asked = backfills.start_backfill(system_caller(), made.schedule_id, day)
    for path in ("/", "/live"):
        shown = page(operator, path)
        assert "0 of 24" in shown
        assert "nothing yet" in shown
    stores.backfills().advance(asked.backfill_id, "n1")
    shown = page(operator)
    assert '<progress max="24" value="23"' in shown
    assert "1 waiting, 23 skipped" in shown
    assert "2026-03-01 23:00:00" in shown
    backfills.cancel_backfill(system_caller(), made.schedule_id, asked.backfill_id)
    shown = page(operator)
    assert "24 of 24" in shown
    assert "requested" in shown
    assert "Backfills" not in page(foreigner)


def test_a_dead_engine_is_said_in_words(operator: Client) -> None:
    assert "No node alive" in page(operator)


def test_a_living_node_is_counted(operator: Client) -> None:
    SqlStore().register_node(
        Node(node_id="host:2:def", host="host", pid=2, capacity=5), timedelta(hours=1)
    )
    assert "1 node alive" in page(operator)


def test_a_schedule_nobody_looks_at_is_overdue(operator: Client, make_schedule: Make) -> None:
    make_schedule("late")
    now = utc_now()
    ScheduleRow.objects.update(
        next_execution_at=now - timedelta(minutes=5), settled_until=now - timedelta(minutes=6)
    )
    assert "1 overdue" in page(operator)


def test_an_empty_installation_says_what_to_do(operator: Client) -> None:
    shown = page(operator)
    assert "Add one with the form" in shown
    assert "Nothing has run yet" in shown


def test_another_community_sees_nothing_of_it(foreigner: Client, make_schedule: Make) -> None:
    make_schedule("secret", Interval(seconds=5, tz="UTC", anchor=utc_now() - timedelta(seconds=7)))
    run_what_is_due()
    for path in ("/", "/live"):
        assert "secret" not in page(foreigner, path)


def test_a_viewer_looks_and_previews_but_is_offered_no_adding(
    viewer: Client, make_schedule: Make
) -> None:
    make_schedule("reports.daily")
    shown = page(viewer)
    assert "reports.daily" in shown
    assert "Add schedule" not in shown
    assert "takes the role operator; yours is viewer" in shown


@pytest.mark.parametrize("path", ["/", "/live"])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    operator: Client,
    make_schedule: Make,
    django_assert_max_num_queries: Callable[[int], object],
    path: str,
) -> None:
    for number in range(6):
        make_schedule(
            f"s{number}", Interval(seconds=5, tz="UTC", anchor=utc_now() - timedelta(seconds=7))
        )
    run_what_is_due()
    with django_assert_max_num_queries(9):  # type: ignore[attr-defined]
        page(operator, path)


def test_tables_are_limited_and_say_so(operator: Client, make_schedule: Make) -> None:
    for number in range(12):
        make_schedule(f"s{number}")
    shown = page(operator)
    assert "The 8 schedules that fire next, of 12 active." in shown


def test_the_part_that_refreshes_itself_is_a_fragment(operator: Client) -> None:
    shown = page(operator, "/live")
    assert "<html" not in shown
    assert "Latest runs" in shown


def test_updates_can_be_paused_and_resumed_by_plain_links(operator: Client) -> None:
    assert 'hx-trigger="every 2s"' in page(operator)
    paused = page(operator, "/?updates=paused")
    assert "hx-get" not in paused
    assert "Resume updates" in paused


def test_a_schedule_of_an_unknown_function_is_still_shown(
    operator: Client, make_schedule: Make
) -> None:
    make_schedule("orphan", workflow_id=workflow_id_of("gone.function"))
    assert "unknown workflow" in page(operator)


def test_the_page_has_what_assistive_technology_needs(
    operator: Client, make_schedule: Make
) -> None:
    make_schedule("reports.daily")
    shown = page(operator)
    assert '<html lang="en">' in shown
    assert 'class="skip" href="#content"' in shown
    assert shown.count("<h1") == 1
    assert "<caption>" in shown
    assert 'scope="col"' in shown
    assert 'scope="row"' in shown


def test_the_page_runs_no_inline_script_and_loads_nothing_from_elsewhere(operator: Client) -> None:
    answer = operator.get("/")
    shown = answer.content.decode()
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=\"/static/)", shown) == []
    assert re.findall(r"\son\w+=|style=", shown) == []
    assert re.findall(r"(?:src|href)=\"https?:", shown) == []


def test_the_page_is_for_looking_only(operator: Client) -> None:
    assert operator.post("/").status_code == 405
    assert operator.post("/live").status_code == 405
