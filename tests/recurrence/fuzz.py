"""Throw random inputs at ``recurrence`` and judge what comes back.

The property: no exception but RecurrenceError; every answer sound; nothing takes longer than the bound. What seems to
is measured again, twice, from cold caches and in CPU time of this thread (too dear to be asked for each input), as the
machine needs at its best: `slowdown` takes out what other programs on the same core cost.

By hand: ``python -m tests.recurrence.fuzz COUNT [SEED]``; one input again: ``python -m tests.recurrence.fuzz =NUMBER``.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from clockwright.recurrence import Recurrence, RecurrenceError, from_json
from tests.recurrence.fuzz_inputs import Call, an_input, instant

BOUND = (
    0.050  # seconds of CPU for an input to be refused or to find its next and previous fire time
)
_COLD_EVERY = 40_000  # inputs after which all caches are emptied, so that first times are seen too
_CHUNK = 20_000
_SHOWN = 20


@dataclass(slots=True)
class Findings:
    """What a stretch of inputs showed."""

    inputs: int = 0
    refused: int = 0
    answers: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    problems: list[str] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        self.inputs += other.inputs
        self.refused += other.refused
        self.answers += other.answers
        self.kinds += other.kinds
        self.slowest = max(self.slowest, other.slowest)
        self.problems += other.problems[: max(0, _SHOWN - len(self.problems))]


def fuzz(first: int, count: int, *, bound: float | None) -> Findings:
    """Judge the inputs of the seeds from ``first`` on; no bound: time does not count."""
    found = Findings()
    rng = random.Random()
    for seed in range(first, first + count):
        if bound is not None and not seed % _COLD_EVERY:
            forget()
        judge(seed, rng, found, bound)
    return found


def judge(seed: int, rng: random.Random, found: Findings, bound: float | None) -> None:
    """One input, with all that follows from it."""
    rng.seed(seed)
    call = an_input(rng)
    moment = instant(rng)
    found.inputs += 1
    found.kinds[call[0]] += 1
    try:
        spent, rule, answers = measured(call, moment)
        if rule is None:
            found.refused += 1
        else:
            found.answers += 2
            check(rule, moment, answers, rng)
    except Exception:  # noqa: BLE001 - whatever it was, it is the finding
        found.problems.append(f"={seed} {shown(call, moment)}\n{traceback.format_exc(limit=-4)}")
        return
    if bound is not None and spent > bound:
        for _ in range(2):
            forget()
            spent = min(spent, measured(call, moment, time.thread_time)[0] / slowdown())
        if spent > bound:
            found.problems.append(f"={seed} {spent * 1000:.0f} ms {shown(call, moment)}")
    found.slowest = max(found.slowest, (spent, seed))


Answers = tuple[datetime | None, datetime | None] | None


def measured(
    call: Call, moment: Any, clock: Callable[[], float] = time.perf_counter
) -> tuple[float, Recurrence | None, Answers]:
    """The seconds to build a rule and ask it both ways; the rule, None if refused; the answers, None if refused."""
    _, function, positional, keyword = call
    begin = clock()
    try:
        rule = function(*positional, **keyword)
    except RecurrenceError as error:
        spent = clock() - begin
        if "\n" in str(error):
            raise ValueError("an error is one line") from error
        json.dumps(error.as_dict())
        return spent, None, None
    answers: Answers = None
    try:
        answers = rule.next_after(moment), rule.prev_before(moment)
    except RecurrenceError:
        if isinstance(moment, datetime) and moment.utcoffset() is not None:
            raise
    return clock() - begin, rule, answers


def check(rule: Recurrence, moment: Any, answers: Answers, rng: random.Random) -> None:
    """Whether what a rule says holds together."""
    written = rule.to_json()
    chance = rng.random()
    if chance < 0.3:
        again = from_json(json.loads(json.dumps(written)))
        assert again == rule, "another rule comes back from JSON"
        assert again.to_json() == written, "JSON differs the second time"
    if answers is None:
        return
    later, earlier = answers
    assert later is None or later > moment, "next is not after"
    assert earlier is None or earlier < moment, "previous is not before"
    if chance < 0.15:
        check_agreement(rule, moment, later, earlier)


def check_agreement(
    rule: Recurrence, moment: datetime, later: datetime | None, earlier: datetime | None
) -> None:
    """Whether the other ways of asking say the same."""
    assert rule.describe().endswith("."), "no sentence"
    if later is not None or earlier is not None:
        assert rule.is_possible(), "fires, and is not possible"
    assert rule.upcoming(moment, 1) == ([] if later is None else [later]), "upcoming differs"
    if later is not None:
        end = later.astimezone(UTC)
        if abs(later - moment) < timedelta(days=40_000):
            assert rule.count_between(moment, end) == 1, "counted otherwise"
        back = rule.prev_before(later)
        assert back is None or back <= moment, "something in between"
        if end.microsecond == 0 and end > datetime(1, 1, 5, tzinfo=UTC):
            assert rule.next_after(end - timedelta(seconds=1)) == later, "missed when close"
    if earlier is not None:
        start = earlier.astimezone(UTC)
        again = rule.next_after(start)
        assert again is None or again >= moment, "something in between, forwards"


_paces: list[float] = []


def slowdown() -> float:
    """How many times as long as at best the same work takes now: cores that are shared are slower for each."""
    begin = time.thread_time()
    sum(number % 7 for number in range(100_000))
    now = time.thread_time() - begin
    _paces[:] = [min([now, *_paces])]
    return now / _paces[0]


def shown(call: Call, moment: Any) -> str:
    """The call as Python, cut to a bearable length."""
    name, _, positional, keyword = call
    given = [repr(value) for value in positional]
    given += [f"{key}={value!r}" for key, value in keyword.items()]
    text = f"{name}({', '.join(given)}) at {moment!r}"
    return text.encode("ascii", "backslashreplace").decode()[:1_500]


@functools.cache
def caches() -> tuple[Callable[[], None], ...]:
    """What empties each cache of the package."""
    return tuple(
        clear
        for name, module in sorted(sys.modules.items())
        if name.startswith("clockwright.recurrence")
        for value in vars(module).values()
        if callable(clear := getattr(value, "cache_clear", None))
    )


def forget() -> None:
    """Empty all caches of the package."""
    for clear in caches():
        clear()


def _chunk(task: tuple[int, int, float | None]) -> Findings:
    gc.freeze()
    for _ in range(10):
        slowdown()
    return fuzz(task[0], task[1], bound=task[2])


def chunks(
    first: int, count: int, *, bound: float | None, processes: int | None = None
) -> Iterator[Findings]:
    """The same on all cores, in chunks as they come in."""
    tasks = [
        (at, min(_CHUNK, first + count - at), bound) for at in range(first, first + count, _CHUNK)
    ]
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        yield from pool.map(_chunk, tasks)


def run(first: int, count: int, *, bound: float | None = BOUND) -> Findings:
    """All chunks added up, with a line of progress now and then."""
    total, begin, told = Findings(), time.monotonic(), 0.0
    for part in chunks(first, count, bound=bound):
        total.add(part)
        for problem in part.problems:
            say(problem)
        if (passed := time.monotonic() - begin) > told + 15 or total.inputs == count:
            told = passed
            say(
                f"{total.inputs:,} of {count:,} inputs from seed {first}, {total.refused:,} refused, "
                f"{total.inputs / passed:,.0f}/s, slowest {total.slowest[0] * 1000:.1f} ms "
                f"(={total.slowest[1]}), {len(total.problems)} problems"
            )
    return total


def say(line: str) -> None:
    """A line of the report, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """The command line."""
    if arguments and arguments[0].startswith("="):
        found, rng = Findings(), random.Random()
        seed = int(arguments[0][1:])
        rng.seed(seed)
        call = an_input(rng)
        say(shown(call, instant(rng)))
        judge(seed, rng, found, BOUND)
        say("\n".join([f"{found.slowest[0] * 1000:.1f} ms", *found.problems]))
    else:
        count = int(arguments[0]) if arguments else 100_000
        found = run(int(arguments[1]) if len(arguments) > 1 else 0, count)
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
