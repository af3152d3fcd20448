"""`clockwright token …`: create, list, revoke."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import UsageProblem
from clockwright.server.output import in_zone, result, result_json, result_table, say
from clockwright.server.runtime import caller, use_database

app = typer.Typer(name="token", help="Make and end API tokens.", no_args_is_help=True)

_LONGEST_DAYS = 36_500


class Role(StrEnum):
    """What a token may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


TokenName = Annotated[
    str, typer.Argument(metavar="NAME", help="Who will use it; the audit trail shows it.")
]
TokenRole = Annotated[
    Role,
    typer.Option("--role", help="viewer looks, operator also changes, admin also administers."),
]
Days = Annotated[
    int | None,
    typer.Option("--expires", metavar="DAYS", help="Runs out after so many days; default: never."),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", metavar="RIGHT", help="Narrow what the role gives; again for more."),
]
Member = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Acts as this member.")]


@app.command("create")
def create(
    name: TokenName,
    *,
    role: TokenRole = Role.VIEWER,
    expires: Days = None,
    scope: Scopes = None,
    user: Member = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, alone, on stdout. It is shown this once and stored only as a hash."""
    if expires is not None and not 1 <= expires <= _LONGEST_DAYS:
        raise UsageProblem(f"--expires: {expires} is out of range; give 1 to {_LONGEST_DAYS} days")
    use_database()
    from clockwright.access.documents import token_document
    from clockwright.access.tokens import NewToken, issue_token
    from clockwright.engine.clock import utc_now

    who = caller()
    expires_at = None if expires is None else utc_now() + timedelta(days=expires)
    new = NewToken(
        name=name,
        role=role.value,
        community=who.community,
        expires_at=expires_at,
        scopes=scope,
        username=user,
    )
    token, text = issue_token(new, by=who)
    if as_json:
        result_json({**token_document(token), "token": text})
        return
    end = token.expires_at
    until = "never runs out" if end is None else f"runs out {in_zone(end)}"
    say(
        f"token {token.name!r}: {token.role} in {token.community_id}, {until}; it is shown this once:"
    )
    result(text)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the community's tokens, newest first; never their text."""
    use_database()
    from clockwright.access import policy
    from clockwright.access.callers import Right
    from clockwright.access.documents import token_document
    from clockwright.access.selectors import tokens_of

    who = caller()
    policy.require(who, Right.MANAGE)
    rows = [token_document(token) for token in tokens_of(who.community)]
    if as_json:
        result_json({"items": rows})
        return
    columns = ("token_id", "name", "role", "prefix", "state", "expires_at", "last_used_at")
    result_table(columns, [[row[column] for column in columns] for row in rows])


@app.command("revoke")
def revoke(
    token: Annotated[
        str,
        typer.Argument(metavar="TOKEN", help="A token's id or prefix, as `token list` shows it."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """End a token for good, and with it every session it opened."""
    use_database()
    from clockwright.access.documents import token_document
    from clockwright.access.tokens import revoke_token
    from clockwright.server.selectors import find_token

    who = caller()
    found = find_token(who.community, token)
    changed = revoke_token(found.pk, by=who)
    say(
        f"token {found.name!r} is revoked"
        if changed
        else f"token {found.name!r} had been revoked before"
    )
    if as_json:
        found.refresh_from_db()
        result_json(token_document(found))
