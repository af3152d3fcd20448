"""The API as ninja knows it, and the OpenAPI document it is described by."""

from __future__ import annotations

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from clockwright import __version__
from clockwright.api import errors
from clockwright.api.backfills import router as backfills
from clockwright.api.calendars import router as calendars
from clockwright.api.communities import router as communities
from clockwright.api.description import complete
from clockwright.api.explain import router as explain
from clockwright.api.forecast import router as forecast
from clockwright.api.functions import router as functions
from clockwright.api.health import router as health
from clockwright.api.parsing import StrictParser
from clockwright.api.preview import router as preview
from clockwright.api.runs import router as runs
from clockwright.api.schedules import router as schedules
from clockwright.api.security import BearerToken
from clockwright.api.tokens import router as tokens
from clockwright.api.workflows import router as workflows

PREFIX = "/api/v1/"


class _Api(NinjaAPI):
    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        """The document with what ninja leaves out, and the same wherever it is asked for."""
        document = super().get_openapi_schema(path_prefix=PREFIX, path_params=path_params)
        complete(document)
        return document


def _build() -> NinjaAPI:
    api = _Api(
        title="Clockwright",
        version=__version__,
        description=(
            "Durable schedules. Every call but health takes `Authorization: Bearer cw_…`; "
            "the token says whose schedules are meant. Instants are ISO 8601 with an offset."
        ),
        urls_namespace="clockwright-api",
        auth=BearerToken(),
        parser=StrictParser(),
    )
    errors.install(api)
    for prefix, router in (
        ("/schedules", schedules),
        ("/schedules", backfills),
        ("/runs", runs),
        ("/workflows", workflows),
        ("/calendars", calendars),
        ("/preview", preview),
        ("/explain", explain),
        ("/forecast", forecast),
        ("/functions", functions),
        ("/tokens", tokens),
        ("/communities", communities),
        ("/health", health),
    ):
        api.add_router(prefix, router)
    return api


api = _build()


def openapi_document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the API, as plain JSON-able data."""
    return dict(api.get_openapi_schema())
