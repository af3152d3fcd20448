"""The `clockwright` command. Importing it loads no Django; a command that needs Django loads it itself."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from clockwright.server.errors import Exit, explain
from clockwright.server.output import say

_DEBUG = "--debug"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; a problem is one line on stderr, with --debug a traceback."""
    from typer import TyperException
    from typer.main import get_command

    from clockwright.server.cli.app import app

    arguments = list(sys.argv[1:] if argv is None else argv)
    is_debugging = _DEBUG in arguments
    arguments = [argument for argument in arguments if argument != _DEBUG]
    try:
        code = get_command(app).main(arguments, prog_name="clockwright", standalone_mode=False)
    except TyperException as usage:
        say(f"error: {usage.format_message().replace('Value error, ', '')}")
        return usage.exit_code
    except BrokenPipeError:
        return _closed_pipe()
    except Exception as error:
        if is_debugging:
            raise
        _note(error)
        message, exit_code = explain(error)
        say(f"error: {message}")
        return exit_code
    return Exit.OK if code is None else int(code)


def _note(error: Exception) -> None:
    """What the policy refused a member (`--as`) is in the trail, as it is from every other entrance."""
    callers = sys.modules.get("clockwright.access.callers")
    if callers is None or not isinstance(error, callers.Forbidden):
        return
    from clockwright.access.policy import note_refusal

    if not os.environ.get("LOG_DIR"):
        # it is told on stderr already
        logging.getLogger("clockwright.audit").setLevel(logging.ERROR)
    note_refusal(error, path="cli")


def _closed_pipe() -> int:
    """The reader went away (`clockwright runs | head`): end quietly, also when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.OK
