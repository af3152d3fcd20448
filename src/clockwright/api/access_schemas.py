"""Shapes of requests and answers about tokens, communities, members and grants."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from clockwright.access.callers import Right, Role
from clockwright.access.grants import Grantee, GranteeKind
from clockwright.api.schemas import Answer, Body, Instant, Text

Slug = Annotated[Text, Field(min_length=1, max_length=100)]
Username = Annotated[Text, Field(min_length=1, max_length=150)]
_Scopes = Annotated[list[Right], Field(min_length=1, max_length=5)]


class CreateToken(Body):
    """A token of the caller's community."""

    name: Annotated[Text, Field(max_length=100)] = Field(
        description="Who will use it; the audit trail shows it.", examples=["ci-server"]
    )
    role: Role = Role.VIEWER
    scopes: _Scopes | None = Field(
        default=None, description="Narrow what the role gives; left out: everything that it gives."
    )
    username: Username | None = Field(
        default=None, description="Acts as this member, and never as more than the member may."
    )
    expires_at: AwareDatetime | None = Field(
        default=None, description="Left out: never, or as late as the community lets any."
    )


class Token(Answer):
    """A token, without its text."""

    token_id: UUID
    name: str
    role: Role
    scopes: list[Right] | None
    community: str
    username: str | None
    prefix: str = Field(description="Its first letters, for people to tell it by.")
    state: str = Field(examples=["valid"], description="`valid`, `expired` or `revoked`.")
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None = Field(description="To the minute.")
    revoked_at: Instant | None


class TokenMade(Token):
    """A new token, with its text: the only time that it is told."""

    token: str = Field(examples=["cw_…"])


class Tokens(Answer):
    """The community's tokens."""

    items: list[Token]
    next: None = None


class WhoAmI(Answer):
    """The caller as the policy sees it."""

    actor: str
    community: str
    role: Role
    rights: list[Right] = Field(description="In the whole community; grants come on top.")


class Community(Answer):
    """A community and its settings."""

    community: str = Field(examples=["night-shift"])
    name: str
    longest_token_days: int | None = Field(description="How long a new token may last at most.")
    created_at: Instant


class Communities(Answer):
    """The communities that the caller acts in: with a token, one."""

    items: list[Community]
    next: None = None


class ChangeCommunity(Body):
    """What is to be different."""

    name: Annotated[Text, Field(max_length=200)] | None = None
    longest_token_days: int | None = Field(default=None, description="0: without a limit.")


class PutMember(Body):
    """What a user is to be."""

    role: Role


class Member(Answer):
    """A user in a community."""

    username: str
    role: Role
    is_active: bool = Field(description="Whether the user may sign in at all.")
    created_at: Instant


class Members(Answer):
    """The community's members, by name."""

    items: list[Member]
    next: None = None


class GrantPlace(BaseModel):
    """Which grant an address names."""

    community: Slug
    workflow_id: UUID
    kind: GranteeKind
    grantee: Username

    @property
    def to(self) -> Grantee:
        """To whom."""
        return Grantee(kind=self.kind, name=self.grantee)


class PutGrant(Body):
    """Exactly what is to be granted; `view` comes with every other."""

    rights: _Scopes


class Grant(Answer):
    """What somebody may do with one workflow beyond their role."""

    workflow_id: UUID
    kind: GranteeKind
    grantee: str
    rights: list[Right]
    created_at: Instant


class Grants(Answer):
    """The community's grants, by workflow."""

    items: list[Grant]
    next: None = None


class Gone(Answer):
    """It is there no longer, or holds no longer."""

    status: str = Field(examples=["removed"])
