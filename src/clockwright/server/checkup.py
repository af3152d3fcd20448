"""What `clockwright doctor` looks at: each check gives one finding, its verdict and, if it is not well, its mend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from django.db import DatabaseError

from clockwright.console.selectors import database_name, nodes_alive
from clockwright.engine.clock import utc_now
from clockwright.schedules import stores
from clockwright.schedules.catalog import resolver
from clockwright.schedules.doctor.examination import Examination
from clockwright.schedules.doctor.findings import Finding as Code
from clockwright.schedules.doctor.findings import Found, Report
from clockwright.server.runtime import probe, waiting_migrations


class Verdict(StrEnum):
    """Whether a check is content."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; `mend` says what to do about it, `count` how many there are and `ids` which, some of them."""

    check: str
    verdict: Verdict
    finding: str
    mend: str = ""
    count: int = 0
    ids: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "verdict": self.verdict.value, "ids": list(self.ids)}


def examine(limit: int | None) -> list[Finding]:
    """Every check in turn; those that need tables are left out while there are none.

    `limit`: how many schedules are read one by one; None reads them all.
    """
    first = [_database()]
    if first[0].verdict is Verdict.OK:
        first.append(_migrations())
    if first[-1].verdict is not Verdict.OK:
        return first
    return [*first, _nodes(), *_schedules(limit)]


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


def _schedules(limit: int | None) -> list[Finding]:
    """The examination of the schedules: a line a code, and how many were read one by one."""
    examination = Examination(stores.symptoms(), resolver(), limit=limit)
    for _ in examination.steps():
        pass
    report = examination.report
    found = {found.finding: found for found in report.findings}
    lines = [_line(code, found.get(code)) for code in Code]
    return [*lines, _coverage(report)]


def _line(code: Code, found: Found | None) -> Finding:
    check = code.value
    if found is None:
        return Finding(check=check, verdict=Verdict.OK, finding="none")
    return Finding(
        check=check,
        verdict=Verdict.WARNING if found.is_warning else Verdict.FAILED,
        finding=f"{found.count} {found.words}",
        mend=found.mend,
        count=found.count,
        ids=tuple(map(str, found.ids)),
    )


def _coverage(report: Report) -> Finding:
    told = f"{report.examined} of {report.schedules} read one by one"
    rest = "" if report.examined >= report.schedules else "; --all reads the others too"
    return Finding(check="schedules", verdict=Verdict.OK, finding=told + rest)
