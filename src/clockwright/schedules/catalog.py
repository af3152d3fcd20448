"""What a schedule may start: the port through which schedules ask for workflows, and who may name which.

`workflows` fills the port when it is loaded; functions are known from the engine's registry alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from clockwright.engine.ports import WorkflowResolver
from clockwright.engine.registry import Function, Registry, default_registry
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleServiceException,
)

_resolvers: list[Callable[[], WorkflowResolver]] = []
_wraps: list[Callable[[WorkflowResolver], WorkflowResolver]] = []


def provide_resolver(make: Callable[[], WorkflowResolver]) -> None:
    """To be called by the room that runs workflows, once it is loaded."""
    _resolvers[:] = [make]


def wrap_resolver(wrap: Callable[[WorkflowResolver], WorkflowResolver]) -> None:
    """To be called by a bridge that has some workflows executed elsewhere; once is enough."""
    if wrap not in _wraps:
        _wraps.append(wrap)


Accepts = Callable[[str, UUID | str], UUID | None]
"""Takes a community and what a caller named: the id of a workflow of its own kind, None for what is none of it.

Raises InvalidScheduleException for one that cannot be scheduled now.
"""

_accepting: list[Accepts] = []


def provide_workflows(accepts: Accepts) -> None:
    """To be called by the room that keeps workflows beside functions; once is enough."""
    if accepts not in _accepting:
        _accepting.append(accepts)


def resolver() -> WorkflowResolver:
    """What workflow ids mean in this process; raises ScheduleServiceException where nothing runs workflows."""
    if not _resolvers:
        raise ScheduleServiceException(
            "nothing here runs workflows: add 'clockwright.workflows' to INSTALLED_APPS"
        )
    return functools.reduce(lambda found, wrap: wrap(found), _wraps, _resolvers[0]())


class Catalog(Protocol):
    """Which workflows a caller may schedule."""

    def accept(self, workflow: UUID | str, args: Sequence[Any], context: Mapping[str, Any]) -> UUID:
        """The id of a workflow that takes these arguments; raises InvalidScheduleException."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCatalog:
    """The registered functions; with `only_exposed` those that code offers to callers from outside."""

    only_exposed: bool
    registry: Registry = default_registry

    def accept(self, workflow: UUID | str, args: Sequence[Any], context: Mapping[str, Any]) -> UUID:
        """A function by its key or workflow id."""
        function = self._find(workflow)
        why = function.payload_error(args, context)
        if why is not None:
            raise InvalidScheduleException.of(
                "/context_data",
                f"context_data: does not fit {function.key}{function.signature}: {why}",
            )
        return function.workflow_id

    def _find(self, workflow: UUID | str) -> Function:
        pointer = "/workflow_id" if isinstance(workflow, UUID) else "/workflow"
        if isinstance(workflow, UUID):
            function = self.registry.by_workflow(workflow)
        else:
            function = self.registry.get(workflow)
        if function is None or (self.only_exposed and not function.exposed):
            mend = (
                "register it with @job(…, exposed=True)"
                if self.only_exposed
                else "register it with @job in an installed app's jobs.py"
            )
            raise InvalidScheduleException.of(
                pointer, f"unknown workflow: {workflow} is not known here; {mend}"
            )
        return function


@dataclass(frozen=True, slots=True)
class OpenCatalog:
    """Every id: a workflow engine of the host's own knows what they mean, and a run of an unknown one fails."""

    def accept(self, workflow: UUID | str, args: Sequence[Any], context: Mapping[str, Any]) -> UUID:
        """The id itself, or that of a registered function's key."""
        return (
            workflow if isinstance(workflow, UUID) else REGISTERED.accept(workflow, args, context)
        )


EXPOSED: Final = FunctionCatalog(only_exposed=True)
"""For callers from outside."""

REGISTERED: Final = FunctionCatalog(only_exposed=False)
"""For code of this process."""


def accepted(
    catalog: Catalog,
    community: str,
    workflow: UUID | str,
    args: Sequence[Any],
    context: Mapping[str, Any],
) -> UUID:
    """The id of what a caller of a community may schedule: a workflow that is kept there, or what the catalog has.

    Raises InvalidScheduleException.
    """
    for accepts in _accepting:
        found = accepts(community, workflow)
        if found is not None:
            return found
    return catalog.accept(workflow, args, context)


def workflow_reference(value: object) -> UUID | str:
    """A workflow as callers name it: a UUID, its text, or a function's key. Raises InvalidScheduleException."""
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str) or not value.strip():
        raise InvalidScheduleException.of(
            "/workflow_id", "workflow_id required: give a workflow's UUID or a function's key"
        )
    try:
        return UUID(value)
    except ValueError:
        return value


def require_startable(community: str, workflow: UUID, args: Sequence[Any]) -> None:
    """Raise ScheduleConflictException for a workflow of which nothing starts now, such as an archived one.

    A function may be registered in another process: its run says so itself.
    """
    try:
        accepted(OpenCatalog(), community, workflow, args, {})
    except InvalidScheduleException as error:
        raise ScheduleConflictException(error.errors[0][1]) from error
