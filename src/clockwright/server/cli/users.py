"""`clockwright user …`: create, list, password, disable, enable."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import UsageProblem
from clockwright.server.output import result_json, result_table, say
from clockwright.server.runtime import maintainer, use_database

app = typer.Typer(
    name="user",
    help="Make and disable users; what they may do is said by `community add`.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, one line."),
]
_COLUMNS = ("username", "email", "is_active", "has_password", "is_maintainer", "last_login")


@app.command("create")
def create(
    name: Name,
    *,
    email: Annotated[str, typer.Option("--email", help="For people.")] = "",
    password_stdin: FromStdin = False,
    maintainer_: Annotated[
        bool,
        typer.Option("--maintainer", help="May use the admin pages, above all communities."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a user. On a terminal the password is asked for; an empty one, or none, is none: then only tokens work."""
    use_database()
    from clockwright.access.documents import user_document
    from clockwright.access.users import NewUser, create_user

    who = maintainer("user create")
    made = create_user(
        who,
        NewUser(
            username=name,
            email=email,
            password=_password(from_stdin=password_stdin),
            is_maintainer=maintainer_,
        ),
    )
    say(f"user {name!r} is made, and in no community yet: `clockwright community add {name}`")
    if as_json:
        result_json(user_document(made))


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the users of the installation by name."""
    use_database()
    from clockwright.access.documents import user_document
    from clockwright.access.users import all_users

    maintainer("user list")
    rows = [user_document(user) for user in all_users()]
    if as_json:
        result_json({"items": rows})
        return
    result_table(_COLUMNS, [[row[column] for column in _COLUMNS] for row in rows])


@app.command("password")
def password(name: Name, *, password_stdin: FromStdin = False) -> None:
    """Set a user's password, which ends the sessions that the old one opened."""
    use_database()
    from clockwright.access.users import get_user, set_password

    who = maintainer("user password")
    get_user(name)
    given = _password(from_stdin=password_stdin)
    if given is None:
        raise UsageProblem("password: none was given; type one, or use --password-stdin")
    set_password(who, name, given)
    say(f"user {name!r} has another password")


@app.command("disable")
def disable(name: Name) -> None:
    """Close a user's sessions and tokens at once; memberships and history stay."""
    _set_active(name, active=False)


@app.command("enable")
def enable(name: Name) -> None:
    """Let a disabled user in again."""
    _set_active(name, active=True)


def _set_active(name: str, *, active: bool) -> None:
    use_database()
    from clockwright.access.users import set_active

    state = "enabled" if active else "disabled"
    changed = set_active(
        maintainer("user enable" if active else "user disable"), name, active=active
    )
    say(f"user {name!r} is {state}" if changed else f"user {name!r} was {state} before")


def _password(*, from_stdin: bool) -> str | None:
    """What was typed, without an echo, or the first line of standard input; None for nothing."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n") or None
    if not sys.stdin.isatty():
        return None
    typed: str = typer.prompt(
        "Password (none: only tokens)",
        default="",
        show_default=False,
        hide_input=True,
        confirmation_prompt=True,
        err=True,
    )
    return typed or None
