"""Whether a process serves the web, so that it should run an engine too. Pure: facts in, verdict out (R5, C-41).

`AppConfig.ready()` runs in every Django process. Only one that answers requests gets an engine by itself: a server's
worker, `runserver`'s child, not its watcher; never migrate, tests, shells, scripts or Celery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePath
from typing import Final


class Verdict(StrEnum):
    """Whether to start an engine in a process."""

    NO = "no"
    HERE = "here"
    IN_CHILDREN = "in_children"
    """This process loads the application and then forks the workers that serve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """What is known of a process: `modules` are those of the functions it is in while the application loads.

    `wish` is CLOCKWRIGHT_AUTOSTART: None when it says nothing. `uwsgi_worker`: 0 in uWSGI's master, else the number
    of the worker; None outside uWSGI.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    modules: frozenset[str]
    wish: bool | None = None
    uwsgi_worker: int | None = None


_DJANGO: Final = frozenset({"manage.py", "django-admin", "django-admin.py"})
_TESTS: Final = frozenset({"pytest", "py.test", "unittest", "nose2", "tox"})
_OWN: Final = frozenset({"clockwright"})
"""The command that says itself whether it runs an engine."""

_SERVERS: Final = ("uvicorn.server", "uvicorn.config", "daphne.server", "daphne.cli")
_HYPERCORN: Final = ("hypercorn.asyncio.run", "hypercorn.trio.run")
_GUNICORN_WORKERS: Final = "gunicorn.workers."
_GUNICORN_MASTER: Final = "gunicorn.arbiter"


def verdict(facts: ProcessFacts) -> Verdict:
    """What to do in a process. A wish counts for any program but Django's commands, tests and our own command."""
    if facts.wish is False:
        return Verdict.NO
    program = _program(facts.argv)
    if program in _TESTS | _OWN:
        return Verdict.NO
    if program in _DJANGO:
        return Verdict.HERE if _is_serving_child(facts) else Verdict.NO
    served = _by_server(facts)
    if served is not Verdict.NO:
        return served
    return Verdict.HERE if facts.wish else Verdict.NO


def _program(argv: Sequence[str]) -> str:
    """The name of the program; for `python -m package` that of the package."""
    if not argv:
        return ""
    path = PurePath(argv[0])
    name = path.parent.name if path.name == "__main__.py" else path.name
    return "django-admin" if name == "django" else name


def _is_serving_child(facts: ProcessFacts) -> bool:
    """`runserver`, in the process that answers: the reloader's child, or the only one with --noreload."""
    if len(facts.argv) < 2 or facts.argv[1] != "runserver":
        return False
    return facts.environ.get("RUN_MAIN") == "true" or "--noreload" in facts.argv


def _by_server(facts: ProcessFacts) -> Verdict:
    if facts.uwsgi_worker is not None:
        return Verdict.HERE if facts.uwsgi_worker > 0 else Verdict.IN_CHILDREN
    if any(module.startswith(_GUNICORN_WORKERS) for module in facts.modules):
        return Verdict.HERE
    if _GUNICORN_MASTER in facts.modules:
        return Verdict.IN_CHILDREN
    # hypercorn's reloader loads the application too, only to see which files to watch
    found = facts.modules & {*_SERVERS, *_HYPERCORN}
    return Verdict.HERE if found else Verdict.NO
