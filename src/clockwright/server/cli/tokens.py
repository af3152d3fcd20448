"""`clockwright token …`: create, list, revoke."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import UsageProblem
from clockwright.server.output import in_zone, iso_utc, result, result_json, result_table, say
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from clockwright.access.models import ApiToken

app = typer.Typer(name="token", help="Make and end API tokens.", no_args_is_help=True)

_LONGEST_DAYS = 36_500


class Role(StrEnum):
    """What a token may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command("create")
def create(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Who will use it; the audit trail shows it.")
    ],
    *,
    role: Annotated[
        Role,
        typer.Option("--role", help="viewer looks, operator also changes, admin also administers."),
    ] = Role.VIEWER,
    expires: Annotated[
        int | None,
        typer.Option(
            "--expires", metavar="DAYS", help="Runs out after so many days; default: never."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, alone, on stdout. It is shown this once and stored only as a hash."""
    if expires is not None and not 1 <= expires <= _LONGEST_DAYS:
        raise UsageProblem(f"--expires: {expires} is out of range; give 1 to {_LONGEST_DAYS} days")
    use_database()
    from clockwright.access.tokens import TokenError, issue_token
    from clockwright.engine.clock import utc_now

    who = caller()
    expires_at = None if expires is None else utc_now() + timedelta(days=expires)
    try:
        token, text = issue_token(name, role.value, who.community, expires_at=expires_at, by=who)
    except TokenError as error:
        raise UsageProblem(f"{error.field}: {error.message}") from error
    if as_json:
        result_json({**_as_json(token), "token": text})
        return
    until = "never runs out" if expires_at is None else f"runs out {in_zone(expires_at)}"
    say(
        f"token {token.name!r}: {token.role} in {token.community_id}, {until}; it is shown this once:"
    )
    result(text)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the community's tokens, newest first; never their text."""
    use_database()
    from clockwright.server.selectors import tokens_of

    tokens = tokens_of(caller().community)
    if as_json:
        result_json({"items": [_as_json(token) for token in tokens]})
        return
    columns = ("token_id", "name", "role", "prefix", "state", "expires_at", "last_used_at")
    result_table(columns, [[_as_json(token)[column] for column in columns] for token in tokens])


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
        result_json(_as_json(found))


def _as_json(token: ApiToken) -> dict[str, Any]:
    return {
        "token_id": str(token.pk),
        "name": token.name,
        "role": token.role,
        "community": token.community_id,
        "prefix": token.prefix,
        "state": _state(token),
        "created_at": iso_utc(token.created_at),
        "expires_at": iso_utc(token.expires_at) if token.expires_at else None,
        "last_used_at": iso_utc(token.last_used_at) if token.last_used_at else None,
        "revoked_at": iso_utc(token.revoked_at) if token.revoked_at else None,
    }


def _state(token: ApiToken) -> str:
    from clockwright.access.tokens import holds
    from clockwright.engine.clock import utc_now

    if token.revoked_at is not None:
        return "revoked"
    return "valid" if holds(token, utc_now()) else "expired"
