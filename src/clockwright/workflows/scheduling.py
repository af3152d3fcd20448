"""Which workflows there are, and which may be scheduled: what the rooms below ask of this one."""

from __future__ import annotations

from uuid import UUID

from clockwright.engine.registry import Registry, default_registry
from clockwright.schedules.errors import InvalidScheduleException
from clockwright.workflows import selectors
from clockwright.workflows.engine import FUNCTION_ID_VERSION
from clockwright.workflows.states import WorkflowStatus


def accepts(
    community: str, workflow: UUID | str, registry: Registry = default_registry
) -> UUID | None:
    """The id of a published workflow of a community, by its id or name; None for a function, and for what is unknown.

    Raises InvalidScheduleException for one that is not published (C-20). It is held until the caller's transaction ends,
    so that it is not archived in between.
    """
    if isinstance(workflow, UUID):
        if workflow.version == FUNCTION_ID_VERSION:
            return None
        pointer, found = "/workflow_id", selectors.lock_workflow(community, workflow)
    elif workflow in registry:
        return None
    else:
        pointer, found = "/workflow", selectors.lock_by_name(community, workflow)
    if found is None:
        return None
    if found.status != WorkflowStatus.PUBLISHED:
        raise InvalidScheduleException.of(
            pointer, f"the workflow {found.name!r} is {found.status}: publish it first"
        )
    return found.workflow_id


def knows(community: str, workflow_id: UUID) -> bool:
    """Whether a community has a workflow, as it has every function: what `access` asks before it gives a grant on one."""
    if default_registry.by_workflow(workflow_id) is not None:
        return True
    return selectors.find_workflow(community, workflow_id) is not None
