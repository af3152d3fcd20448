"""`clockwright schedule backfill …`: the fire times of a past range, run after all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from clockwright.server.cli.options import AsJson, takes
from clockwright.server.errors import NotFound, UsageProblem
from clockwright.server.output import (
    in_zone,
    result,
    result_facts,
    result_json,
    result_table,
    say,
)
from clockwright.server.runtime import caller, use_database

if TYPE_CHECKING:
    from clockwright.schedules.backfill_models import Backfill
    from clockwright.schedules.models import Schedule

_SHOWN = 20
_MOST = 200
_COLUMNS = (
    "backfill",
    "from (UTC)",
    "to (UTC)",
    "status",
    "decided",
    "succeeded",
    "failed",
    "asked by",
)


def _option(*names: str, **settings: Any) -> Any:
    return typer.Option(*names, **settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The range, and how its runs are let go."""

    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's id or key.")]
    start: Annotated[
        str,
        _option("--from", metavar="INSTANT", help="Included; without an offset in its zone."),
    ]
    end: Annotated[str, _option("--to", metavar="INSTANT", help="Included; it has passed.")]
    overlap: Annotated[
        str | None,
        _option("--overlap", metavar="POLICY", help="buffer_all, allow or skip, of its own runs."),
    ] = None
    max_instances: Annotated[
        int | None, _option("--max-instances", help="Of its own runs at a time; 1.")
    ] = None
    priority: Annotated[
        int | None, _option("--priority", help="-100 to 100, instead of the schedule's own.")
    ] = None
    limit: Annotated[
        int | None, _option("--limit", help="Refuse a range with more fire times; 1000.")
    ] = None
    request_id: Annotated[
        str | None,
        _option("--request-id", help="The same one makes one backfill, however often it is sent."),
    ] = None
    dry_run: Annotated[
        bool, _option("--dry-run", help="Show what would become of each; save nothing.")
    ] = False
    as_json: AsJson = False


@takes(Asked)
def backfill(asked: Asked) -> None:
    """Run the fire times of a past range that did not run; prints the backfill's id."""
    use_database()
    from clockwright.schedules import backfills
    from clockwright.schedules.errors import InvalidScheduleException
    from clockwright.server.cli.additions import in_options

    found = _found(asked.schedule)
    try:
        if asked.dry_run:
            _foresee(asked, found)
            return
        made = backfills.start_backfill(caller(), found.schedule_id, _keys(asked), asked.request_id)
    except InvalidScheduleException as error:
        raise UsageProblem(in_options(error.errors)) from error
    if asked.as_json:
        result_json(_document(made))
        return
    say(f"{found}: {made.total} fire times; `clockwright schedule backfills {found}` shows how far")
    result(str(made.backfill_id))


def backfills(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's id or key.")],
    *,
    limit: Annotated[int, _option("--limit", "-n", help="At most so many: 1 to 200.")] = _SHOWN,
    as_json: AsJson = False,
) -> None:
    """List a schedule's backfills and how far each is, asked for last first."""
    if not 1 <= limit <= _MOST:
        raise UsageProblem(f"--limit: {limit} is out of range; give 1 to {_MOST}")
    use_database()
    from clockwright.schedules.documents import backfill_document
    from clockwright.schedules.selectors import backfill_counts, backfills_page

    found = _found(schedule, also_removed=True)
    rows = backfills_page(caller().community, found.schedule_id, limit).rows
    counts = backfill_counts([row.backfill_id for row in rows])
    documents = [backfill_document(row, counts[row.backfill_id]) for row in rows]
    if as_json:
        result_json({"items": documents})
    elif rows:
        result_table(
            _COLUMNS, [_line(row, told) for row, told in zip(rows, documents, strict=True)]
        )
    else:
        say(f"{found} has no backfills")


def cancel_backfill(
    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="A schedule's id or key.")],
    backfill_id: Annotated[str, typer.Argument(metavar="BACKFILL", help="The backfill's id.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Make no more of a backfill, and cancel its runs that have not begun."""
    use_database()
    from clockwright.schedules import backfills

    try:
        wanted = UUID(backfill_id)
    except ValueError:
        raise NotFound(f"Backfill not found: {backfill_id!r} is not the id of one") from None
    made = backfills.cancel_backfill(caller(), _found(schedule).schedule_id, wanted)
    if as_json:
        result_json(_document(made))
    else:
        say(f"backfill {made.backfill_id} is {made.status}")


def _keys(asked: Asked) -> dict[str, Any]:
    given = {
        "from": asked.start,
        "to": asked.end,
        "overlap": asked.overlap,
        "max_instances": asked.max_instances,
        "priority": asked.priority,
        "limit": asked.limit,
    }
    return {name: value for name, value in given.items() if value is not None}


def _foresee(asked: Asked, found: Schedule) -> None:
    from clockwright.schedules.backfills import foresee_backfill
    from clockwright.schedules.documents import foreseen_document

    foreseen = foresee_backfill(caller(), found.schedule_id, _keys(asked))
    document = foreseen_document(foreseen)
    if asked.as_json:
        result_json(document)
        return
    facts = {
        "fire times": document["total"],
        "would run": document["created"],
        "of them missed or skipped": document["superseding"],
        "ran before": document["existing"],
    }
    if document["pruned_until"] is not None:
        facts["pruned until"] = document["pruned_until"]
    result_facts(facts)
    result("")
    rows = [
        (
            in_zone(one.scheduled_for, found.timezone),
            one.action.value,
            one.row.state.value if one.row else None,
            one.row.reason.value if one.row and one.row.reason else None,
        )
        for one in foreseen.judged[:_SHOWN]
    ]
    result_table(("fire time (local)", "action", "the ledger has", "reason"), rows)
    if len(foreseen.judged) > _SHOWN:
        say(f"and {len(foreseen.judged) - _SHOWN} more; --json shows them")


def _line(row: Backfill, told: dict[str, Any]) -> list[object]:
    status = row.status if row.reason is None else f"{row.status} ({row.reason})"
    return [
        str(row.backfill_id),
        in_zone(row.range_from),
        in_zone(row.range_to),
        status,
        f"{row.created + row.existing} of {row.total}",
        told["succeeded"],
        told["failed"],
        row.asked_by or None,
    ]


def _document(row: Backfill) -> dict[str, Any]:
    from clockwright.schedules.documents import backfill_document
    from clockwright.schedules.selectors import backfill_counts

    return backfill_document(row, backfill_counts([row.backfill_id])[row.backfill_id])


def _found(reference: str, *, also_removed: bool = False) -> Schedule:
    from clockwright.server.selectors import find_schedule

    return find_schedule(caller().community, reference, also_removed=also_removed)
