"""The figures as text, as JSON, and as the table of the documentation."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.soak.chaos.proof import Verdict
from tools import processes

_LINES = (
    ("schedules", "schedules"),
    ("fire times", "fires"),
    ("seconds until all was finished", "seconds"),
    ("**lost**", "lost"),
    ("**doubled in the ledger**", "doubled"),
    ("runs left unfinished", "unfinished"),
    ("calls of functions", "called"),
    ("runs called more than once (retried or taken over)", "called_again"),
    ("at-most-once runs", "once"),
    ("… called more than once", "once_doubled"),
    ("calls that ended after their run was taken away", "late"),
    ("… whose outcome was recorded", "late_recorded"),
    ("attempts taken over", "takeovers"),
    ("… of nodes that nothing was done to", "takeovers_of_others"),
    ("takeover p50, s", "takeover_p50"),
    ("**takeover p99**, s", "takeover_p99"),
    ("takeover longest, all included, s", "takeover_longest"),
    ("starts in vain, the database being away", "false_starts"),
)


def told(verdict: Verdict) -> str:
    """One fleet in a few lines."""
    lines = [f"  {name}: {count}" for name, count in verdict.states.items()]
    lines += [f"  BROKEN {complaint}" for complaint in verdict.complaints]
    return "\n".join(lines)


def table(verdicts: Sequence[Verdict]) -> str:
    """A column for each fleet."""
    return processes.table([[cell.replace("*", "") for cell in row] for row in _rows(verdicts)])


def markdown(verdicts: Sequence[dict[str, Any]]) -> str:
    """The same for the documentation, from what `write` wrote."""
    head, *rows = _rows([Verdict(**verdict) for verdict in verdicts])
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def write(verdicts: Sequence[Verdict], path: Path) -> None:
    """Replace the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    facts = {
        "machine": {"python": platform.python_version(), "system": platform.system()},
        "fleets": [verdict.as_json() for verdict in verdicts],
    }
    half.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
    half.replace(path)


def _rows(verdicts: Sequence[Verdict]) -> list[list[str]]:
    kinds = list(dict.fromkeys(kind for verdict in verdicts for kind in verdict.faults))
    names = [f"{v.nodes} node{'s' if v.nodes > 1 else ''}" for v in verdicts]
    rows = [["", *names]]
    for title, field in _LINES:
        rows.append([title, *[_text(getattr(verdict, field)) for verdict in verdicts]])
        if field == "fires":
            total = [str(sum(verdict.faults.values())) for verdict in verdicts]
            rows.append(["faults", *total])
            rows += [
                [f"… {k}", *[str(v.faults.get(k, 0)) for v in verdicts]] for k in sorted(kinds)
            ]
    return rows


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
