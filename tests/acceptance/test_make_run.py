"""`make run` is `clockwright demo`: a preview, runs arriving, an end by itself or by SIGTERM, exit code 0."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).with_name("clockwright"))
RUN_LINE = re.compile(
    r"^\d\d:\d\d:\d\dZ  demo\.\S+ +samples\.(echo|sleep|fail) +(succeeded|failed|retrying) ",
    re.MULTILINE,
)
PATIENCE = 90.0
"""Seconds after which a machine is not slow but something is broken."""


@pytest.fixture
def fresh_database_url() -> Iterator[str]:
    """A new database on the PostgreSQL that the suite runs on; on SQLite nothing, for the default in `.data`."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield ""
        return
    import psycopg
    from django.db import connection

    name = f"demo_{os.getpid()}_{time.monotonic_ns()}"
    parameters = {**connection.get_connection_params(), "dbname": "postgres"}
    with psycopg.connect(**parameters, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            place, _, query = url.partition("?")
            yield f"{place.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


class Demo:
    """`clockwright demo` in a folder of its own, and what it has printed so far."""

    def __init__(self, folder: Path, database_url: str, **environ: str) -> None:
        ours = {"DATABASE_URL", "SECRET_KEY", "RUN_FOR", "DJANGO_SETTINGS_MODULE"}
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        database = {"DATABASE_URL": database_url} if database_url else {}
        self.process = subprocess.Popen(
            [COMMAND, "demo"],
            cwd=folder,
            env={**kept, **database, "PORT": "0", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out = self.err = ""
        self._readers = [
            threading.Thread(target=self._read, args=(name,)) for name in ("out", "err")
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "out" else self.process.stderr
        assert stream is not None
        for line in stream:
            setattr(self, name, getattr(self, name) + line)

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while not (found := pattern.search(self.out)):
            assert time.monotonic() < deadline, (
                f"no {pattern.pattern!r} in:\n{self.out}\n{self.err}"
            )
            assert self.process.poll() is None, f"it ended early:\n{self.out}\n{self.err}"
            time.sleep(0.05)
        return found

    def end(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            for reader in self._readers:
                reader.join()
            for stream in (self.process.stdout, self.process.stderr):
                assert stream is not None
                stream.close()


def test_it_shows_a_preview_and_runs_arriving_and_ends_by_itself_with_0(
    tmp_path: Path, fresh_database_url: str
) -> None:
    demo = Demo(tmp_path, fresh_database_url, RUN_FOR="12")
    code = demo.end()
    assert code == 0, demo.err
    assert "Australia/Sydney" in demo.out
    assert re.search(r"demo\.sydney-morning .*05:00:00 AE[SD]T", demo.out)
    assert len(RUN_LINE.findall(demo.out)) >= 2, demo.out
    assert "Traceback" not in demo.out + demo.err
    if not fresh_database_url:
        assert (tmp_path / ".data" / "clockwright.sqlite3").exists()


def test_sigterm_drains_and_ends_with_0(tmp_path: Path, fresh_database_url: str) -> None:
    demo = Demo(tmp_path, fresh_database_url)
    demo.wait_for(RUN_LINE)
    demo.process.send_signal(signal.SIGTERM)
    assert demo.end() == 0, demo.err
    assert "Traceback" not in demo.err


def test_the_link_it_prints_signs_a_newcomer_in_and_the_health_is_open_to_all(
    tmp_path: Path, fresh_database_url: str
) -> None:
    demo = Demo(tmp_path, fresh_database_url)
    link = demo.wait_for(re.compile(r"http://127\.0\.0\.1:\d+/sign-in/\S+"))[0]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(link, timeout=PATIENCE) as answer:
        assert "demo.heartbeat" in answer.read().decode()
    with urllib.request.urlopen(
        f"{link.split('/sign-in')[0]}/api/v1/health", timeout=PATIENCE
    ) as health:
        assert health.status == 200
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 0, demo.err


def test_a_second_time_it_neither_doubles_its_schedules_nor_loses_them(
    tmp_path: Path, fresh_database_url: str
) -> None:
    for _ in range(2):
        demo = Demo(tmp_path, fresh_database_url)
        demo.wait_for(RUN_LINE)
        demo.process.send_signal(signal.SIGTERM)
        assert demo.end() == 0, demo.err
        assert len(re.findall(r"^demo\.heartbeat ", demo.out, re.MULTILINE)) == 1


def test_a_taken_port_is_said_in_one_line_with_the_way_out(
    tmp_path: Path, fresh_database_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        demo = Demo(tmp_path, fresh_database_url, PORT=str(port))
        assert demo.end() == 1
    assert demo.err.startswith("error: ")
    assert f"port {port}" in demo.err
    assert f"PORT={port + 1}" in demo.err
    assert demo.out == ""


@pytest.mark.parametrize(
    ("name", "value"), [("RUN_FOR", "soon"), ("RUN_FOR", "-1"), ("PORT", "http"), ("PORT", "70000")]
)
def test_a_variable_that_makes_no_sense_is_named(
    tmp_path: Path, fresh_database_url: str, name: str, value: str
) -> None:
    demo = Demo(tmp_path, fresh_database_url, **{name: value})
    assert demo.end() == 2
    assert f"error: {name}: {value!r}" in demo.err
