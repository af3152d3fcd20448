"""How often somebody may fail to sign in, counted in Django's cache: by address, and by account from anywhere.

A cache that drops entries drops counters: give it room for more addresses than anybody comes from in a window.

The default cache is each process's own, so that the limits hold per process; a shared one makes them hold for all.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from ipaddress import IPv4Address, ip_address

from django.core.cache import cache
from django.http import HttpRequest

from clockwright.audit import trail
from clockwright.audit.actions import Action, Category, Result

WINDOW = timedelta(minutes=5)
MOST_OF_AN_ADDRESS = 10
MOST_OF_AN_ACCOUNT = 20
_COUNTED = "_clockwright_failure_counted"


def is_closed(request: HttpRequest | None, account: str = "") -> bool:
    """Whether sign-in is closed to where a request came from, or for an account, until the window is over."""
    keys = _keys(_address(request), account)
    counted = cache.get_many(keys)
    return any(counted.get(key, 0) >= most for key, most in keys.items())


def note_failure(request: HttpRequest | None, message: str, account: str = "") -> None:
    """Count a failure, once a request, and log it without the name: what is typed there is now and then the password."""
    if request is not None and hasattr(request, _COUNTED):
        return
    address = _address(request)
    for key in _keys(address, account):
        _count(key)
    if request is not None:
        setattr(request, _COUNTED, True)
    trail.log_event(
        Category.AUTH,
        Action.AUTHENTICATE,
        result=Result.DENIED,
        message=message,
        actor="anonymous",
        address=address,
        path="" if request is None else request.path,
    )


def _count(key: str) -> None:
    """The window begins with the first failure, and none after it makes it longer."""
    cache.add(key, 0, WINDOW.total_seconds())
    try:
        cache.incr(key)
    except ValueError:
        # the window closed between the two calls: there is nothing left to count in
        return


def _address(request: HttpRequest | None) -> str:
    """Where a request came from, as the web server tells it: which headers of a proxy it believes is its own setting."""
    return "" if request is None else str(request.META.get("REMOTE_ADDR", ""))


def _keys(address: str, account: str) -> dict[str, int]:
    """The counters, and how far each may go. Names are hashed: whatever was typed is a key that every cache takes."""
    keys = {}
    if address:
        keys[_key("address", _network(address))] = MOST_OF_AN_ADDRESS
    if account:
        keys[_key("account", account.casefold())] = MOST_OF_AN_ACCOUNT
    return keys


def _network(address: str) -> str:
    """What one client has to itself: an address of IPv4, but 64 bits of addresses of IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or f"{int(ip) >> 64:x}/64")


def _key(kind: str, text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"clockwright:sign-in-failures:{kind}:{digest}"
