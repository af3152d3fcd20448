"""Commands that prepare the database or keep running: `migrate`, `serve`, `worker`, `demo`."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import Annotated

import typer

from clockwright.server.errors import CommandError, UsageProblem
from clockwright.server.output import say
from clockwright.server.runtime import use_database, use_django

Port = Annotated[
    int | None,
    typer.Option(
        "--port", "-p", min=0, max=65_535, help="Where to listen; default: PORT, else 8000."
    ),
]
Host = Annotated[
    str, typer.Option("--host", help="The address to listen on; 0.0.0.0 for all of them.")
]
Drain = Annotated[
    float,
    typer.Option(
        "--drain", min=0, max=3_600, help="Seconds that running work is given to finish on SIGTERM."
    ),
]


def migrate() -> None:
    """Bring the database to this version. Creates no schedules, and says nothing about a database that is current."""
    use_django()
    from django.core.management import call_command

    from clockwright.server.runtime import probe, waiting_migrations

    probe()
    waiting = waiting_migrations()
    call_command("migrate", interactive=False, verbosity=0)
    if waiting:
        say(f"migrated: {len(waiting)} migrations applied")


def serve(
    *,
    port: Port = None,
    host: Host = "127.0.0.1",
    engine: Annotated[
        bool, typer.Option("--engine/--no-engine", help="Also run what is due.")
    ] = True,
    drain: Drain = 10.0,
) -> None:
    """Serve console and API, and run what is due, until SIGTERM or Ctrl-C."""
    from clockwright.server import ports

    listener = ports.bind(host, ports.port_from_environment() if port is None else port)
    use_database(quiet=False)
    from clockwright.server import serving

    plan = serving.Plan(
        engine=engine,
        drain=drain,
        on_ready=lambda: say(f"serving {ports.url_of(listener)}/ (Ctrl-C drains and stops)"),
    )
    serving.serve(listener, plan)


def worker(*, drain: Drain = 10.0) -> None:
    """Run what is due, without web or API, until SIGTERM or Ctrl-C; any number of them share one database."""
    use_database(quiet=False)
    from clockwright.schedules.engines import run_until_signalled

    ended_well = run_until_signalled(
        drain, on_ready=lambda: say("worker is running (Ctrl-C drains and stops)")
    )
    if not ended_well:
        raise CommandError("the engine stopped by itself; its log says why")


def demo(
    *,
    port: Port = None,
    host: Host = "127.0.0.1",
    run_for: Annotated[
        str,
        typer.Option("--run-for", envvar="RUN_FOR", help="End by itself after so many seconds."),
    ] = "",
) -> None:
    """Show it: sample schedules, the console, and every run printed as it ends. What `make run` does."""
    from clockwright.server import ports

    stop_after = _seconds("RUN_FOR", run_for) if run_for else None
    listener = ports.bind(host, ports.port_from_environment() if port is None else port)
    is_log_wanted = "LOG_LEVEL" in os.environ
    use_django()
    if not is_log_wanted:
        # every run is told on stdout already; trouble of the engine itself still shows
        logging.getLogger("clockwright.audit").setLevel(logging.CRITICAL)
    from clockwright.server import demo as demonstration

    demonstration.run(listener, stop_after)


def _seconds(name: str, text: str) -> timedelta:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 86_400 * 365:
        raise UsageProblem(
            f"{name}: {text!r} is not a number of seconds above 0; give for example {name}=20"
        )
    return timedelta(seconds=value)
