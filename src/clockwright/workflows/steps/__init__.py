"""What steps can do: one module a kind, and the registry `kinds` that definitions are read with."""

from __future__ import annotations

from clockwright.workflows.steps import (
    assign,
    condition,
    delay,
    end,
    foreach,
    function,
    parallel,
)
from clockwright.workflows.steps.kinds import Kind, Kinds

__all__ = ["Kind", "Kinds", "kinds"]

kinds = Kinds()
"""The kinds of this process."""

for _module in (function, condition, delay, parallel, foreach, assign, end):
    kinds.register(_module.KIND)
