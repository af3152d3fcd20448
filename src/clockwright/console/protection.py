"""What every console page says to the browser: no inline script, no frames, nothing cached, nothing from elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers, patch_vary_headers

V = TypeVar("V", bound=Callable[..., HttpResponseBase])

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def protected(view: V) -> Callable[..., HttpResponseBase]:
    """Decorate a view with the headers of every console page."""

    @functools.wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-Content-Type-Options"] = "nosniff"
        # a sign-in link must not travel on in a Referer
        response.headers["Referrer-Policy"] = "same-origin"
        add_never_cache_headers(response)
        patch_vary_headers(response, ("Cookie", "HX-Request"))
        return response

    return respond
