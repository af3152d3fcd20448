"""Reading a definition: JSON in, a `Definition` out, or every flaw that was found, each with its pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from clockwright.engine.model import Policy
from clockwright.engine.registry import Registry, default_registry
from clockwright.workflows.checking import Checker
from clockwright.workflows.definitions import (
    DEEPEST_BLOCK,
    DEFAULT_OPERATIONS,
    LARGEST_DEFINITION,
    MOST_OPERATIONS,
    MOST_STEPS,
    NO_RETRY,
    Block,
    Definition,
    Step,
)
from clockwright.workflows.errors import Flaw, InvalidWorkflowException
from clockwright.workflows.steps import kinds as known_kinds
from clockwright.workflows.steps.fields import Fields, Reading, is_word
from clockwright.workflows.steps.kinds import Kinds

LONGEST_TIMEOUT: Final = 366 * 86_400
"""Seconds."""

_MOST_RETRIES: Final = 100
_LONGEST_BACKOFF: Final = 86_400


def read_definition(
    data: object, *, kinds: Kinds = known_kinds, functions: Registry = default_registry
) -> Definition:
    """Read and check it whole; raises InvalidWorkflowException with every flaw."""
    if not isinstance(data, Mapping):
        raise InvalidWorkflowException(Flaw("", "give a JSON object with 'steps'"))
    if len(json.dumps(data, default=str)) > LARGEST_DEFINITION:
        raise InvalidWorkflowException(Flaw("", f"is larger than {LARGEST_DEFINITION} bytes"))
    return _Reader(kinds, functions).whole(data)


class _Reader:
    def __init__(self, kinds: Kinds, functions: Registry) -> None:
        self._kinds = kinds
        self._reading = Reading(functions=functions, read_block=self._block)
        self._retry = NO_RETRY
        self._unread: dict[str, frozenset[str]] = {}

    def whole(self, data: Mapping[str, Any]) -> Definition:
        reading = self._reading
        fields = Fields(data, "", 0, reading)
        timeout = fields.seconds("timeout_seconds", most=LONGEST_TIMEOUT)
        operations = fields.whole(
            "max_operations", DEFAULT_OPERATIONS, least=1, most=MOST_OPERATIONS
        )
        self._retry = self._retry_of(fields, NO_RETRY)
        block = self._block_of(fields, 0)
        fields.finish()
        if len(reading.ids) > MOST_STEPS:  # what is wrong with so many is not looked for
            too_many = f"there are {len(reading.ids)} steps; at most {MOST_STEPS}"
            raise InvalidWorkflowException(Flaw("/steps", too_many))
        if block is not None:
            Checker(reading.refuse, self._unread).check(block)
        if reading.flaws or block is None:
            raise InvalidWorkflowException(*dict.fromkeys(reading.flaws))
        return Definition(block=block, timeout=_duration(timeout), most_operations=operations)

    def _block(self, data: Any, pointer: str, depth: int) -> Block | None:
        if not isinstance(data, dict):
            self._reading.refuse(pointer, "give an object with 'steps'")
            return None
        if depth > DEEPEST_BLOCK:
            self._reading.refuse(pointer, f"blocks are nested more than {DEEPEST_BLOCK} deep")
            return None
        fields = Fields(data, pointer, depth, self._reading)
        block = self._block_of(fields, depth)
        fields.finish()
        return block

    def _block_of(self, fields: Fields, depth: int) -> Block | None:
        given = fields.get("steps")
        start = fields.word("start")
        if not isinstance(given, list) or not given:
            fields.refuse("steps", "give a list of at least one step")
            return None
        read = partial(self._step, depth=depth)
        found = [read(step, f"{fields.at('steps')}/{place}") for place, step in enumerate(given)]
        steps = {step.id: step for step in found if step is not None}
        ids = {step["id"] for step in given if isinstance(step, dict) and is_word(step.get("id"))}
        if len(steps) < len(given):
            self._unread[fields.pointer] = frozenset(ids)
            self._check_targets(fields, given, found, ids)
        if start is not None and start not in ids:
            fields.refuse("start", f"{start!r} is no step of this block")
        if not steps:
            return None
        first = start if start in steps else next(iter(steps))
        return Block(start=first, steps=steps, pointer=fields.pointer)

    def _check_targets(
        self, fields: Fields, given: list[Any], found: list[Step | None], ids: set[str]
    ) -> None:
        """Of steps that were not read, see to it that `next` leads somewhere; the others are checked with their block."""
        for place, (data, step) in enumerate(zip(given, found, strict=True)):
            target = data.get("next") if step is None and isinstance(data, dict) else None
            if is_word(target) and target not in ids:
                pointer = f"{fields.at('steps')}/{place}/next"
                self._reading.refuse(pointer, f"{target!r} is no step of this block")

    def _step(self, data: Any, pointer: str, *, depth: int) -> Step | None:
        if not isinstance(data, dict):
            self._reading.refuse(pointer, "give an object")
            return None
        fields = Fields(data, pointer, depth, self._reading)
        step_id = self._id_of(fields)
        kind = self._kinds.get(fields.get("kind"))
        if kind is None:
            known = ", ".join(one.name for one in self._kinds)
            fields.refuse("kind", f"{fields.get('kind')!r} is not known; give one of {known}")
            return None
        fields.text("name")
        follows = fields.word("next")
        timeout = fields.seconds("timeout_seconds", most=LONGEST_TIMEOUT)
        retry = self._retry_of(fields, self._retry)
        plan = kind.read(fields)
        fields.finish()
        if step_id is None or plan is None:
            return None
        return Step(
            id=step_id,
            kind=kind.name,
            plan=plan,
            pointer=pointer,
            next=follows,
            timeout=_duration(timeout),
            retry=retry,
        )

    def _id_of(self, fields: Fields) -> str | None:
        step_id = fields.word("id")
        if step_id is None:
            if fields.get("id") is None:
                fields.refuse("id", "is required")
            return None
        other = self._reading.ids.setdefault(step_id, fields.pointer)
        if other != fields.pointer:
            fields.refuse("id", f"{step_id!r} is taken by {other}; ids are unique in a workflow")
            return None
        return step_id

    def _retry_of(self, fields: Fields, default: Policy) -> Policy:
        given = fields.get("retry")
        if given is None:
            return default
        if not isinstance(given, dict):
            fields.refuse("retry", 'give an object such as {"max_retries": 3}')
            return default
        inner = fields.inside("retry", given)
        policy = Policy(
            max_retries=inner.whole("max_retries", 3, least=0, most=_MOST_RETRIES),
            retry_backoff=_duration(inner.number("backoff_seconds", least=0, most=_LONGEST_BACKOFF))
            or default.retry_backoff,
            retry_backoff_max=_duration(
                inner.number("backoff_max_seconds", least=0, most=_LONGEST_BACKOFF)
            )
            or default.retry_backoff_max,
            retry_jitter=inner.number("jitter", least=0, most=1) or 0.0,
            no_retry_on=_names(inner),
        )
        inner.finish()
        return policy


def _names(fields: Fields) -> tuple[str, ...]:
    given = fields.get("no_retry_on")
    if given is None:
        return ()
    if isinstance(given, list) and all(isinstance(one, str) and one for one in given):
        return tuple(given)
    fields.refuse("no_retry_on", 'give a list of exceptions\' names, such as ["ValueError"]')
    return ()


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
