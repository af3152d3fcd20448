"""`clockwright doctor`, `nodes` and `openapi`: how it stands, and what the API says of itself."""

from __future__ import annotations

from clockwright.server.cli.options import AsJson
from clockwright.server.errors import Exit
from clockwright.server.output import iso_utc, result_json, result_table, say
from clockwright.server.runtime import use_database, use_django


def doctor(*, as_json: AsJson = False) -> int:
    """Look at everything that has to be right; 0 if it is, 5 without a usable database, else 1."""
    use_django()
    from clockwright.server import checkup

    findings = checkup.examine()
    if as_json:
        result_json(
            {"ok": checkup.is_well(findings), "checks": [finding.as_json() for finding in findings]}
        )
    else:
        result_table(("", "check", "finding"), [(f.verdict, f.check, f.finding) for f in findings])
        for finding in findings:
            if finding.mend:
                say(f"{finding.check}: {finding.mend}")
    if checkup.is_unavailable(findings):
        return Exit.UNAVAILABLE
    return Exit.OK if checkup.is_well(findings) else Exit.FAILURE


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
