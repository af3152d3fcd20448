"""Many lines as one record: what a node says of a thousand runs is formatted and written at once.

Only to handlers that know of it. Where any other listens (a host's, a test's, a collector's), each line is a record of
its own with its fields as extras (S4-50).
"""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Iterator

from clockwright.audit.lines import Lines

_EXTRAS = (
    "event_type",
    "community",
    "user",
    "action",
    "result",
    "schedule_id",
    "workflow_id",
    "execution_id",
    "request_id",
    "time_ms",
)


class GroupHandler(logging.Handler):
    """A mark: the handler's formatter knows what to do with a record that carries `Lines`."""


class GroupStreamHandler(logging.StreamHandler, GroupHandler):  # type: ignore[type-arg]
    """A stream that takes groups."""


class GroupFileHandler(logging.handlers.RotatingFileHandler, GroupHandler):
    """A rotating file that takes groups; it may grow over its limit by one of them."""


def log_lines(logger: logging.Logger, level: int, lines: Lines) -> None:
    """Log lines of one level, as one record where every handler takes that."""
    if _takes_groups(logger):
        logger.log(level, "%s", lines)
        return
    for line in lines:
        extras = {name: line.facts.get(name) for name in _EXTRAS}
        logger.log(level, "%s", line, extra=extras)


def _takes_groups(logger: logging.Logger) -> bool:
    if logger.filters:
        return False
    handlers = list(_handlers_of(logger))
    return bool(handlers) and all(
        isinstance(handler, GroupHandler) and not handler.filters for handler in handlers
    )


def _handlers_of(logger: logging.Logger) -> Iterator[logging.Handler]:
    """All that a record of this logger reaches."""
    asked: logging.Logger | None = logger
    while asked is not None:
        yield from asked.handlers
        asked = asked.parent if asked.propagate else None
