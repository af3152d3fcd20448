"""What may run: callables registered under a key by the running program. Nothing is ever imported from the database."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints
from uuid import UUID, uuid5

from clockwright.engine.ports import RunContext
from clockwright.recurrence import Cron, Interval, Recurrence, RecurrenceError

F = TypeVar("F", bound=Callable[..., Any])

FUNCTION_NAMESPACE = UUID("6f1c2b0e-7d0f-5f0a-9a35-4c1d3b8e2a77")
"""A function's workflow id is uuid5 of its key in this namespace: the same in every process and for ever."""

_KEY_LENGTH = 255


@cache
def workflow_id_of(key: str) -> UUID:
    """The workflow id of the function registered under `key`."""
    return uuid5(FUNCTION_NAMESPACE, key)


class Isolation(StrEnum):
    """What stands between a function and the process of its node."""

    NONE = "none"
    """Nothing: a coroutine runs on the node's loop, a plain function in a thread."""

    PROCESS = "process"
    """A worker process, which is killed when the run overruns its timeout or is cancelled. For plain functions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A registered callable and what its runs get unless their schedule says otherwise.

    `exposed`: callers from outside may schedule it. `at_most_once`: never started twice, rather lost.
    `recurrence`, `schedule_key`, `options`: the schedule it brings along, if any.
    `isolation`: with "process" its runs can be stopped whatever it does.
    `queue`: where its runs are executed by workers of a queue, the queue's name; None leaves it to the settings.
    """

    key: str
    call: Callable[..., Any]
    exposed: bool = False
    at_most_once: bool = False
    timeout: timedelta | None = None
    max_retries: int | None = None
    isolation: Isolation = Isolation.NONE
    queue: str | None = None
    recurrence: Recurrence | None = None
    schedule_key: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    signature: inspect.Signature = field(compare=False)
    context_parameter: str | None = None

    _needed: frozenset[str] | None = field(init=False, compare=False, repr=False)
    _taken: frozenset[str] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Look at the signature once, and not with every call; raises ValueError for what cannot be isolated."""
        object.__setattr__(self, "isolation", _isolation_of(self.key, self.isolation, self.call))
        needed, taken = _keywords_of(self.signature, self.context_parameter)
        object.__setattr__(self, "_needed", needed)
        object.__setattr__(self, "_taken", taken)

    @property
    def workflow_id(self) -> UUID:
        """The id under which schedules name this function."""
        return workflow_id_of(self.key)

    @property
    def is_coroutine(self) -> bool:
        """Whether it runs on the engine's loop; a plain function runs in a thread or a process."""
        return _is_coroutine(self.call)

    def payload_error(self, args: Sequence[Any], context: Mapping[str, Any]) -> str | None:
        """Why a call with these arguments cannot bind, or None."""
        injected = {self.context_parameter: None} if self.context_parameter else {}
        if self.context_parameter in context:
            return f"{self.context_parameter!r} is given by the engine: leave it out"
        if not args and self._fits(context):
            return None
        try:
            self.signature.bind(*args, **context, **injected)
        except TypeError as error:
            return str(error)
        return None

    def _fits(self, context: Mapping[str, Any]) -> bool:
        """Whether a call with these keyword arguments alone binds for certain; `bind` knows of the rest."""
        names = context.keys()
        return (
            self._needed is not None
            and self._needed <= names
            and (self._taken is None or names <= self._taken)
        )

    def invoke(self, run: RunContext, args: Sequence[Any]) -> Any:
        """Call it; a parameter annotated `RunContext` is filled in."""
        injected = {self.context_parameter: run} if self.context_parameter else {}
        return self.call(*args, **run.context, **injected)


_is_coroutine = cache(inspect.iscoroutinefunction)


class DuplicateFunction(ValueError):
    """Two different callables under one key."""


class Registry:
    """Keys and their functions. A key names one callable; registering the same one again changes nothing."""

    def __init__(self) -> None:
        self._by_key: dict[str, Function] = {}
        # by the integers of ids: a UUID's own hash is computed in Python
        self._by_workflow: dict[int, Function] = {}

    def register(self, function: Function) -> Function:
        """Add a function; raises DuplicateFunction when its key belongs to another callable."""
        known = self._by_key.get(function.key)
        if known is not None and _name_of(known.call) != _name_of(function.call):
            raise DuplicateFunction(
                f"{function.key!r} is already {_name_of(known.call)}; give {_name_of(function.call)} a key of its own"
            )
        self._by_key[function.key] = function
        self._by_workflow[function.workflow_id.int] = function
        return function

    def job(
        self,
        key: str,
        *,
        cron: str | None = None,
        every: timedelta | None = None,
        recurrence: Recurrence | None = None,
        tz: str = "UTC",
        **settings: Any,
    ) -> Callable[[F], F]:
        """Register the decorated callable under `key` and, with `cron`, `every` or `recurrence`, its schedule.

        `settings` are `exposed`, `at_most_once`, `timeout`, `max_retries`, `isolation`, `queue`, `schedule_key` (default:
        the key) and `options`: further schedule_config keys, such as {"overlap": "buffer_one"}. Raises RecurrenceError
        for a bad rule, ValueError for two rules or an isolation that is none, DuplicateFunction for a taken key. The callable is returned unchanged.
        """
        rule = rule_of(key, cron=cron, every=every, recurrence=recurrence, tz=tz)
        if rule is not None and not rule.is_possible():
            raise RecurrenceError(f"@job({key!r}): {rule!r} never fires; choose another day")
        schedule_key = settings.pop("schedule_key", key) if rule is not None else None

        def register(call: F) -> F:
            self.register(
                function_of(call, key, recurrence=rule, schedule_key=schedule_key, **settings)
            )
            return call

        return register

    def get(self, key: str) -> Function | None:
        """The function of a key, or None."""
        return self._by_key.get(key)

    def by_workflow(self, workflow_id: UUID) -> Function | None:
        """The function a workflow id names, or None."""
        return self._by_workflow.get(workflow_id.int)

    def __iter__(self) -> Iterator[Function]:
        """All functions in the order of their keys."""
        return iter(sorted(self._by_key.values(), key=lambda function: function.key))

    def __contains__(self, key: object) -> bool:
        """Whether a key is taken."""
        return key in self._by_key


def function_of(call: Callable[..., Any], key: str, **settings: Any) -> Function:
    """Describe a callable for a registry; `settings` are further fields of `Function`."""
    if not key or len(key) > _KEY_LENGTH:
        raise ValueError(
            f"key {key!r}: give 1 to {_KEY_LENGTH} characters, such as 'reports.daily'"
        )
    return Function(
        key=key,
        call=call,
        signature=inspect.signature(call),
        context_parameter=_context_parameter(call),
        **settings,
    )


def rule_of(
    key: str, *, cron: str | None, every: timedelta | None, recurrence: Recurrence | None, tz: str
) -> Recurrence | None:
    """The rule a decorator was given in one of its forms, or None; raises RecurrenceError, ValueError for two."""
    given = [
        name
        for name, value in (("cron", cron), ("every", every), ("recurrence", recurrence))
        if value
    ]
    if len(given) > 1:
        raise ValueError(f"@job({key!r}) has {' and '.join(given)}: give one")
    if cron:
        return Cron(cron, tz)
    if every:
        return Interval(seconds=int(every.total_seconds()), tz=tz)
    return recurrence


def _isolation_of(key: str, given: str, call: Callable[..., Any]) -> Isolation:
    try:
        found = Isolation(given)
    except ValueError:
        known = " or ".join(repr(each.value) for each in Isolation)
        raise ValueError(f"@job({key!r}): isolation {given!r} is not known; give {known}") from None
    if found is Isolation.PROCESS and _is_coroutine(call):
        raise ValueError(
            f"@job({key!r}): isolation 'process' is for plain functions; a coroutine is cancelled as it is, so leave it out"
        )
    return found


def _name_of(call: Callable[..., Any]) -> str:
    return f"{getattr(call, '__module__', '?')}.{getattr(call, '__qualname__', repr(call))}"


def _keywords_of(
    signature: inspect.Signature, given: str | None
) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """The names a call by keywords needs and those it takes; None: it cannot be so called, it takes all."""
    needed, taken, takes_all = set(), set(), False
    for name, parameter in signature.parameters.items():
        is_needed = parameter.default is parameter.empty
        match parameter.kind:
            case parameter.VAR_KEYWORD:
                takes_all = True
            case parameter.POSITIONAL_ONLY if is_needed:
                return None, None
            case parameter.KEYWORD_ONLY | parameter.POSITIONAL_OR_KEYWORD if name != given:
                taken.add(name)
                if is_needed:
                    needed.add(name)
            case _:
                pass
    return frozenset(needed), None if takes_all else frozenset(taken)


def _context_parameter(call: Callable[..., Any]) -> str | None:
    try:
        hints = get_type_hints(call)
    except (NameError, TypeError):
        # an annotation that only type checkers can resolve: compare its text
        hints = getattr(call, "__annotations__", {})
    for name, hint in hints.items():
        if name != "return" and (hint is RunContext or hint in ("RunContext", "RunContext | None")):
            return name
    return None


default_registry = Registry()
"""The registry that `@job` fills, and that the product runs from."""

job = default_registry.job
"""Register a function, and its schedule if it brings one: `@job("reports.daily", cron="0 5 * * *")`."""
