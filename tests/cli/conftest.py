"""Running commands in this process, on the test database."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from clockwright.access.models import Community
from clockwright.server.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


@pytest.fixture
def clockwright(
    db: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ran]:
    Community.objects.get_or_create(
        slug="default"
    )  # a transactional test before may have emptied the tables
    # the command leaves these behind for its own process; here the process goes on
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    def run(*arguments: str) -> Ran:
        monkeypatch.setenv("CLOCKWRIGHT_COMMUNITY", "default")
        monkeypatch.setenv("CLOCKWRIGHT_AS", "")
        capsys.readouterr()
        code = main(list(arguments))
        captured = capsys.readouterr()
        return Ran(code=code, out=captured.out, err=captured.err)

    return run
