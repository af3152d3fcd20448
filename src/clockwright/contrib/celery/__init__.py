"""Runs on other machines: a function's runs go to a Celery queue, on Redis or RabbitMQ (extra `[celery]`).

Add "clockwright.contrib.celery" to INSTALLED_APPS and name the broker; the workers are
`celery -A clockwright.contrib.celery worker`. Celery is imported by nothing else of Clockwright.
"""

from __future__ import annotations

from typing import Any

__all__ = ["app"]


def __getattr__(name: str) -> Any:
    """`app`, as Celery's command line looks for it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from clockwright.contrib.celery.application import project_app

    return project_app()
