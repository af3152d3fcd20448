"""Logging of the stand-alone server: JSON in production, a readable console in debug; always on stderr."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from structlog.typing import EventDict, Processor, WrappedLogger

from clockwright.audit.lines import json_in, lines_in

FORMATS = ("json", "console", "line")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_FILE_BYTES = 10_000_000
_FILE_COUNT = 5


def logging_settings(*, debug: bool) -> dict[str, Any]:
    """Django's LOGGING. LOG_FORMAT is json, console or line (the documented one); LOG_DIR adds a rotating file."""
    shape = _choice("LOG_FORMAT", FORMATS, "console" if debug else "json")
    level = _choice("LOG_LEVEL", _LEVELS, "INFO")
    handlers: dict[str, Any] = {
        "stderr": {
            # both write on stderr unless told otherwise
            "class": "logging.StreamHandler"
            if shape == "console"
            else "clockwright.audit.groups.GroupStreamHandler",
            "formatter": shape,
        }
    }
    folder = os.environ.get("LOG_DIR", "")
    if folder:
        handlers["file"] = _file_handler(folder)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {**_structured(structlog.processors.JSONRenderer()), "()": JsonFormatter},
            "console": _structured(structlog.dev.ConsoleRenderer(colors=False)),
            "line": {"()": "clockwright.audit.lines.LineFormatter"},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Django's own line per request has no place beside ours; what it refuses is worth a line
            "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
            "uvicorn.error": {"level": "WARNING"},
        },
    }


def _structured(renderer: Processor) -> dict[str, Any]:
    before: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _plain_event,
        structlog.processors.format_exc_info,
    ]
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": before,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }


def _plain_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take what a line of the trail says as fields, and its bare message instead of the whole line."""
    record = event.get("_record")
    lines = lines_in(record) if isinstance(record, logging.LogRecord) else ()
    return {**event, **lines[0].fields()} if len(lines) == 1 else event


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """JSON; the lines of the trail take the short way, since there are two of them for every run."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; of a group one each."""
        lines = json_in(record)
        if not lines:
            return super().format(record)
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        facts = {"timestamp": at, "level": record.levelname.lower(), "logger": record.name}
        head = json.dumps(facts)[:-1]
        return "\n".join([f"{head}, {line[1:]}" for line in lines])


def _file_handler(folder: str) -> dict[str, Any]:
    path = Path(folder)
    if not path.is_dir():
        raise ImproperlyConfigured(f"LOG_DIR: the folder {folder!r} does not exist; make it first")
    return {
        "class": "clockwright.audit.groups.GroupFileHandler",
        "filename": str(path / "clockwright.log"),
        "maxBytes": _FILE_BYTES,
        "backupCount": _FILE_COUNT,
        "encoding": "utf-8",
        "delay": True,
        "formatter": "line",
    }


def _choice(name: str, choices: tuple[str, ...], default: str) -> str:
    given = os.environ.get(name, "").strip() or default
    for choice in choices:
        if given.lower() == choice.lower():
            return choice
    raise ImproperlyConfigured(f"{name}: {given!r} is not known; write one of {', '.join(choices)}")
