"""The address to listen on, taken before anything slow starts, so that a taken port is said at once."""

from __future__ import annotations

import errno
import os
import socket

from clockwright.server.errors import CommandError, UsageProblem

DEFAULT_PORT = 8_000


def bind(host: str, port: int) -> socket.socket:
    """A listening address, taken before anything else starts; raises CommandError when it is not to be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
    except OSError as error:
        raise UsageProblem(
            f"--host: {host!r} is no address of this machine ({error}); try 127.0.0.1"
        ) from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        # listening now, and not when uvicorn gets to it, is what makes a taken port show at once
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise CommandError(_refused(host, port, error)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    address, port = listener.getsockname()[:2]
    if address in {"0.0.0.0", "::"}:  # noqa: S104 - what was asked for is only shown here
        address = "127.0.0.1"
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"


def _refused(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken; choose another with PORT={port + 1} or --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} is not allowed for this user; choose one above 1023, such as --port 8000"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


def port_from_environment() -> int:
    """`PORT`, or 8000; raises UsageProblem."""
    text = os.environ.get("PORT", "").strip()
    if not text:
        return DEFAULT_PORT
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise UsageProblem(f"PORT: {text!r} is not a port; give 0 to 65535, for example PORT=8000")
