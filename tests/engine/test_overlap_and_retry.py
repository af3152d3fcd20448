"""The two small pure decisions beside `settle`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clockwright.engine.failures import counted
from clockwright.engine.model import Overlap, Policy, Reason, RunState
from clockwright.engine.overlap import BUFFER_LIMIT, Room, admit
from clockwright.engine.retry import backoff, retry_at
from tests.engine.situations import MINUTE, T0

Q, B, S = RunState.QUEUED, RunState.BUFFERED, RunState.SKIPPED


@pytest.mark.parametrize(
    ("overlap", "active", "buffered", "states", "cancelled"),
    [
        (Overlap.SKIP, 0, 0, [Q, Q, S], 0),
        (Overlap.SKIP, 1, 0, [Q, S, S], 0),
        (Overlap.SKIP, 2, 0, [S, S, S], 0),
        (Overlap.BUFFER_ONE, 1, 0, [Q, B, S], 0),
        (Overlap.BUFFER_ONE, 2, 1, [S, S, S], 0),
        (Overlap.BUFFER_ONE, 0, 1, [S, S, S], 0),
        (Overlap.BUFFER_ALL, 2, 0, [B, B, B], 0),
        (Overlap.BUFFER_ALL, 0, 1, [B, B, B], 0),
        (Overlap.ALLOW, 9, 0, [Q, Q, Q], 0),
        (Overlap.CANCEL_RUNNING, 0, 0, [S, Q, Q], 0),
        (Overlap.CANCEL_RUNNING, 1, 0, [S, B, B], 1),
        (Overlap.CANCEL_RUNNING, 2, 1, [S, B, B], 3),
    ],
)
def test_three_fire_times_meet_a_limit_of_two_instances(
    overlap: Overlap, active: int, buffered: int, states: list[RunState], cancelled: int
) -> None:
    """S2-17: max_instances."""
    policy = Policy(overlap=overlap, max_instances=2)
    admission = admit(
        [T0 + n * MINUTE for n in range(3)], policy, Room(active=active, buffered=buffered)
    )
    assert [verdict.state for verdict in admission.verdicts] == states
    assert admission.cancel_running == cancelled
    assert all(
        (verdict.reason is None) == (verdict.state is not S) for verdict in admission.verdicts
    )


def test_a_buffer_has_an_end() -> None:
    policy = Policy(overlap=Overlap.BUFFER_ALL, max_instances=1)
    admission = admit([T0, T0 + MINUTE], policy, Room(active=1, buffered=BUFFER_LIMIT - 1))
    assert [(v.state, v.reason) for v in admission.verdicts] == [(B, None), (S, Reason.BUFFER_FULL)]


@given(
    st.integers(0, 10),
    st.integers(0, 6),
    st.integers(0, 6),
    st.integers(1, 5),
    st.sampled_from(Overlap),
)
def test_room_is_never_overdrawn(
    fire_times: int, active: int, buffered: int, limit: int, overlap: Overlap
) -> None:
    policy = Policy(overlap=overlap, max_instances=limit)
    admission = admit(
        [T0 + n * MINUTE for n in range(fire_times)], policy, Room(active=active, buffered=buffered)
    )
    assert len(admission.verdicts) == fire_times
    queued = sum(verdict.state is Q for verdict in admission.verdicts)
    if overlap is not Overlap.ALLOW:
        assert queued == 0 or active + queued <= limit


def test_retries_wait_twice_as_long_each_time_up_to_a_ceiling() -> None:
    policy = Policy(retry_backoff=timedelta(seconds=2), retry_backoff_max=timedelta(seconds=10))
    assert [backoff(policy, n).total_seconds() for n in (1, 2, 3, 4, 500)] == [2, 4, 8, 10, 10]


@pytest.mark.parametrize(
    ("before", "ends", "counted_now"),
    [
        (0, [RunState.FAILED, RunState.TIMED_OUT], (2, 2)),
        (2, [RunState.FAILED, RunState.SUCCEEDED, RunState.FAILED], (1, 3)),
        (3, [RunState.SUCCEEDED], (0, 3)),
    ],
)
def test_failures_in_a_row_are_counted_with_the_most_there_were_in_between(
    before: int, ends: list[RunState], counted_now: tuple[int, int]
) -> None:
    assert counted(before, ends) == counted_now


@pytest.mark.parametrize(("fraction", "seconds"), [(0.0, 8), (0.5, 6), (1.0, 4)])
def test_jitter_takes_up_to_its_share_off_a_pause(fraction: float, seconds: int) -> None:
    policy = Policy(retry_backoff=timedelta(seconds=2), retry_jitter=0.5)
    assert backoff(policy, 3, fraction).total_seconds() == seconds


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_a_failed_attempt_is_tried_again_while_retries_are_left(tries: int) -> None:
    """S4-82: WORKFLOW_MAX_RETRIES=3 means three retries after the first attempt."""
    policy = Policy(max_retries=3)
    assert (
        retry_at(policy, state=RunState.FAILED, reason=Reason.ERROR, tries=tries, now=T0)
        is not None
    )
    assert retry_at(policy, state=RunState.FAILED, reason=Reason.ERROR, tries=4, now=T0) is None


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RunState.SUCCEEDED, None),
        (RunState.CANCELLED, Reason.REQUESTED),
        (RunState.FAILED, Reason.UNKNOWN_FUNCTION),
        (RunState.FAILED, Reason.INVALID_PAYLOAD),
    ],
)
def test_what_another_try_cannot_mend_is_not_tried_again(
    state: RunState, reason: Reason | None
) -> None:
    assert retry_at(Policy(max_retries=3), state=state, reason=reason, tries=1, now=T0) is None


@given(
    st.integers(1, 10_000),
    st.timedeltas(timedelta(0), timedelta(days=9)),
    st.timedeltas(timedelta(0)),
)
def test_no_backoff_overflows_or_exceeds_its_ceiling(
    retry: int, first: timedelta, ceiling: timedelta
) -> None:
    assert backoff(Policy(retry_backoff=first, retry_backoff_max=ceiling), retry) <= max(
        ceiling, timedelta(0)
    )
