"""What a process writes on stderr, and into LOG_DIR."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from clockwright import __version__

SAY = """
import django
django.setup()
import logging
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
trail.log_event(Category.AUDIT, Action.SCHEDULE_CREATE, community="default", actor="ann",
                message="made", schedule_id="0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11", key="a b")
logging.getLogger("somebody.else").warning("look %s", "here\\nthere")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("somebody.else").exception("oh")
logging.getLogger("somebody.else").info("quiet")
print("result")
"""


@pytest.fixture
def say(tmp_path):
    """The lines of stderr."""

    def run(**variables):
        done = subprocess.run(
            [sys.executable, "-c", SAY],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
                **variables,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "result\n", "logs never mix with results"
        return done.stderr.splitlines()

    return run


def test_in_production_every_line_is_json(say):
    made, look, oh, _ = [json.loads(line) for line in say()]
    assert made["event"] == "made"
    assert (made["event_type"], made["action"], made["user"]) == ("AUDIT", "schedule_create", "ann")
    assert (made["key"], made["result"], made["level"]) == ("a b", "SUCCESS", "info")
    assert made["schedule_id"] == "0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11"
    assert (look["event"], look["level"], look["logger"]) == (
        "look here\nthere",
        "warning",
        "somebody.else",
    )
    assert "ZeroDivisionError" in oh["exception"]
    assert made["timestamp"].startswith("20")


def test_in_debug_it_is_for_people(say):
    lines = say(DEBUG="1")
    assert "made" in lines[0]
    assert "action=schedule_create" in lines[0]


def test_the_documented_line_can_be_had(say):
    """B3.1."""
    lines = say(LOG_FORMAT="line")
    assert lines[0].partition("] ")[2] == (
        f"INFO clockwright:{__version__} AUDIT community=default user=ann action=schedule_create "
        'result=SUCCESS made key="a b" schedule_id=0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11'
    )
    assert "look here\\nthere" in lines[1]


def test_a_folder_gets_the_documented_lines_too(say, tmp_path):
    json.loads(say(LOG_DIR=str(tmp_path))[0])
    kept = (tmp_path / "clockwright.log").read_text()
    assert " AUDIT community=default user=ann action=schedule_create " in kept


def test_the_level_can_be_set(say):
    assert any("quiet" in line for line in say(LOG_LEVEL="debug"))
    assert len(say(LOG_LEVEL="ERROR")) == 1
