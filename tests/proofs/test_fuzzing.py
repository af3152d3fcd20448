"""Ten million random inputs for every way into ``recurrence``: each refused or answered soundly within 50 ms of CPU.

``CLOCKWRIGHT_FUZZ_INPUTS`` and ``CLOCKWRIGHT_FUZZ_SEED`` choose how many and which; a finding is tried again with
``python -m tests.recurrence.fuzz =NUMBER``.
"""

from __future__ import annotations

import os
import secrets

import pytest

from tests.recurrence.fuzz import run


@pytest.mark.slow
@pytest.mark.limit(7_200)
def test_no_input_raises_anything_else_or_takes_longer_than_its_bound():
    count = int(os.environ.get("CLOCKWRIGHT_FUZZ_INPUTS", "10000000"))
    first = int(os.environ.get("CLOCKWRIGHT_FUZZ_SEED", "0")) or secrets.randbelow(10**12)
    found = run(first, count)
    assert not found.problems, "\n".join(found.problems)
    assert found.inputs == count
