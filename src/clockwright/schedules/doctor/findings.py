"""What can be wrong with the stored schedules, in words, and the mend of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class Finding(StrEnum):
    """What was found; the codes in reports, metrics and logs."""

    OVERDUE = "overdue_schedules"
    NO_NEXT_FIRE_TIME = "no_next_fire_time"
    WRONG_NEXT_FIRE_TIME = "wrong_next_fire_time"
    UNREADABLE = "unreadable_schedules"
    UNKNOWN_ZONE = "unknown_zones"
    ZONE_CHANGED = "changed_zones"
    UNKNOWN_FUNCTION = "unknown_functions"
    STUCK_RUN = "stuck_runs"
    UNCLAIMED_RUN = "unclaimed_runs"
    LEDGER_GAP = "ledger_gaps"
    LEDGER_SURPLUS = "ledger_surplus"
    WRONG_COUNT = "wrong_execution_counts"


WARNINGS: Final = frozenset({Finding.UNKNOWN_FUNCTION, Finding.ZONE_CHANGED})
"""What may be as it should: a function that another node knows, a zone whose law changed."""

MENDS: Final[Mapping[Finding, str]] = {
    Finding.OVERDUE: "see that a node is alive and not busy with a backlog",
    Finding.NO_NEXT_FIRE_TIME: "pause and resume them: the next fire time is computed anew",
    Finding.WRONG_NEXT_FIRE_TIME: "pause and resume them: the next fire time is computed anew",
    Finding.UNREADABLE: "give them a rule that this version reads, or remove them; "
    "a process of the version that wrote them settles them meanwhile",
    Finding.UNKNOWN_ZONE: "update the package tzdata, or give the schedules another zone",
    Finding.ZONE_CHANGED: "read `clockwright doctor --diff`, and accept it",
    Finding.UNKNOWN_FUNCTION: "register the function with @job in an installed app's jobs.py, or remove the schedules",
    Finding.STUCK_RUN: "start a node: it takes them over",
    Finding.UNCLAIMED_RUN: "restart the nodes one by one, and look for `engine_loop` in their logs",
    Finding.LEDGER_GAP: "somebody deleted rows or moved a watermark: run what is missing by hand, "
    "then edit the rule, which begins a new count",
    Finding.LEDGER_SURPLUS: "somebody added rows or moved a watermark back; edit the rule, which begins a new count",
    Finding.WRONG_COUNT: "`execution_count` was changed by hand, or rows were deleted: "
    "what is left of `max_executions` is counted by it",
}

SHOWN: Final = 10
"""Ids kept of each finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One kind of trouble: how many have it, the ids of some (of runs, where the finding is one of runs), in words."""

    finding: Finding
    count: int
    ids: tuple[UUID, ...] = ()
    words: str

    @property
    def is_warning(self) -> bool:
        """Whether it may be as it should."""
        return self.finding in WARNINGS

    @property
    def mend(self) -> str:
        """What to do about it."""
        return MENDS[self.finding]

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {"count": self.count, "ids": [str(i) for i in self.ids], "words": self.words}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an examination came to. `examined` of `schedules` were read one by one; everything else looks at all."""

    findings: tuple[Found, ...]
    schedules: int
    examined: int

    @property
    def is_well(self) -> bool:
        """Whether nothing but warnings was found."""
        return all(found.is_warning for found in self.findings)

    def counts(self) -> dict[str, int]:
        """Every code, with 0 where nothing was found."""
        found = {found.finding: found.count for found in self.findings}
        return {finding.value: found.get(finding, 0) for finding in Finding}

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "schedules": self.schedules,
            "examined": self.examined,
            "findings": {found.finding.value: found.to_json() for found in self.findings},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the last periodic examination found: how many have what."""

    finished_at: datetime
    schedules: int
    examined: int
    counts: Mapping[str, int]

    @property
    def is_well(self) -> bool:
        """Whether nothing but warnings was found."""
        return not any(n for code, n in self.counts.items() if code not in WARNINGS)

    @classmethod
    def of(cls, finished_at: datetime, report: Mapping[str, Any]) -> Summary:
        """From a report as it is kept; codes of another version are left out."""
        found: Mapping[str, Any] = report.get("findings", {})
        counts = {f.value: int(found.get(f.value, {}).get("count", 0)) for f in Finding}
        return cls(
            finished_at=finished_at,
            schedules=int(report.get("schedules", 0)),
            examined=int(report.get("examined", 0)),
            counts=counts,
        )


@dataclass(slots=True)
class Notes:
    """Findings as they come, by kind, with a few ids of each."""

    counts: dict[Finding, int] = field(default_factory=dict)
    ids: dict[Finding, list[UUID]] = field(default_factory=dict)
    words: dict[Finding, str] = field(default_factory=dict)

    def enter(self, finding: Finding, ids: Sequence[UUID], count: int, words: str) -> None:
        """Add some; the first words stay."""
        if not count:
            return
        self.counts[finding] = self.counts.get(finding, 0) + count
        kept = self.ids.setdefault(finding, [])
        kept += ids[: SHOWN - len(kept)]
        self.words.setdefault(finding, words)

    def findings(self) -> tuple[Found, ...]:
        """All of them, in the order of the codes."""
        return tuple(
            Found(
                finding=finding,
                count=self.counts[finding],
                ids=tuple(self.ids[finding]),
                words=self.words[finding],
            )
            for finding in Finding
            if finding in self.counts
        )
