"""What `clockwright doctor` looks at: each check gives one finding, its verdict and, if it is not well, its mend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import DatabaseError

from clockwright.console.selectors import OVERDUE_AFTER, database_name, nodes_alive
from clockwright.engine.clock import utc_now
from clockwright.engine.registry import default_registry
from clockwright.recurrence import tzdata_version
from clockwright.server import selectors
from clockwright.server.runtime import probe, waiting_migrations

_SHOWN = 5


class Verdict(StrEnum):
    """Whether a check is content."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; `mend` says what to do about it."""

    check: str
    verdict: Verdict
    finding: str
    mend: str = ""

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "verdict": self.verdict.value}


def examine() -> list[Finding]:
    """Every check in turn; those that need tables are left out while there are none."""
    first = [_database()]
    if first[0].verdict is Verdict.OK:
        first.append(_migrations())
    if first[-1].verdict is not Verdict.OK:
        return first
    rest: Sequence[Callable[[], Finding]] = (_nodes, _overdue, _functions, _zones)
    return first + [check() for check in rest]


def is_well(findings: Sequence[Finding]) -> bool:
    """Whether nothing has failed; a warning is not a failure."""
    return all(finding.verdict in {Verdict.OK, Verdict.WARNING} for finding in findings)


def is_unavailable(findings: Sequence[Finding]) -> bool:
    """Whether there is no database to work with."""
    return any(finding.verdict is Verdict.UNAVAILABLE for finding in findings)


def _database() -> Finding:
    try:
        probe()
    except DatabaseError as error:
        return Finding(
            check="database",
            verdict=Verdict.UNAVAILABLE,
            finding=str(error).strip().splitlines()[0],
            mend="see that it runs and that DATABASE_URL says where",
        )
    return Finding(check="database", verdict=Verdict.OK, finding=f"{database_name()} answers")


def _migrations() -> Finding:
    waiting = waiting_migrations()
    if waiting:
        return Finding(
            check="migrations",
            verdict=Verdict.UNAVAILABLE,
            finding=f"{len(waiting)} wait, the first is {waiting[0]}",
            mend="run `clockwright migrate`",
        )
    return Finding(check="migrations", verdict=Verdict.OK, finding="all applied")


def _nodes() -> Finding:
    alive = nodes_alive(utc_now())
    if not alive:
        return Finding(
            check="engine nodes",
            verdict=Verdict.FAILED,
            finding="none alive: nothing that is due will run",
            mend="start `clockwright serve` or `clockwright worker`",
        )
    return Finding(
        check="engine nodes",
        verdict=Verdict.OK,
        finding=f"{len(alive)} alive, together {sum(node.capacity for node in alive)} runs at a time",
    )


def _overdue() -> Finding:
    overdue = selectors.count_overdue(utc_now())
    if overdue:
        return Finding(
            check="overdue schedules",
            verdict=Verdict.FAILED,
            finding=f"{overdue} due for more than {_shown_length(OVERDUE_AFTER)}",
            mend="see that a node is alive and not busy with a backlog",
        )
    return Finding(check="overdue schedules", verdict=Verdict.OK, finding="none")


def _functions() -> Finding:
    """A node elsewhere may know more functions than this process: that is why this only warns."""
    active = selectors.active_workflows()
    unknown = {str(w): n for w, n in active.items() if default_registry.by_workflow(w) is None}
    if unknown:
        return Finding(
            check="functions",
            verdict=Verdict.WARNING,
            finding=f"{sum(unknown.values())} schedules start {len(unknown)} workflows unknown here: {_some(unknown)}",
            mend="register the function with @job in an installed app's jobs.py, or remove the schedules",
        )
    return Finding(
        check="functions",
        verdict=Verdict.OK,
        finding=f"{len(list(default_registry))} registered, all known",
    )


def _zones() -> Finding:
    gone = [name for name in selectors.active_zones() if not _is_zone(name)]
    if gone:
        return Finding(
            check="time zones",
            verdict=Verdict.FAILED,
            finding=f"unknown to tzdata {tzdata_version()}: {_some(gone)}",
            mend="update the package tzdata, or give the schedules another zone",
        )
    return Finding(
        check="time zones", verdict=Verdict.OK, finding=f"all known to tzdata {tzdata_version()}"
    )


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _some(names: Sequence[str] | dict[str, int]) -> str:
    shown = list(names)[:_SHOWN]
    return ", ".join(shown) + (", …" if len(names) > len(shown) else "")


def _shown_length(length: timedelta) -> str:
    return f"{int(length.total_seconds())} s"
