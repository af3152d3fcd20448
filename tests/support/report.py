"""Write what one pytest process did as JSON, counted by group (the folder under `tests/`).

Where tests run side by side, the controlling process sees every worker's reports; it writes.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from collections import Counter, defaultdict
from pathlib import Path

import django
import pytest


class GroupReport:
    """A pytest plugin that counts outcomes and notes every failure and every skip."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.groups: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failures: dict[str, None] = {}
        self.skips: list[dict[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        group = group_of(report.nodeid)
        self.seconds[group] += report.duration
        if report.failed:
            self.groups[group]["failed" if report.when == "call" else "errors"] += 1
            self.failures[report.nodeid] = None
        elif report.skipped:
            self.groups[group]["skipped"] += 1
            self.skips.append({"test": report.nodeid, "reason": _reason(report)})
        elif report.when == "call":
            self.groups[group]["passed"] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and report.nodeid not in self.failures:  # each worker tells it
            self.groups[group_of(report.nodeid)]["errors"] += 1
            self.failures[report.nodeid] = None

    def pytest_sessionfinish(self) -> None:
        versions = {
            "Python": platform.python_version(),
            "Django": django.get_version(),
            "SQLite": sqlite3.sqlite_version,
            **getattr(sys.modules.get("tests.support.browser"), "USED", {}),
        }
        groups = {
            name: dict(counts)
            | {"failed": counts["failed"], "errors": counts["errors"]}
            | {"seconds": self.seconds[name]}
            for name, counts in self.groups.items()
        }
        told = {"groups": groups, "skips": self.skips, "failures": list(self.failures)}
        self.path.write_text(json.dumps(told | {"versions": versions}))


def group_of(nodeid: str) -> str:
    parts = Path(nodeid.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 and parts[0] == "tests" else "(none)"


def _reason(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    return str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
