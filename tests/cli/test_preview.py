"""`clockwright preview`: what an expression means and when it fires, without Django (S1-22…25)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from clockwright.server.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence

SYDNEY_AUTUMN = (
    "0 5 * * *",
    "--tz",
    "Australia/Sydney",
    "--after",
    "2026-04-03T00:00:00Z",
    "--count",
    "3",
)


def ran(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> tuple[int, str, str]:
    code = main(["preview", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def as_json(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> dict[str, Any]:
    code, out, err = ran(capsys, [*arguments, "--json"])
    assert (code, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    return found


def test_the_json_has_the_promised_shape_and_follows_the_clock_change(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = as_json(capsys, SYDNEY_AUTUMN)
    assert list(found) == ["expression", "timezone", "description", "fire_times"]
    assert found["expression"] == "0 5 * * *"
    assert found["timezone"] == "Australia/Sydney"
    assert found["description"]
    assert found["fire_times"] == [
        {"utc": "2026-04-03T18:00:00+00:00", "local": "2026-04-04T05:00:00+11:00"},
        {"utc": "2026-04-04T19:00:00+00:00", "local": "2026-04-05T05:00:00+10:00"},
        {"utc": "2026-04-05T19:00:00+00:00", "local": "2026-04-06T05:00:00+10:00"},
    ]


def test_after_is_excluded_so_that_pages_of_a_preview_do_not_overlap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = as_json(capsys, ["* * * * *", "--after", "2026-01-01T00:00:00+00:00", "--count", "1"])
    assert found["fire_times"][0]["utc"] == "2026-01-01T00:01:00+00:00"


def test_people_get_a_table_with_local_time_and_utc_on_stdout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ran(capsys, SYDNEY_AUTUMN)
    assert (code, err) == (0, "")
    assert "Sun 2026-04-05 05:00:00 AEST" in out
    assert "2026-04-04T19:00:00+00:00" in out


def test_seconds_are_a_dialect_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(
        capsys,
        [
            "*/30 * * * * *",
            "--dialect",
            "seconds",
            "--after",
            "2026-01-01T00:00:00Z",
            "--count",
            "2",
        ],
    )
    assert [time["utc"][17:19] for time in found["fire_times"]] == ["30", "00"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["61 * * * *"], ["minute", "61"]),
        (["*/5 * * * * *"], ["seconds"]),
        (["0 5 * * *", "--tz", "Mars/Olympus"], ["Mars/Olympus"]),
        (["0 5 * * *", "--after", "2026-01-01T00:00:00"], ["--after", "2026-01-01T00:00:00", "Z"]),
        (["0 5 * * *", "--after", "soon"], ["--after", "soon"]),
        (["0 5 * * *", "--count", "0"], ["count", "0"]),
        (["0 5 * * *", "--dialect", "quartz"], ["dialect", "quartz"]),
        ([], ["EXPR"]),
    ],
)
def test_a_mistake_is_one_line_on_stderr_that_names_it_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: list[str]
) -> None:
    """C-03, C-07: an unknown zone and a line of six fields are refused, not read as something else."""
    code, out, err = ran(capsys, arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert len(err.strip().splitlines()) == 1
    assert all(word in err for word in named), err


def test_a_rule_that_never_fires_says_so_and_hangs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ran(capsys, ["0 0 30 2 *", "--json"])
    assert code == 0
    assert json.loads(out)["fire_times"] == []
    assert "no fire times" in err or "no more fire times" in err


@pytest.mark.parametrize(
    "arguments", [["preview", "0 5 * * *", "--json"], ["--help"], ["schedule", "add", "--help"]]
)
def test_neither_preview_nor_any_help_page_loads_django(arguments: list[str]) -> None:
    program = (
        "import sys; from clockwright.server.cli import main; code = main(sys.argv[1:]);"
        "loaded = [name for name in sys.modules if name.split('.')[0] in ('django', 'ninja', 'psycopg')];"
        "sys.exit(f'loaded {loaded[:3]}' if loaded else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
