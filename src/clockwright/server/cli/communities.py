"""`clockwright community …`: create, list, change; members, add, remove; grants, grant, revoke."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import NotFound
from clockwright.server.output import result_json, result_table, say
from clockwright.server.runtime import caller, maintainer, use_database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

app = typer.Typer(
    name="community", help="Communities, their members, and grants.", no_args_is_help=True
)

Username = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Workflow = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="A workflow's id or name, or a function's key.")
]
To = Annotated[str, typer.Argument(metavar="TO", help="user:NAME or role:ROLE.")]


class Role(StrEnum):
    """What a member may do in the whole community."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@app.command("create")
def create(
    slug: Annotated[
        str, typer.Argument(metavar="SLUG", help="For good: lower-case letters, digits, hyphens.")
    ],
    *,
    name: Annotated[str, typer.Option("--name", help="For people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a community, without members and without schedules."""
    use_database()
    from clockwright.access.communities import create_community
    from clockwright.access.documents import community_document

    made = create_community(maintainer("community create"), slug, name)
    say(f"community {slug!r} is made: `clockwright --community {slug} community add NAME`")
    if as_json:
        result_json(community_document(made))


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List all communities by slug."""
    use_database()
    from clockwright.access.documents import community_document
    from clockwright.access.selectors import all_communities

    maintainer("community list")
    rows = [community_document(row) for row in all_communities()]
    _show(rows, ("community", "name", "longest_token_days", "created_at"), as_json=as_json)


@app.command("change")
def change(
    *,
    name: Annotated[str | None, typer.Option("--name", help="For people.")] = None,
    token_days: Annotated[
        int | None,
        typer.Option(
            "--token-days", metavar="DAYS", help="New tokens last no longer; 0: no limit."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change the settings of the community that is acted in; what is left out stays."""
    use_database()
    from clockwright.access.communities import CommunityChange, change_community
    from clockwright.access.documents import community_document

    row = change_community(caller(), CommunityChange(name=name, token_days=token_days))
    say(f"community {row.slug!r} is changed")
    if as_json:
        result_json(community_document(row))


@app.command("members")
def members(*, as_json: AsJson = False) -> None:
    """List who is in the community, and as what."""
    use_database()
    from clockwright.access.documents import member_document
    from clockwright.access.selectors import members_of

    rows = [member_document(member) for member in members_of(caller().community)]
    _show(rows, ("username", "role", "is_active", "created_at"), as_json=as_json)


@app.command("add")
def add(
    name: Username,
    *,
    role: Annotated[
        Role,
        typer.Option("--role", help="viewer looks, operator also changes, admin also administers."),
    ] = Role.VIEWER,
    as_json: AsJson = False,
) -> None:
    """Make a user a member of the community, or give a member another role."""
    use_database()
    from clockwright.access.documents import member_document
    from clockwright.access.members import put_member

    who = caller()
    member, _ = put_member(who, name, role.value)
    say(f"{name!r} is {member.role} in {who.community!r}")
    if as_json:
        result_json(member_document(member))


@app.command("remove")
def remove(name: Username) -> None:
    """Take a member out of the community, with their tokens and grants there."""
    use_database()
    from clockwright.access.members import remove_member

    who = caller()
    remove_member(who, name)
    say(f"{name!r} is no member of {who.community!r} any more")


@app.command("grants")
def grants(*, as_json: AsJson = False) -> None:
    """List what members may do with single workflows beyond their role."""
    use_database()
    from clockwright.access.documents import grant_document
    from clockwright.access.selectors import grants_of

    rows = [grant_document(grant) for grant in grants_of(caller().community)]
    _show(rows, ("workflow_id", "kind", "grantee", "rights"), as_json=as_json)


@app.command("grant")
def grant(
    workflow: Workflow,
    to: To,
    rights: Annotated[
        list[str],
        typer.Argument(metavar="RIGHT", help="view, edit, execute, delete, manage; one or more."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Let a member, or a role and those above it, have exactly these rights on a workflow."""
    use_database()
    from clockwright.access.documents import grant_document
    from clockwright.access.grants import grantee, put_grant

    row, _ = put_grant(caller(), _workflow_id(workflow), grantee(to), rights)
    told = grant_document(row)
    say(f"{to} may {', '.join(told['rights'])} {workflow}")
    if as_json:
        result_json(told)


@app.command("revoke")
def revoke(workflow: Workflow, to: To) -> None:
    """End a grant, all that it gave."""
    use_database()
    from clockwright.access.grants import grantee, remove_grant

    remove_grant(caller(), _workflow_id(workflow), grantee(to))
    say(f"{to} has no grant on {workflow} any more")


def _workflow_id(workflow: str) -> UUID:
    """An id, or that of a function's key or a workflow's name; raises NotFound."""
    from clockwright.engine.registry import default_registry
    from clockwright.schedules.catalog import workflow_reference
    from clockwright.workflows.selectors import find_by_name

    reference = workflow_reference(workflow)
    if not isinstance(reference, str):
        return reference
    found = default_registry.get(reference) or find_by_name(caller().community, reference)
    if found is None:
        raise NotFound(
            f"WORKFLOW: {workflow!r} is neither an id, nor a function's key, nor a workflow's name"
        )
    return found.workflow_id


def _show(rows: Sequence[dict[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        result_json({"items": list(rows)})
        return
    result_table(columns, [[_cell(row[column]) for column in columns] for row in rows])


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
