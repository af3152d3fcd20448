"""Random inputs for every way in: nothing but RecurrenceError comes out, and no answer contradicts another.

Time is not judged here but in ``tests/proofs``, where millions more are tried.
"""

from __future__ import annotations

from tests.recurrence.fuzz import fuzz

INPUTS = 4_000


def test_random_inputs_are_refused_by_name_or_answered_soundly():
    found = fuzz(0, INPUTS, bound=None)
    assert not found.problems, "\n".join(found.problems[:3])
    assert found.inputs == INPUTS
    assert found.refused > INPUTS // 4
    assert found.answers > INPUTS // 4
    assert len(found.kinds) >= 9
