"""A real browser in front of a real server: `clockwright serve` with an engine, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

COMMAND = str(Path(sys.executable).parent / "clockwright")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the server is, and a token for each kind of visitor."""

    url: str
    operator: str
    viewer: str


PASSWORD = "correct horse battery"
"""Of mira, a member of two communities."""


def environment(folder: Path) -> dict[str, str]:
    """This process's environment, with a database of the site's own."""
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return {
        **kept,
        "DATABASE_URL": f"sqlite:///{folder / 'site.sqlite3'}",
        "SECRET_KEY": "for the browser tests alone",
        "LOG_LEVEL": "WARNING",
    }


def furnish(clockwright: Callable[..., str]) -> None:
    """A member of two communities, and two schedules."""
    clockwright("user", "create", "mira", "--password-stdin", typed=PASSWORD)
    clockwright("community", "create", "night-shift")
    for community in ("default", "night-shift"):
        clockwright("--community", community, "community", "add", "mira", "--role", "operator")
    clockwright("schedule", "add", "--workflow", "samples.echo", "--every", "1s", "--key", "pulse")
    clockwright(
        *("schedule", "add", "--workflow", "samples.echo", "--cron", "0 5 * * *"),
        *("--tz", "Australia/Sydney", "--key", "reports.daily"),
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    environ = environment(folder)

    def clockwright(*arguments: str, typed: str = "") -> str:
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=folder,
            env=environ,
            input=typed,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    clockwright("migrate")
    operator = clockwright("token", "create", "ada", "--role", "operator")
    viewer = clockwright("token", "create", "victor")
    furnish(clockwright)
    log = folder / "server.log"
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [COMMAND, "serve", "--port", "0"], cwd=folder, env=environ, stderr=stderr
        ) as server,
    ):
        try:
            yield Site(url=_address(server, log), operator=operator, viewer=viewer)
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(30)
    assert code == 0, log.read_text()


def _address(server: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the line in which the server says where it is."""
    while server.poll() is None:
        found = re.search(r"serving (http://\S+/)", log.read_text())
        if found:
            return found[1]
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the server ended with {server.returncode}:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


def _is_wrong(said: ConsoleMessage) -> bool:
    """An error in the browser's console; that the server refused something is told there too, and is no fault."""
    return said.type == "error" and "responded with a status of 4" not in said.text


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a page as somebody, with JavaScript or without; anything the page complains about fails the test."""
    contexts = []
    complaints: list[str] = []

    def open_page(token: str = "", *, javascript: bool = True, scheme: str = "light") -> Page:
        context = browser.new_context(
            base_url=site.url,
            java_script_enabled=javascript,
            color_scheme=scheme,
            viewport={"width": 1280, "height": 900},
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if _is_wrong(said) else None)
        page.goto("/")
        if token:
            page.get_by_label("API token", exact=True).fill(token)
            page.get_by_role("button", name="Sign in with token").click()
            page.get_by_role("heading", name="Overview").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
