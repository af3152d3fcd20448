"""The command tree."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from clockwright.server.cli import (
    calendars,
    doctor,
    explanation,
    forecast,
    ledger,
    preview,
    retention,
    schedules,
    service,
    status,
    tokens,
)
from clockwright.server.runtime import COMMUNITY

app = typer.Typer(
    name="clockwright",
    help="Runs things on time: durable schedules, one run per fire time, and an answer to why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, asked: bool) -> None:
    if asked:
        from clockwright import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def clockwright(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda asked: _version(asked=asked),
            is_eager=True,
            help="Say which.",
        ),
    ] = False,
    community: Annotated[
        str, typer.Option("--community", envvar=COMMUNITY, help="The community to act in.")
    ] = "default",
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command. `--debug` is taken out before this is reached; it stands here for the help page."""
    os.environ[COMMUNITY] = community


app.command("migrate")(service.migrate)
app.command("serve")(service.serve)
app.command("worker")(service.worker)
app.command("demo")(service.demo)
app.command("prune")(retention.prune)
app.command("preview")(preview.preview)
app.command("explain")(explanation.explain)
app.add_typer(schedules.app, name="schedule")
app.command("runs")(ledger.runs)
app.add_typer(calendars.app, name="calendar")
app.add_typer(tokens.app, name="token")
app.command("doctor")(doctor.doctor)
app.command("forecast")(forecast.forecast)
app.command("nodes")(status.nodes)
app.command("openapi")(status.openapi)
