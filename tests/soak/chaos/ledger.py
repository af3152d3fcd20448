"""The ledger against the rules: what must be there is computed by the recurrence alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clockwright.engine.model import FINAL_STATES, MAX_TAKEOVERS, Reason, RunState
from tests.soak.chaos.observer import Books, Row
from tests.soak.chaos.plan import Planned

_TICK = timedelta(microseconds=1)
_NOT_RUN = {RunState.MISSED, RunState.SKIPPED}


@dataclass(slots=True, kw_only=True)
class Account:
    """How ledger and rules compare."""

    fire_times: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    unfinished: int = 0
    states: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)


def account(planned: Sequence[Planned], books: Books) -> Account:
    """Every fire time has exactly one row, final and of a kind its policies allow; there are no other rows."""
    by_key: Mapping[str, list[Row]] = defaultdict(list)
    for row in books.rows:
        by_key[row.key].append(row)
    found = Account(rows=len(books.rows))
    for one in planned:
        _compare(one, by_key[one.key], found)
    strangers = by_key.keys() - {one.key for one in planned}
    found.complaints += [f"rows of a schedule that was not planned: {key}" for key in strangers]
    return found


def _compare(one: Planned, rows: Sequence[Row], found: Account) -> None:
    times = Counter(at for row in rows for at in _covered(one, row, found))
    expected = _expected(one, rows, times)
    lost = [at for at in expected if at not in times]
    strange = sorted(times.keys() - set(expected))
    doubled = sum(times.values()) - len(times)
    found.fire_times += len(expected)
    found.lost += len(lost)
    found.doubled += doubled
    found.unfinished += sum(RunState(row.status) not in FINAL_STATES for row in rows)
    for row in rows:
        found.states[f"{row.status}({row.reason})" if row.reason else row.status] += (
            row.covers_count
        )
    if lost or strange or doubled:
        found.complaints.append(
            f"{one.key}: lost {lost[:5]}, no fire times {strange[:5]}, {doubled} doubled"
        )
    found.complaints += [f"{one.key}: {row}" for row in rows if not _is_allowed(one, row)]


def _covered(one: Planned, row: Row, found: Account) -> list[datetime]:
    if row.covers_until is None:
        return [row.scheduled_for]
    times = list(one.recurrence.between(row.scheduled_for - _TICK, row.covers_until))
    if len(times) != row.covers_count:
        found.complaints.append(f"{one.key}: {row} covers {len(times)} fire times")
    return times


def _expected(one: Planned, rows: Sequence[Row], times: Mapping[datetime, int]) -> list[datetime]:
    """All fire times, or as many as there were until the limit was used up."""
    every, limit = one.fire_times(), one.policy.max_executions
    ran = sum(row.status not in _NOT_RUN for row in rows)
    return every[: len(times)] if limit is not None and ran == limit else every


def _is_allowed(one: Planned, row: Row) -> bool:
    """Whether its policies let a fire time end like this."""
    match RunState(row.status):
        case RunState.SUCCEEDED:
            return True
        case RunState.LOST if row.reason == Reason.AT_MOST_ONCE:
            return one.sort.function.endswith("once")
        case RunState.LOST:
            return row.takeovers == MAX_TAKEOVERS
        case RunState.MISSED | RunState.SKIPPED | RunState.CANCELLED:
            return not one.sort.must_run
        case _:
            return False
