"""Nodes, their leases, and what becomes of the runs of the dead (promise 2)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from clockwright.engine.model import MAX_TAKEOVERS, Node, RunState, Takeover
from clockwright.schedules.store.calls import StoreCalls
from clockwright.schedules.store.dialect import Cursor
from clockwright.schedules.store.rows import NODE_COLUMNS, STATES, read_node

# A run that was claimed while its node was being declared dead, or whose node is unknown, belongs to nobody either.
_ORPHANED = """
    status = 'running' AND NOT EXISTS (
        SELECT 1 FROM schedule_nodes WHERE node_id = schedule_runs.node AND is_alive
    )
"""

_EXPIRED = "is_alive AND lease_until < %s"

_KEEP_ATTEMPTS = """
    INSERT INTO schedule_run_attempts (run_id, attempt, node, status, reason, started_at, finished_at)
    SELECT run_id, attempt, node, 'lost', 'crashed_node', started_at, %s
    FROM schedule_runs WHERE {among}
"""

_LOSE = "at_most_once AND started_at IS NOT NULL"

# Nothing of a removed schedule starts again. Of two reasons to end, the request came first.
_REMOVED = """schedule_id IN (
                SELECT schedule_id FROM workflow_schedules WHERE status = 'removed'
            )"""

_LET_GO = f"""
    UPDATE schedule_runs SET
        status = v_status,
        reason = CASE
            WHEN v_status = 'cancelled' AND cancel_requested_at IS NULL THEN 'schedule_removed'
            WHEN v_status = 'cancelled' THEN COALESCE(reason, 'requested')
            WHEN v_status = 'lost' AND {_LOSE} THEN 'at_most_once'
            WHEN v_status = 'lost' THEN 'crashed_node'
        END,
        takeovers = CASE WHEN v_status = 'queued' THEN takeovers + {{takeovers}} ELSE takeovers END,
        node = CASE WHEN v_status <> 'queued' THEN node END,
        started_at = CASE WHEN v_status <> 'queued' THEN started_at END,
        finished_at = CASE WHEN v_status <> 'queued' THEN %s END,
        ready_at = {{ready_at}}
    FROM (
        SELECT run_id AS v_run_id, CASE
            WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
            WHEN {_LOSE} THEN 'lost'
            WHEN {_REMOVED} THEN 'cancelled'
            WHEN takeovers + {{takeovers}} > {MAX_TAKEOVERS} THEN 'lost'
            ELSE 'queued'
        END AS v_status
        FROM schedule_runs WHERE {{among}} AND status = 'running'
    ) AS v
    WHERE run_id = v_run_id RETURNING run_id, status
"""


class NodeCalls(StoreCalls):
    """The methods of `NodeStore` but `prune`; documented in the port."""

    def register_node(self, node: Node, lease: timedelta) -> None:
        """Insert a node alive for `lease`."""
        self._db.write(partial(self._register, node, lease))

    def beat(self, node_id: str, lease: timedelta) -> bool:
        """Renew the lease; False when the node has been declared dead (or retired), or is unknown."""
        return self._db.write(partial(self._beat, node_id, lease))

    def take_over(self) -> Sequence[Takeover]:
        """Declare nodes with an expired lease dead; requeue their runs, or lose them; an idle look takes no lock."""
        return self._db.write(self._take_over) if self._db.read(self._is_anything_lost) else []

    def hand_back(self, node_id: str, run_ids: Collection[UUID]) -> int:
        """Requeue running runs that the node will not finish; returns how many it let go of."""
        return self._db.write(partial(self._hand_back, node_id, run_ids)) if run_ids else 0

    def retire_node(self, node_id: str) -> None:
        """Take a node that stops out of the living, after handing back whatever it still holds."""
        self._db.write(partial(self._retire, node_id))

    def nodes(self) -> Sequence[Node]:
        """All known nodes, newest first."""
        return self._db.read(self._nodes)

    def _register(self, node: Node, lease: timedelta, cursor: Cursor) -> None:
        now = self._db.now(cursor)
        at, until = self._dialect.instant(now), self._dialect.instant(now + lease)
        cursor.execute(
            "INSERT INTO schedule_nodes"
            " (node_id, host, pid, capacity, started_at, heartbeat_at, lease_until, is_alive)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, true)",
            [node.node_id, node.host, node.pid, node.capacity, at, at, until],
        )

    def _beat(self, node_id: str, lease: timedelta, cursor: Cursor) -> bool:
        now = self._db.now(cursor)
        cursor.execute(
            "UPDATE schedule_nodes SET heartbeat_at = %s, lease_until = %s WHERE node_id = %s AND is_alive",
            [self._dialect.instant(now), self._dialect.instant(now + lease), node_id],
        )
        return cursor.rowcount == 1

    def _nodes(self, cursor: Cursor) -> Sequence[Node]:
        columns = self._dialect.selected(NODE_COLUMNS, "")
        cursor.execute(
            f"SELECT {columns} FROM schedule_nodes ORDER BY schedule_nodes.started_at DESC, node_id DESC"
        )
        return [read_node(self._dialect, row) for row in cursor.fetchall()]

    def _is_anything_lost(self, cursor: Cursor) -> bool:
        now = self._dialect.instant(self._db.now(cursor))
        cursor.execute(
            f"SELECT EXISTS (SELECT 1 FROM schedule_nodes WHERE {_EXPIRED})"
            f" OR EXISTS (SELECT 1 FROM schedule_runs WHERE {_ORPHANED})",
            [now],
        )
        return bool(cursor.fetchone()[0])

    def _take_over(self, cursor: Cursor) -> Sequence[Takeover]:
        now = self._dialect.instant(self._db.now(cursor))
        cursor.execute(
            f"UPDATE schedule_nodes SET is_alive = false WHERE node_id IN ("
            f"SELECT node_id FROM schedule_nodes WHERE {_EXPIRED}{self._dialect.skip_locked}"
            ") RETURNING node_id",
            [now],
        )
        held: dict[str, list[UUID]] = {row[0]: [] for row in cursor.fetchall()}
        cursor.execute(
            f"SELECT run_id, node FROM schedule_runs WHERE {_ORPHANED}{self._dialect.skip_locked}"
        )
        for run_id, node_id in cursor.fetchall():
            held.setdefault(node_id, []).append(self._dialect.read_uuid(run_id))
        states = self._rescue(cursor, [run_id for runs in held.values() for run_id in runs], now)
        return [
            Takeover(node_id=node_id, runs=[(run_id, states[run_id]) for run_id in sorted(runs)])
            for node_id, runs in held.items()
        ]

    def _rescue(self, cursor: Cursor, ids: Sequence[UUID], now: Any) -> Mapping[UUID, RunState]:
        """Keep the attempts that died, and let go of their runs; the rows are locked."""
        among = self._dialect.is_one_of("run_id", ids)
        cursor.execute(_KEEP_ATTEMPTS.format(among=among.sql), [now, *among.params])
        return self._let_go(cursor, ids, now, takeovers=1)

    def _let_go(
        self, cursor: Cursor, ids: Collection[UUID], now: Any, *, takeovers: int
    ) -> Mapping[UUID, RunState]:
        among = self._dialect.is_one_of("run_id", ids)
        # what was taken over keeps its place before all that came later: it has waited for a lease already
        place = "CASE WHEN ready_at < %s THEN ready_at ELSE %s END" if takeovers else "%s"
        sql = _LET_GO.format(takeovers=takeovers, ready_at=place, among=among.sql)
        cursor.execute(sql, [now, *[now] * place.count("%s"), *among.params])
        states = {self._dialect.read_uuid(row[0]): STATES[row[1]] for row in cursor.fetchall()}
        if RunState.QUEUED in states.values():
            self._db.wake(cursor)
        return states

    def _hand_back(self, node_id: str, run_ids: Collection[UUID], cursor: Cursor) -> int:
        among = self._dialect.is_one_of("run_id", run_ids)
        cursor.execute(
            f"SELECT run_id FROM schedule_runs WHERE status = 'running' AND node = %s AND {among.sql}"
            f" ORDER BY run_id{self._dialect.for_update}",
            [node_id, *among.params],
        )
        held = [self._dialect.read_uuid(row[0]) for row in cursor.fetchall()]
        now = self._dialect.instant(self._db.now(cursor))
        return len(self._let_go(cursor, held, now, takeovers=0)) if held else 0

    def _retire(self, node_id: str, cursor: Cursor) -> None:
        cursor.execute(
            "SELECT run_id FROM schedule_runs WHERE status = 'running' AND node = %s", [node_id]
        )
        held = [self._dialect.read_uuid(row[0]) for row in cursor.fetchall()]
        self._hand_back(node_id, held, cursor)
        cursor.execute("UPDATE schedule_nodes SET is_alive = false WHERE node_id = %s", [node_id])
