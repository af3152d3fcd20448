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


def test_a_sentence_is_told_as_it_is_understood_and_as_a_rule_to_store(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["last friday of the month at 5:30 pm", "--tz", "Europe/Berlin", "--count", "1"]
    found = as_json(capsys, asked)
    assert found["words"] == "every month on the last Friday at 17:30"
    assert found["rule"] == {"type": "cron", "expression": "30 17 * * fri#L", "tz": "Europe/Berlin"}
    _, out, _ = ran(capsys, asked)
    assert 'every month on the last Friday at 17:30: {"type": "cron"' in out


def test_what_a_sentence_counts_is_from_the_instant_that_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = as_json(
        capsys, ["every 3 days at 6", "--after", "2026-01-01T12:00:00Z", "--count", "2"]
    )
    assert [time["utc"][:13] for time in found["fire_times"]] == ["2026-01-04T06", "2026-01-07T06"]
    assert found["words"] == "every 3 days at 06:00 starting on 2026-01-01"


def test_a_seed_and_the_dialect_ocps_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    seeded = as_json(capsys, ["H H * * *", "--seed", "nightly-report", "--count", "1"])
    assert "At 15:39" in seeded["description"]
    both = as_json(capsys, ["0 12 1 * +MON", "--dialect", "ocps", "--count", "1"])
    assert "only if it is Monday" in both["description"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["every mondey at 9"], ["column 7", "mondey", "monday"]),
        (["tomorrow at 9"], ["tomorrow", "clock", "once on"]),
        (["H 5 * * *"], ["minute", "H needs a seed"]),
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
    """As a schedule of it is refused by `clockwright schedule add`."""
    for arguments in (["0 0 30 2 *", "--json"], ["0 0 31 4 *"]):
        code, out, err = ran(capsys, arguments)
        assert (code, out) == (2, "")
        assert "never fires" in err
        assert arguments[0] in err
        assert len(err.splitlines()) == 1


def test_a_rule_that_has_no_more_fire_times_is_no_mistake(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = ran(capsys, ["0 9 * * *", "--after", "9999-12-31T00:00:00Z", "--json"])
    assert code == 0
    assert json.loads(out)["fire_times"] == []
    assert "no fire times" in err


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


BERLIN_SPRING = ("30 2 * * *", "--tz", "Europe/Berlin", "--after", "2026-03-01T00:00:00Z")


def test_it_says_what_the_next_clock_changes_do(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = ran(capsys, [*BERLIN_SPRING, "--count", "1", "--clock-changes", "2"])
    assert code == 0
    assert out.splitlines()[-2:] == [
        (
            "! On Sunday 29 March 2026 the clock in Europe/Berlin goes from 02:00 to 03:00;"
            " the run of 02:30 happens at 03:00 instead."
        ),
        (
            "! On Sunday 25 October 2026 the clock in Europe/Berlin goes back from 03:00 to 02:00;"
            " the run of 02:30 happens the first time only."
        ),
    ]


def test_a_zone_without_clock_changes_is_said_to_have_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = ran(capsys, ["30 2 * * *", "--tz", "Asia/Tokyo", "--clock-changes", "1"])
    assert out.splitlines()[-1] == "  No clock change in Asia/Tokyo lies ahead of it."


def test_the_clock_changes_are_in_the_json_only_when_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (change,) = as_json(capsys, [*BERLIN_SPRING, "--clock-changes", "1"])["clock_changes"]
    assert (change["at"], change["kind"]) == ("2026-03-29T01:00:00+00:00", "gap")
    assert change["walls"][0]["outcome"] == "at_gap_end"
    assert "clock_changes" not in as_json(capsys, BERLIN_SPRING)


@pytest.mark.parametrize("number", ["-1", "101"])
def test_a_number_of_clock_changes_out_of_range_is_refused(
    capsys: pytest.CaptureFixture[str], number: str
) -> None:
    code, _, err = ran(capsys, ["30 2 * * *", "--clock-changes", number])
    assert code == 2
    assert "--clock-changes" in err
