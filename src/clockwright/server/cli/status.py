"""`clockwright nodes` and `openapi`: who runs what is due, and what the API says of itself."""

from __future__ import annotations

from clockwright.server.cli.options import AsJson
from clockwright.server.output import iso_utc, result_json, result_table
from clockwright.server.runtime import use_database, use_django


def nodes(*, as_json: AsJson = False) -> None:
    """List the engine processes, newest first, the living and the ones that stopped or died."""
    use_database()
    from clockwright.server.selectors import latest_nodes

    rows = [
        {
            "node_id": node.node_id,
            "alive": node.is_alive,
            "host": node.host,
            "pid": node.pid,
            "capacity": node.capacity,
            "started_at": iso_utc(node.started_at),
            "heartbeat_at": iso_utc(node.heartbeat_at),
            "lease_until": iso_utc(node.lease_until),
        }
        for node in latest_nodes()
    ]
    if as_json:
        result_json({"items": rows})
        return
    columns = ("node_id", "alive", "capacity", "started_at", "heartbeat_at")
    result_table(
        columns,
        [
            ["yes" if row[c] is True else "no" if row[c] is False else row[c] for c in columns]
            for row in rows
        ],
    )


def openapi() -> None:
    """Print the API's OpenAPI description as JSON."""
    use_django()
    from clockwright.api.application import openapi_document

    result_json(openapi_document())
