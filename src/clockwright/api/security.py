"""Who is calling: a bearer token, and nothing else. The community comes from the token alone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from clockwright.access import policy
from clockwright.access.callers import Caller, Right, lowest_role
from clockwright.access.tokens import authenticate
from clockwright.api.parsing import check_size
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category, Result


class BearerToken(HttpBearer):
    """`Authorization: Bearer cw_…`. No session is looked at, so there is nothing to forge a request with."""

    def __call__(self, request: HttpRequest) -> Any:
        """The caller, or None for 401; raises BodyTooLarge once the caller is known."""
        caller = super().__call__(request)
        if caller is not None:
            check_size(request)
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """The caller that the token stands for; a refused token is logged, without it."""
        caller = authenticate(token.strip())
        if caller is None:
            trail.log_event(
                Category.AUTH,
                Action.AUTHENTICATE,
                result=Result.DENIED,
                message="unknown, revoked or expired token",
                actor="anonymous",
                address=request.META.get("REMOTE_ADDR", ""),
                path=request.path,
            )
        return caller


def needs(right: Right) -> dict[str, str]:
    """What the OpenAPI document says of an operation: the right it takes, and the lowest role that has it everywhere."""
    return {"x-needs-role": lowest_role(right).value, "x-needs-right": right.value}


def caller_of(request: HttpRequest, right: Right = Right.VIEW) -> Caller:
    """The caller of a request that got past `BearerToken`; raises Forbidden without the right in the whole community.

    Where a grant on one workflow would do, the commands ask the policy about that workflow instead.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]  # set by ninja
    policy.require(caller, right)
    return caller
