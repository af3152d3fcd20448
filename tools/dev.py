#!/usr/bin/env python3
"""The commands of a developer's day: `python3 tools/dev.py setup|run|test|check|bench|soak|lock`.

`make test ARGS="-k name"` and `python3 tools/dev.py test -k name` are the same thing.
Standard library only: it must run before anything is installed.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is what tells people so
    sys.exit(
        "Clockwright needs Python 3.11 or newer; this is %d.%d (%s).\n"  # noqa: UP031
        "Name a newer one, for example: make test PYTHON=python3.13"
        % (sys.version_info[0], sys.version_info[1], sys.executable)
    )

import os
import shlex
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from tools import checks, environment, postgres, processes, suite  # noqa: E402

DAY = 86_400.0

COMMANDS = {
    "setup": "make the environment (.venv) current",
    "run": "the product with sample data; PORT=8000, RUN_FOR=seconds",
    "test": "the whole suite on SQLite and PostgreSQL; arguments go to pytest",
    "check": "format, lint, types, contracts, sizes, migrations, OpenAPI",
    "bench": "measure, beside the limit and the peers, and bring docs/explanation/benchmarks.md up to date",
    "soak": "the long tests: tests/soak on both databases, tests/proofs once",
    "lock": "resolve both locks anew from pyproject.toml (needs uv)",
}


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        lines = [f"  {name:<6} {text}" for name, text in COMMANDS.items()]
        print("\n".join(["usage: python3 tools/dev.py COMMAND [ARGUMENT ...]", *lines]))
        return 0 if arguments in (["-h"], ["--help"]) else 2
    command = arguments[0]
    rest = arguments[1:] or shlex.split(os.environ.get("ARGS", ""))
    try:
        with processes.stopping_cleanly():
            return _dispatch(command, rest)
    except (environment.SetupError, postgres.PostgresError) as problem:
        environment.say(str(problem))
        return 1
    except (KeyboardInterrupt, processes.Interrupted):
        environment.say("Stopped.")
        return 130


def _dispatch(command: str, rest: list[str]) -> int:
    if command == "lock":
        return environment.resolve_lock()
    environment.ensure()
    if command == "setup":
        return 0
    if command == "run":
        return _serve(rest)
    if command == "check":
        return checks.main()
    if command == "bench":  # it starts databases of its own
        return processes.run([environment.venv_bin("python"), "bench/run.py", *rest], seconds=DAY)
    if command == "soak" and not any(Path(text).exists() for text in rest):
        rest = [*rest, "tests/soak", "tests/proofs"]
    return suite.main(rest)


def _serve(rest: list[str]) -> int:
    """Become the product, so that signals and the exit code are its own."""
    os.chdir(environment.ROOT)
    clockwright = environment.venv_bin("clockwright")
    sys.stdout.flush()
    os.execv(clockwright, [clockwright, "demo", *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
