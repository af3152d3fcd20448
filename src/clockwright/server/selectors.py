"""Questions about the whole installation, whichever community a row belongs to; each is one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from clockwright.access.models import ApiToken
from clockwright.schedules.models import Node, Run, Schedule
from clockwright.server.errors import NotFound, UsageProblem


def latest_nodes(limit: int = 100) -> list[Node]:
    """The newest engine processes, living or not."""
    return list(Node.objects.newest_first()[:limit])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Which rows of the ledger are asked for; no states means all of them."""

    community: str
    schedule_id: UUID | None = None
    states: tuple[str, ...] = ()

    def runs(self) -> QuerySet[Run]:
        """The rows, unordered, with their schedules and without the long columns."""
        rows = Run.objects.in_community(self.community).select_related("schedule")
        if self.schedule_id is not None:
            rows = rows.of_schedule(self.schedule_id)
        if self.states:
            rows = rows.filter(status__in=self.states)
        return rows.defer("traceback", "args", "context_data")


def latest_runs(ledger: Ledger, limit: int) -> list[Run]:
    """The newest rows first."""
    return list(ledger.runs().order_by("-run_id")[:limit])


def ended_runs(ledger: Ledger, since: datetime | None, limit: int = 1_000) -> list[Run]:
    """The rows that ended at an instant or later, the earliest first."""
    ended = ledger.runs().filter(finished_at__isnull=False)
    if since is not None:
        ended = ended.filter(finished_at__gte=since)
    return list(ended.order_by("finished_at", "run_id")[:limit])


def schedules_of(community: str, status: str | None, limit: int) -> list[Schedule]:
    """A community's schedules, the one that fires next first; without a status all but the removed ones."""
    rows = Schedule.objects.in_community(community)
    rows = rows.present() if status is None else rows.filter(status=status)
    return list(rows.next_first()[:limit])


def find_schedule(community: str, reference: str, *, also_removed: bool = False) -> Schedule:
    """The schedule of an id or a key (a removed one has its id alone); raises NotFound."""
    known = Schedule.objects.in_community(community)
    present = known if also_removed else known.present()
    try:
        wanted = Q(schedule_id=UUID(reference)) | Q(key=reference)
    except ValueError:
        wanted = Q(key=reference)
    found = present.filter(wanted).first()
    if found is None:
        raise NotFound(
            f"SCHEDULE: {reference!r} is neither the id nor the key of a schedule in {community!r}; "
            "`clockwright schedule list` shows them, with `--status removed` those that were removed"
        )
    return found


def find_token(community: str, reference: str) -> ApiToken:
    """The token of an id or a prefix; raises NotFound, and UsageProblem for a prefix that two tokens share."""
    tokens = ApiToken.objects.filter(community_id=community)
    try:
        found = list(tokens.filter(pk=UUID(reference)))
    except ValueError:
        found = list(tokens.filter(prefix=reference)[:2])
    if not found:
        raise NotFound(
            f"TOKEN: {reference!r} is neither the id nor the prefix of a token in {community!r}; "
            "`clockwright token list` shows them"
        )
    if len(found) > 1:
        raise UsageProblem(f"TOKEN: {reference!r} is the prefix of two tokens; give the id")
    return found[0]


def schedule_name(schedule_id: UUID) -> str:
    """What people call a schedule; its id when it is gone."""
    found = (
        Schedule.objects.filter(schedule_id=schedule_id).only("name", "key", "schedule_id").first()
    )
    return str(found) if found is not None else str(schedule_id)
