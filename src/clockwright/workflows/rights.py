"""A workflow that a caller may do something with. Unknown and foreign ones are alike (B3.5); `access.policy` decides."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.workflows import selectors
from clockwright.workflows.errors import UnknownWorkflowException

if TYPE_CHECKING:
    from clockwright.workflows.models import Workflow


def permitted(caller: Caller, workflow_id: UUID, right: Right) -> Workflow:
    """The workflow; raises UnknownWorkflowException where the community has none such, Forbidden without the right."""
    return _allowed(
        caller, workflow_id, selectors.find_workflow(caller.community, workflow_id), right
    )


def locked(caller: Caller, workflow_id: UUID, right: Right) -> Workflow:
    """The same, held until the transaction ends."""
    return _allowed(
        caller, workflow_id, selectors.lock_workflow(caller.community, workflow_id), right
    )


def _allowed(caller: Caller, workflow_id: UUID, found: Workflow | None, right: Right) -> Workflow:
    if found is None:
        raise UnknownWorkflowException(workflow_id, f"Workflow not found: {workflow_id}")
    policy.require(caller, right, workflow_id)
    return found
