"""The console as people meet it: with a mouse, with a keyboard, without JavaScript, in the dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import PASSWORD, Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

    Visit = Callable[..., Page]


def test_a_cron_line_is_previewed_while_it_is_typed(visit: Visit, site: Site) -> None:
    page = visit(site.operator)
    page.get_by_label("Time zone").fill("Australia/Sydney")
    page.get_by_label("Cron line", exact=True).press_sequentially("0 5 * * mon-fri")
    page.locator("#preview li time").nth(4).wait_for()
    assert re.search(r"05:00:00 AE[SD]T", page.locator("#preview").inner_text())
    assert page.url == site.url


def test_a_mistake_shows_while_typing_next_to_the_field_and_the_typing_is_not_disturbed(
    visit: Visit, site: Site
) -> None:
    page = visit(site.operator)
    field = page.get_by_label("Cron line", exact=True)
    field.fill("61 * * * *")
    page.locator("#id_cron-error", has_text="61").wait_for()
    assert "minute" in page.locator("#id_cron-error").inner_text()
    assert field.evaluate("field => field === document.activeElement")
    field.fill("6 * * * *")
    page.locator("#preview li time").nth(4).wait_for()
    assert page.locator("#id_cron-error").inner_text() == ""


def test_runs_appear_by_themselves_until_updates_are_paused(visit: Visit, site: Site) -> None:
    page = visit(site.operator)
    stamp = page.locator(".sheet-head time")
    first = stamp.inner_text()
    page.wait_for_function(
        "was => document.querySelector('.sheet-head time').innerText !== was", arg=first
    )
    page.locator("#runs-scroll").get_by_text("succeeded").first.wait_for()
    page.get_by_role("link", name="Pause updates").click()
    page.get_by_role("link", name="Resume updates").wait_for()
    assert page.locator("[hx-get]").count() == 0


def test_the_page_keeps_the_focus_when_the_tables_refresh(visit: Visit, site: Site) -> None:
    page = visit(site.operator)
    page.locator("#runs-scroll").focus()
    stamp = page.locator(".sheet-head time").inner_text()
    page.wait_for_function(
        "was => document.querySelector('.sheet-head time').innerText !== was", arg=stamp
    )
    assert page.evaluate("document.activeElement.id") == "runs-scroll"


@pytest.mark.parametrize("javascript", [True, False], ids=["with", "without"])
def test_a_schedule_is_added_with_javascript_and_without(
    visit: Visit, site: Site, javascript: bool
) -> None:
    page = visit(site.operator, javascript=javascript)
    key = f"added.{'with' if javascript else 'without'}"
    page.get_by_label("Cron line", exact=True).fill("30 9 * * *")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Key").fill(key)
    page.get_by_label("Context").fill('{"name": "Ada"}')
    page.get_by_role("button", name="Add schedule").click()
    page.get_by_role("status").get_by_text(f"Added {key}").wait_for()
    assert page.url == site.url
    assert page.locator("#due-scroll").get_by_text(key).count() == 1


def test_without_javascript_a_preview_is_a_page(visit: Visit, site: Site) -> None:
    page = visit(site.viewer, javascript=False)
    page.get_by_label("Cron line", exact=True).fill("0 5 * * *")
    page.get_by_role("button", name="Preview").click()
    assert page.locator("#preview li time").count() == 5
    assert page.get_by_role("link", name="Reload to see the latest").count() == 1
    assert not page.get_by_role("link", name="Pause updates").is_visible()


def test_everything_can_be_done_with_the_keyboard_alone(visit: Visit, site: Site) -> None:
    page = visit(site.operator)

    def focused() -> str:
        return str(
            page.evaluate(
                "(document.activeElement.innerText || document.activeElement.name || '').trim()"
            )
        )

    page.keyboard.press("Tab")
    assert focused() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for _ in range(20):
        page.keyboard.press("Tab")
        if focused() == "cron":
            break
    page.keyboard.type("15 6 * * *")
    page.locator("#preview li time").nth(4).wait_for()
    for _ in range(10):
        page.keyboard.press("Tab")
        if focused() == "key":
            page.keyboard.type("by.keyboard")
        if focused() == "Add schedule":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Added by.keyboard").wait_for()


def test_a_session_that_ended_moves_the_page_to_the_sign_in(visit: Visit, site: Site) -> None:
    page = visit(site.viewer)
    page.context.clear_cookies()
    page.get_by_label("API token", exact=True).wait_for()
    assert page.url.endswith("/sign-in")


def test_a_member_signs_in_by_name_and_acts_in_another_community(visit: Visit, site: Site) -> None:
    page = visit("")
    page.get_by_label("Name", exact=True).fill("mira")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in with password").click()
    page.get_by_role("link", name="default", exact=True).click()
    broken = {"community": Axe().run(page)}
    page.get_by_role("button", name="Act in night-shift as operator").click()
    page.get_by_role("link", name="night-shift", exact=True).click()
    page.get_by_role("link", name="Change your password").click()
    page.get_by_role("button", name="Change password").click()
    page.locator("[aria-invalid=true]").first.wait_for()
    broken["password"] = Axe().run(page)
    reports = {
        name: found.generate_report() for name, found in broken.items() if found.violations_count
    }
    assert reports == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(visit: Visit, site: Site, scheme: str) -> None:
    page = visit("", scheme=scheme)
    broken = {"sign-in": Axe().run(page)}
    page = visit(site.operator, scheme=scheme)
    page.locator("#runs-scroll").get_by_text("succeeded").first.wait_for()
    broken["overview"] = Axe().run(page)
    page.get_by_label("Cron line", exact=True).fill("61 * * * *")
    page.get_by_role("button", name="Add schedule").click()
    page.locator("[aria-invalid=true]").wait_for()
    broken["mistake"] = Axe().run(page)
    page.set_viewport_size({"width": 360, "height": 800})
    broken["phone"] = Axe().run(page)
    reports = {
        name: found.generate_report() for name, found in broken.items() if found.violations_count
    }
    assert reports == {}


def test_on_a_phone_the_page_itself_never_scrolls_sideways(visit: Visit, site: Site) -> None:
    page = visit(site.operator)
    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
