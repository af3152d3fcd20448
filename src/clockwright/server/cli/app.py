"""The command tree."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from clockwright.server.cli import (
    calendars,
    communities,
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
    users,
    workflows,
)
from clockwright.server.runtime import COMMUNITY, MEMBER

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
    member: Annotated[
        str,
        typer.Option(
            "--as",
            envvar="CLOCKWRIGHT_AS",
            metavar="NAME",
            help="Act as this member, with their rights alone.",
        ),
    ] = "",
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command. `--debug` is taken out before this is reached; it stands here for the help page."""
    os.environ[COMMUNITY] = community
    os.environ[MEMBER] = member


app.command("migrate")(service.migrate)
app.command("serve")(service.serve)
app.command("worker")(service.worker)
app.command("demo")(service.demo)
app.command("prune")(retention.prune)
app.command("preview")(preview.preview)
app.command("explain")(explanation.explain)
app.add_typer(schedules.app, name="schedule")
app.add_typer(workflows.app, name="workflow")
app.command("runs")(ledger.runs)
app.add_typer(calendars.app, name="calendar")
app.add_typer(users.app, name="user")
app.add_typer(communities.app, name="community")
app.add_typer(tokens.app, name="token")
app.command("doctor")(doctor.doctor)
app.command("forecast")(forecast.forecast)
app.command("nodes")(status.nodes)
app.command("openapi")(status.openapi)
