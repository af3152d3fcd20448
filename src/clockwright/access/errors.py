"""What can be wrong with users, communities, members, grants and tokens.

`AccessError` (400) is a value that cannot be; `UnknownHere` (404) says that there is no such thing where the caller
acts; `AccessConflict` (409) that it is taken, or the last of its kind.
"""

from __future__ import annotations


class AccessError(ValueError):
    """A value that cannot be; `.field` and `.message` say why."""

    status_code = 400

    def __init__(self, field: str, message: str) -> None:
        """Name the field and what would do."""
        self.field = field
        self.message = f"{field}: {message}"
        self.why = message
        super().__init__(self.message)


class UnknownHere(LookupError):
    """There is no such thing where the caller acts; what other communities have is not told apart from nothing."""

    status_code = 404

    def __init__(self, kind: str, name: object) -> None:
        """Say what was looked for."""
        self.message = f"{kind} not found: {name}"
        super().__init__(self.message)


class AccessConflict(Exception):
    """It cannot be as things stand."""

    status_code = 409

    def __init__(self, message: str) -> None:
        """Say why."""
        self.message = message
        super().__init__(message)
