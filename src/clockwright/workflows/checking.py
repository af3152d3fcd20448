"""What can only be said of a whole block: whether its steps lead somewhere, and what its expressions may know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clockwright.workflows.definitions import Block, Step
from clockwright.workflows.expressions import names_in, paths_in
from clockwright.workflows.templates import Report

ROOTS = frozenset({"trigger", "context", "vars", "steps"})
"""What every expression may name."""


class Checker:
    """Checks blocks, and those inside. `unread`: the ids of blocks of which some steps could not be read."""

    def __init__(self, report: Report, unread: Mapping[str, frozenset[str]]) -> None:
        self._report = report
        self._unread = unread

    def check(
        self,
        block: Block,
        names: frozenset[str] = ROOTS,
        outer: frozenset[str] = frozenset(),
    ) -> None:
        """Report what is wrong; `outer` are the steps around the block, `names` what is known there."""
        ids = self._unread.get(block.pointer, frozenset()) | block.steps.keys()
        edges = {step.id: list(self._edges(step, ids)) for step in block.steps.values()}
        inside = {step_id: [t for t in ways if t in block.steps] for step_id, ways in edges.items()}
        _check_cycles(block, inside, self._report)
        if block.pointer not in self._unread:  # else what leads somewhere may be among the unread
            _check_reach(block, inside, self._report)
        known = outer | ids
        for step in block.steps.values():
            _check_expressions(step, names, known, self._report)
            for inner in step.plan.blocks:
                self.check(inner, names | step.plan.names, known)

    def _edges(self, step: Step, ids: frozenset[str]) -> Iterator[str]:
        """The steps that may follow a step; one that is not in the block is reported."""
        if step.next is not None and not step.plan.goes_on:
            self._report(
                f"{step.pointer}/next", f"nothing follows a step of the kind {step.kind!r}"
            )
        ways: list[tuple[str, str]] = [*step.plan.targets]
        if step.next is not None and step.plan.goes_on:
            ways.append(("/next", step.next))
        for place, target in ways:
            if target in ids:
                yield target
            else:
                self._report(f"{step.pointer}{place}", f"{target!r} is no step of this block")


def _check_cycles(block: Block, edges: Mapping[str, Sequence[str]], report: Report) -> None:
    """Each cycle is reported once, at the step that leads back."""
    done: set[str] = set()
    for first in block.steps:
        way: list[tuple[str, Iterator[str]]] = [(first, iter(edges[first]))]
        under_way = {first}
        while way and first not in done:
            step_id, targets = way[-1]
            target = next(targets, None)
            if target is None:
                way.pop()
                under_way.discard(step_id)
                done.add(step_id)
            elif target in under_way:
                ids = [one for one, _ in way]
                round_trip = " → ".join([*ids[ids.index(target) :], target])
                report(block.steps[step_id].pointer, f"leads back: {round_trip}")
            elif target not in done:
                way.append((target, iter(edges[target])))
                under_way.add(target)


def _check_reach(block: Block, edges: Mapping[str, Sequence[str]], report: Report) -> None:
    reached, waiting = {block.start}, [block.start]
    while waiting:
        for target in edges[waiting.pop()]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    for step in block.steps.values():
        if step.id not in reached:
            report(step.pointer, f"no step leads to {step.id!r} from {block.start!r}")


def _check_expressions(
    step: Step, names: frozenset[str], known: frozenset[str], report: Report
) -> None:
    for place, expression in step.plan.expressions:
        for name in sorted(names_in(expression) - names):
            there = ", ".join(sorted(names))
            report(f"{step.pointer}{place}", f"there is no {name} here; there are {there}")
        for step_id in sorted(paths_in(expression, "steps") - known):
            report(
                f"{step.pointer}{place}",
                f"there is no step {step_id!r} whose output is known here",
            )
