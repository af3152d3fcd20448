"""The functions of a simulation: they succeed, fail, take long, hang, and do not always stop when asked."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from clockwright.engine.ports import Handler, RunContext, WorkflowResolver
from clockwright.engine.registry import Registry
from clockwright.testing.simulation.invariants import Inspector
from clockwright.testing.simulation.nodes import SimulatedNode


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """How the function of a workflow behaves: how likely it fails, hangs, takes long, is slow to stop, or kills its process."""

    at_most_once: bool = False
    fails: float = 0.0
    hangs: float = 0.0
    is_long: float = 0.0
    stops_late: float = 0.0
    kills: float = 0.0
    timeout: timedelta | None = None
    max_retries: int | None = None


def some_habit(dice: Random) -> Habit:
    """A function of any temper."""
    return Habit(
        at_most_once=dice.random() < 0.3,
        fails=dice.choice((0.0, 0.0, 0.3, 0.9)),
        hangs=dice.choice((0.0, 0.0, 0.2)),
        is_long=dice.choice((0.0, 0.2, 0.8)),
        stops_late=dice.choice((0.0, 0.5)),
        kills=dice.choice((0.0, 0.0, 0.0, 0.0, 0.2)),
        timeout=dice.choice((None, timedelta(seconds=8))),
        max_retries=dice.choice((None, 1)),
    )


class Workshop:
    """What all workflow ids mean to one process: functions of any temper."""

    def __init__(self, node: SimulatedNode, habits: Mapping[UUID, Habit]) -> None:
        self._node = node
        self._habits = habits

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler of a workflow; None of one that this program does not know."""
        habit = self._habits.get(workflow_id)
        if habit is None:
            return None
        return Handler(
            name=str(workflow_id),
            call=lambda run, _args: self._behave(habit, run),
            is_coroutine=True,
            timeout=habit.timeout,
            max_retries=habit.max_retries,
            at_most_once=habit.at_most_once,
        )

    async def _behave(self, habit: Habit, run: RunContext) -> str:
        """What it does depends on the run and the attempt alone, and on nobody else's luck."""
        dice = Random(run.run_id.int ^ run.attempt << 128)  # noqa: S311 - it must be repeatable
        if dice.random() < habit.hangs:
            seconds = 10_000.0
        elif dice.random() < habit.is_long:
            seconds = dice.uniform(2.0, 15.0)
        else:
            seconds = dice.choice((0.0, 0.1, 1.0))
        if dice.random() < habit.kills and not self._node.is_kept_up:
            self._node.crash_after(0)
        try:
            if seconds:
                await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if dice.random() < habit.stops_late:
                await asyncio.sleep(1.0)
            raise
        if dice.random() < habit.fails:
            raise RuntimeError("as told")
        return "done"


class Functions:
    """The functions of a registry, called in place: a plain one takes no virtual time."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler of a function's workflow id; None when the registry does not know it."""
        function = self._registry.by_workflow(workflow_id)
        if function is None:
            return None
        return Handler(
            name=function.key,
            call=function.invoke,
            is_coroutine=function.is_coroutine,
            timeout=function.timeout,
            max_retries=function.max_retries,
            at_most_once=function.at_most_once,
        )


class Watched:
    """A resolver whose every handler is seen to begin."""

    def __init__(
        self, resolver: WorkflowResolver, inspector: Inspector, node: SimulatedNode
    ) -> None:
        self._resolver = resolver
        self._inspector = inspector
        self._node = node
        self._loop = node.loop

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """What the resolver says, under observation; plain functions are called in place, without a thread or a process."""
        handler = self._resolver.resolve(workflow_id)
        if handler is None:
            return None

        async def call(run: RunContext, args: Sequence[Any]) -> Any:
            return await self._observed(handler, run, args)

        return replace(handler, call=call, is_coroutine=True, process=None)

    async def _observed(self, handler: Handler, run: RunContext, args: Sequence[Any]) -> Any:
        node = self._node
        node.executing += 1
        self._inspector.begins(
            run,
            at_most_once=handler.at_most_once,
            executing=node.executing,
            capacity=node.options.capacity,
        )
        try:
            result = handler.call(run, args)
            return await result if inspect.isawaitable(result) else result
        finally:
            if node.loop is self._loop:  # else it is the end of an earlier life
                node.executing -= 1
