"""What is wrong with an expression."""

from __future__ import annotations


class ExpressionError(ValueError):
    """The expression cannot be read, or has no value; `position` counts characters from 0, None where it has none."""

    def __init__(self, message: str, position: int | None = None) -> None:
        self.message = message
        self.position = position
        place = "" if position is None else f" (at character {position + 1})"
        super().__init__(f"{message}{place}")
