"""The last events of a world as lines that a person can follow: who called what, and what it changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from clockwright.engine import events
from clockwright.engine.model import Node, Outcome, Run, Schedule, Start
from clockwright.engine.ports import Amendment
from clockwright.testing.simulation.guards import Changes
from clockwright.testing.simulation.server import Call
from clockwright.testing.simulation.world import World

_LONGEST = 500


class Names:
    """Short names for what has long ones: schedules by their key, runs by their order, nodes by process and life."""

    def __init__(
        self, schedules: Iterable[Schedule], runs: Iterable[Run], nodes: dict[str, str]
    ) -> None:
        self._schedules = {s.schedule_id: s.key or str(s.schedule_id) for s in schedules}
        ordered = sorted(runs, key=lambda run: run.run_id)
        self._runs = {run.run_id: f"run{place}" for place, run in enumerate(ordered, 1)}
        self._nodes = nodes

    def of(self, what: object) -> str:
        """A short name, or the text itself."""
        if isinstance(what, UUID):
            return self._runs.get(what) or self._schedules.get(what) or f"{what.int:x}"
        if isinstance(what, datetime):
            return f"{what:%H:%M:%S.%f}".removesuffix(".000000")
        return self._nodes.get(str(what), str(what))

    def in_text(self, text: str) -> str:
        """A sentence with short names in the place of long ones."""
        for long, short in self._nodes.items():
            text = text.replace(long, short)
        for uuid, short in (*self._runs.items(), *self._schedules.items()):
            text = text.replace(str(uuid), short)
        return text


def told(world: World, names: Names) -> tuple[str, ...]:
    """The trace, a line each."""
    return tuple(
        f"{now:9.3f} {who:<8} {what:<18} {_detail(detail, names)}"[:_LONGEST].rstrip()
        for now, who, what, detail in world.trace
    )


def _detail(detail: Any, names: Names) -> str:
    if isinstance(detail, Call):
        return _call(detail, names)
    if isinstance(detail, events.LoopFailed):
        return f"{detail.loop}: {type(detail.error).__name__}, again in {detail.retry_in}"
    return names.in_text(str(detail))


def _call(call: Call, names: Names) -> str:
    said = " ".join(filter(None, (_argument(value, names) for value in call.args)))
    if call.error is not None:
        said += f" refused: {type(call.error).__name__}: {names.in_text(str(call.error))}"
    elif isinstance(call.result, bool):
        said += f" -> {call.result}"
    return " | ".join(
        filter(None, (said, _schedules(call.schedules, names), _runs(call.runs, names)))
    )


def _argument(value: object, names: Names) -> str:
    said = ""
    match value:
        case Amendment():
            changed = ", ".join(f"{k}={names.of(v)}" for k, v in value.fields.items())
            said = f"({changed}) expecting {value.expected_version}"
        case Schedule():
            said = f"{value.key} {value.recurrence!r} {value.policy}"
        case Node():
            said = names.of(value.node_id)
        case UUID() | str() | int():
            said = names.of(value)
        case Start() | Outcome():
            said = f"{names.of(value.run_id)}#{value.attempt}"
        case list() | set():
            said = ", ".join(_argument(one, names) for one in value)
    return said


def _schedules(changes: Changes[Schedule], names: Names) -> str:
    return ", ".join(
        f"{new.key} {new.status} until {names.of(new.settled_until)} v{new.version}"
        for _, new in changes
        if new is not None
    )


def _runs(changes: Changes[Run], names: Names) -> str:
    return ", ".join(
        f"{names.of(new.run_id)} {names.of(new.schedule_id)}@{names.of(new.scheduled_for)}"
        f" {old.state if old else ''}>{new.state}{f'({new.reason})' if new.reason else ''}"
        f" #{new.attempt} {names.of(new.node_id) if new.node_id else ''}".rstrip()
        for old, new in changes
        if new is not None
    )
