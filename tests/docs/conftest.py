"""What pages need to be run: a migrated database, a folder of their own, and a server for those that ask one."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clockwright.engine.registry import default_registry

SERVING = re.compile(rb"http://127\.0\.0\.1:(\d+)")


@pytest.fixture
def own_registry() -> Iterator[None]:
    """What a page registers is forgotten after it; the samples are everybody's, and registered once a process."""
    from clockwright.server import samples

    assert samples
    by_key, by_workflow = dict(default_registry._by_key), dict(default_registry._by_workflow)
    yield
    default_registry._by_key, default_registry._by_workflow = by_key, by_workflow


@pytest.fixture
def reader(transactional_db, own_registry, tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty folder to stand in, and a database with the community `default`."""
    from clockwright.access.models import Community

    Community.objects.get_or_create(slug="default")
    monkeypatch.chdir(tmp_path)
    log = logging.getLogger("clockwright")
    monkeypatch.setattr(log, "level", logging.WARNING)  # as a command that ends at once has it
    log.manager._clear_cache()
    yield tmp_path
    monkeypatch.undo()
    log.manager._clear_cache()


@pytest.fixture
def server(reader, database_url) -> Iterator[str]:
    """The address of a real `clockwright serve` on the test's database."""
    environ = {**os.environ, "DATABASE_URL": database_url, "SECRET_KEY": "docs", "PORT": "0"}
    command = [str(Path(sys.executable).parent / "clockwright"), "serve"]
    with subprocess.Popen(command, cwd=reader, env=environ, stderr=subprocess.PIPE) as process:
        lines: list[bytes] = []
        port = ""
        for line in process.stderr:
            lines.append(line)
            if match := SERVING.search(line):
                port = match[1].decode()
                break
        assert port, b"".join(lines).decode()
        rest = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
        rest.start()
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        rest.join(5)
        assert code == 0, b"".join(lines).decode()
