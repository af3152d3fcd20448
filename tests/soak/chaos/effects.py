"""What was done, by the functions' own record, against what the ledger says was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clockwright.engine.model import RunState
from tests.soak.chaos.history import Histories, Takeover
from tests.soak.chaos.observer import Row


@dataclass(frozen=True, slots=True)
class Effect:
    """A line that a function wrote: "begin" or "end" of an attempt, in the process of a node."""

    what: str
    run_id: str
    attempt: int
    node: int
    at: float


@dataclass(slots=True, kw_only=True)
class Deeds:
    """What the comparison found. `late`: calls that ended when their run had been taken away from them."""

    begun: int = 0
    late: int = 0
    late_recorded: int = 0
    once: int = 0
    once_doubled: int = 0
    repeated: int = 0
    complaints: list[str] = field(default_factory=list)


def read(folder: Path) -> list[Effect]:
    """Everything that all processes wrote."""
    return [
        Effect(what, run_id, int(attempt), int(node), float(at))
        for path in sorted(folder.glob("*.effects"))
        for what, run_id, attempt, node, at in map(str.split, path.read_text().splitlines())
    ]


def compare(
    rows: Sequence[Row],
    known: Histories,
    taken: Collection[Takeover],
    effects: Sequence[Effect],
) -> Deeds:
    """Whatever was called was claimed, nothing was called twice in one attempt, and what succeeded was done."""
    by_run = {row.run_id: row for row in rows}
    begun = Counter((e.run_id, e.attempt) for e in effects if e.what == "begin")
    ended = {(e.run_id, e.attempt): e for e in effects if e.what == "end"}
    runs = Counter(run_id for run_id, _ in begun)
    once = [row for row in rows if _is_once(row)]
    deeds = Deeds(
        begun=begun.total(),
        once=len(once),
        once_doubled=sum(runs[row.run_id] > 1 for row in once),
        repeated=sum(calls > 1 for calls in runs.values()),
    )
    deeds.complaints += _unclaimed(effects, known)
    deeds.complaints += [f"attempt {one} was begun twice" for one, n in begun.items() if n > 1]
    deeds.complaints += _not_done(rows, ended)
    for one in taken:
        end = ended.get((one.run_id, one.attempt))
        if end is not None and end.at > one.at.timestamp():
            row = by_run[one.run_id]
            deeds.late += 1
            deeds.late_recorded += row.status == RunState.SUCCEEDED and row.attempt == one.attempt
    return deeds


def _is_once(row: Row) -> bool:
    return row.key.startswith(("once-", "slow_once-"))


def _unclaimed(effects: Sequence[Effect], known: Histories) -> Iterator[str]:
    claims: Mapping[tuple[str, int], int] = {
        (step.run_id, step.attempt): process_of(step.node)
        for steps in known.values()
        for step in steps
        if step.state == RunState.RUNNING
    }
    for effect in effects:
        holder = claims.get((effect.run_id, effect.attempt))
        if effect.node not in {holder, 1}:  # 1: a node's process that outlived it for a moment
            yield f"{effect} although {holder or 'nobody'} had claimed it"


def _not_done(rows: Sequence[Row], ended: Mapping[tuple[str, int], Effect]) -> Iterator[str]:
    for row in rows:
        if row.status == RunState.SUCCEEDED and (row.run_id, row.attempt) not in ended:
            yield f"succeeded without having been done: {row}"


def process_of(node: str | None) -> int:
    """The process in a node's name, `host:process:token`."""
    return int(node.split(":")[1]) if node else 0
