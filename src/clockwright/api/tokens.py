"""`/tokens`: who may call this API, and who is calling."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router, Status

from clockwright.access import selectors, tokens
from clockwright.access.callers import Caller, Right
from clockwright.access.documents import token_document
from clockwright.access.errors import UnknownHere
from clockwright.api.access_schemas import (
    CreateToken,
    Gone,
    Token,
    TokenMade,
    Tokens,
    WhoAmI,
)
from clockwright.api.security import caller_of, needs

router = Router(tags=["tokens"])

_MANAGE = needs(Right.MANAGE)


@router.get(
    "", response=Tokens, operation_id="list_tokens", summary="List tokens", openapi_extra=_MANAGE
)
def list_tokens(request: HttpRequest) -> dict[str, Any]:
    """The tokens of the caller's community, newest first, at most 1,000; never their text."""
    caller = caller_of(request, Right.MANAGE)
    found = selectors.tokens_of(caller.community)
    return {"items": [token_document(token) for token in found], "next": None}


@router.post(
    "",
    response={201: TokenMade},
    operation_id="create_token",
    summary="Make a token",
    openapi_extra=_MANAGE,
)
def create_token(
    request: HttpRequest, body: CreateToken, response: HttpResponse
) -> Status[dict[str, Any]]:
    """The answer holds its text, this once. Nobody makes a token that may do more than they may."""
    caller = caller_of(request, Right.MANAGE)
    new = tokens.NewToken(community=caller.community, **body.model_dump())
    token, text = tokens.issue_token(new, caller)
    response.headers["Location"] = reverse(
        "clockwright-api:get_token", kwargs={"token_id": token.pk}
    )
    response.headers["Cache-Control"] = "no-store"
    return Status(201, {**token_document(token), "token": text})


@router.get("/current", response=WhoAmI, operation_id="who_am_i", summary="Who am I")
def who_am_i(request: HttpRequest) -> dict[str, Any]:
    """The caller that the token stands for."""
    caller = caller_of(request)
    rights = [right for right in Right if right in caller.rights]
    return {
        "actor": caller.actor,
        "community": caller.community,
        "role": caller.role,
        "rights": rights,
    }


@router.get(
    "/{token_id}",
    response=Token,
    operation_id="get_token",
    url_name="get_token",
    summary="Get a token",
    openapi_extra=_MANAGE,
)
def get_token(request: HttpRequest, token_id: UUID) -> dict[str, Any]:
    """One token, revoked or not."""
    return _document(caller_of(request, Right.MANAGE), token_id)


@router.delete(
    "/{token_id}",
    response=Gone,
    operation_id="revoke_token",
    summary="Revoke a token",
    openapi_extra=_MANAGE,
)
def revoke_token(request: HttpRequest, token_id: UUID) -> dict[str, Any]:
    """End it for good, and with it every session it opened; it stays in the list. A second time changes nothing."""
    caller = caller_of(request, Right.MANAGE)
    _document(caller, token_id)
    tokens.revoke_token(token_id, caller)
    return {"status": "revoked"}


def _document(caller: Caller, token_id: UUID) -> dict[str, Any]:
    token = selectors.find_token(caller.community, token_id)
    if token is None:
        raise UnknownHere("Token", token_id)
    return token_document(token)
