"""The version of the engine's answers, and what each version changed.

``ENGINE_VERSION`` is stored beside every schedule. Whoever makes any rule answer differently raises it and says in
``HISTORY`` what changed and which rules may be touched, so that an operator can be shown them before they fire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .base import Recurrence

# Raised when any rule would give other fire times than before; stored beside what was computed.
ENGINE_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChange:
    """What one version of the engine changed.

    ``version``: the first that answers the new way. ``what``: the end of the sentence "it may change because …".
    ``may_change``: False for a rule that certainly answers as before.
    """

    version: int
    what: str
    may_change: Callable[[Recurrence], bool]


# Oldest first. Version 1 is where the counting starts: there is nothing that it changed.
HISTORY: Final[tuple[EngineChange, ...]] = ()


def changes_since(
    version: int, rule: Recurrence, history: Sequence[EngineChange] = HISTORY
) -> tuple[EngineChange, ...]:
    """The changes after ``version`` that may have changed the answers of a rule, oldest first."""
    return tuple(
        change for change in history if change.version > version and change.may_change(rule)
    )
