"""Changing schedules: plain synchronous functions, one transaction each, whoever asks (HTTP, CLI, Django, asyncio).

Each checks the caller's right and community, writes through the store, records itself in the audit trail in the same
transaction, and wakes the planners once it is committed. A schedule of another community is not found. Raise
`Forbidden`, and the errors of `schedules.errors`. Rows are returned as they stand in the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from clockwright.access import policy
from clockwright.access.callers import Caller, Right
from clockwright.audit import trail
from clockwright.audit.actions import Action, Category
from clockwright.engine.model import Reason, ScheduleStatus
from clockwright.engine.model import Schedule as Stored
from clockwright.engine.ports import (
    Amendment,
    DuplicateKey,
    ManualRun,
    NothingToRun,
    UnknownRun,
    VersionConflict,
)
from clockwright.recurrence import Interval
from clockwright.schedules import drafts, selectors, stores
from clockwright.schedules.calendar_names import embedded
from clockwright.schedules.catalog import EXPOSED, Catalog, accepted, require_startable
from clockwright.schedules.conf import EngineSettings, engine_settings
from clockwright.schedules.drafts import Change, NewSchedule
from clockwright.schedules.errors import (
    InvalidScheduleException,
    ScheduleConflictException,
    ScheduleNotFoundException,
)
from clockwright.schedules.reading import read_context
from clockwright.schedules.specs import (
    ScheduleSpec,
    changes_between,
    config_of,
    merge_config,
    nothing_left,
    read_config,
)

if TYPE_CHECKING:
    from clockwright.schedules.models import Run, Schedule

__all__ = ["Change", "NewSchedule"]


def add_schedule(
    caller: Caller,
    new: NewSchedule,
    *,
    catalog: Catalog = EXPOSED,
    settings: EngineSettings | None = None,
) -> Schedule:
    """Make a schedule; its watermark is now (S4-58). Needs `edit` on its workflow."""
    defaults = settings or engine_settings()
    return stores.in_transaction(lambda: _add(caller, new, catalog, defaults))


def update_schedule(
    caller: Caller,
    schedule_id: UUID,
    change: Change,
    *,
    catalog: Catalog = EXPOSED,
    settings: EngineSettings | None = None,
) -> Schedule:
    """Merge `change.config` with what is there and validate the result as a whole (R29, C-09).

    The old rule is settled up to now first, so that nothing is repeated or invented. A completed or failed schedule
    that thereby gets a fire time is active again; a paused one stays paused. Needs `edit` on its workflow.
    """
    return _changed(caller, schedule_id, change, catalog, _merging(settings or engine_settings()))


def replace_schedule(
    caller: Caller,
    schedule_id: UUID,
    change: Change,
    *,
    catalog: Catalog = EXPOSED,
    settings: EngineSettings | None = None,
) -> Schedule:
    """Like `update_schedule`, but `change.config` replaces the whole configuration (R29)."""
    return _changed(caller, schedule_id, change, catalog, _replacing(settings or engine_settings()))


def pause_schedule(caller: Caller, schedule_id: UUID, reason: str | None = None) -> Schedule:
    """Let it fire no more; times that pass are recorded as skipped(paused). Pausing twice changes nothing."""
    return _steer(caller, schedule_id, ScheduleStatus.PAUSED, reason)


def resume_schedule(caller: Caller, schedule_id: UUID) -> Schedule:
    """Let a paused schedule fire again; one whose last fire time has passed is completed by it."""
    return _steer(caller, schedule_id, ScheduleStatus.ACTIVE, None)


def remove_schedule(caller: Caller, schedule_id: UUID) -> Schedule:
    """Deactivate it for good and cancel its runs that have not started (S4-11); its key is free again.

    The rows stay, the ledger with them. A second time it is not found.
    """

    def work() -> Schedule:
        row = _locked(caller, schedule_id, Right.DELETE)
        _amend(schedule_id, Amendment(fields={"status": ScheduleStatus.REMOVED}))
        stores.describe(schedule_id, key=None)
        _record(caller, Action.SCHEDULE_REMOVE, row, key=row.key)
        row.refresh_from_db()
        return row

    return stores.in_transaction(work)


def trigger_schedule(
    caller: Caller,
    schedule_id: UUID,
    request_id: str | None = None,
    context_data: Mapping[str, Any] | None = None,
    *,
    priority: int | None = None,
    catalog: Catalog = EXPOSED,
) -> Run:
    """Run it now, beside its fire times, also while it is paused or completed. Needs `execute` on its workflow.

    The same `request_id` makes one run, however often it is sent. `context_data` and `priority` stand in for the
    schedule's own.
    """
    request = drafts.checked_request_id(request_id)
    context = None if context_data is None else read_context(context_data)
    asked = ManualRun(
        request_id=request, context=context, priority=drafts.checked_priority(priority)
    )

    def work() -> Run:
        row = _locked(caller, schedule_id, Right.EXECUTE)
        known = selectors.manual_run(schedule_id, request)
        if known is not None:
            return known
        require_startable(row.community_id, row.workflow_id, row.args)
        if context is not None:
            accepted(catalog, caller.community, row.workflow_id, row.args, context)
        made = stores.sql_store().trigger_run(schedule_id, asked)
        _record(caller, Action.SCHEDULE_TRIGGER, row, execution_id=made.run_id, request_id=request)
        return _existing_run(caller, made.run_id)

    return stores.in_transaction(work)


def cancel_run(caller: Caller, run_id: UUID) -> Run:
    """End a run that has not started, ask a running one to stop; a final one stays as it is. Needs `execute` on its workflow."""

    def work() -> Run:
        run = _existing_run(caller, run_id)
        policy.require(caller, Right.EXECUTE, run.workflow_id)
        stores.sql_store().cancel_run(run_id, Reason.REQUESTED)
        trail.record(
            Category.AUDIT,
            Action.RUN_CANCEL,
            caller=caller,
            schedule_id=run.schedule_id,
            workflow_id=run.workflow_id,
            execution_id=run_id,
        )
        run.refresh_from_db()
        return run

    return stores.in_transaction(work)


def upsert_schedule(
    caller: Caller,
    new: NewSchedule,
    *,
    catalog: Catalog,
    settings: EngineSettings | None = None,
    keeps_anchor: bool = False,
) -> Schedule:
    """Make the schedule of a key be as code says (C-44); needs `edit` and a key.

    While recurrence and bounds stay, so do watermark and next fire time: what is overdue is still run. Otherwise the
    old rule is settled first. What a person paused stays paused. `keeps_anchor`: the code's interval is counted from
    the start of its process, so a stored one of the same length is the same.
    """
    policy.require(caller, Right.EDIT)
    defaults = settings or engine_settings()

    def work() -> Schedule:
        row = selectors.lock_by_key(caller.community, new.key or "")
        if row is None:
            return _add(caller, new, catalog, defaults)
        current = stores.sql_store().get_schedule(row.schedule_id)
        wanted = _as_code_says(current, new, catalog, defaults)
        if keeps_anchor:
            wanted = drafts.keeping_anchor(current, wanted)
        return _apply(caller, row, current, wanted, new.name or None)

    try:
        return stores.in_transaction(work)
    except ScheduleConflictException:
        # another process, starting at the same time, was first: now it is there
        return stores.in_transaction(work)


def _add(caller: Caller, new: NewSchedule, catalog: Catalog, settings: EngineSettings) -> Schedule:
    if not selectors.is_community(caller.community):
        raise InvalidScheduleException.of(
            "/community_id", f"community_id: there is no community {caller.community!r}"
        )
    store = stores.sql_store()
    now = store.now()
    config = embedded(caller.community, new.config)
    draft = drafts.drafted(new, drafts.spec_of(config, settings, now), caller.community, now)
    name = drafts.checked_name(new.name)
    workflow_id = accepted(catalog, caller.community, new.workflow, draft.args, draft.context)
    policy.require(caller, Right.EDIT, workflow_id)
    try:
        stored = store.add_schedule(replace(draft, workflow_id=workflow_id))
    except DuplicateKey as error:
        raise ScheduleConflictException(
            f"key: {new.key!r} is taken by another schedule; choose another or change that one"
        ) from error
    except NothingToRun as error:
        raise nothing_left(error) from error
    stores.describe(stored.schedule_id, name=name, created_by=caller.actor[:255])
    row = _existing(caller, stored.schedule_id)
    _record(
        caller,
        Action.SCHEDULE_CREATE,
        row,
        key=new.key,
        schedule_type=row.schedule_type,
        next_execution_at=row.next_execution_at,
    )
    return row


_Respec = Callable[[Stored, Mapping[str, Any], datetime], ScheduleSpec]


def _merging(settings: EngineSettings) -> _Respec:
    def respec(current: Stored, config: Mapping[str, Any], now: datetime) -> ScheduleSpec:
        merged = merge_config(config_of(current), config)
        return read_config(merged, settings, now, current.recurrence)

    return respec


def _replacing(settings: EngineSettings) -> _Respec:
    def respec(current: Stored, config: Mapping[str, Any], now: datetime) -> ScheduleSpec:
        # the anchor of an interval that stays: sending the same again must not put the next fire time off
        rule = current.recurrence
        return read_config(config, settings, now, rule if isinstance(rule, Interval) else None)

    return respec


def _changed(
    caller: Caller, schedule_id: UUID, change: Change, catalog: Catalog, respec: _Respec
) -> Schedule:
    def work() -> Schedule:
        row = _locked(caller, schedule_id, Right.EDIT)
        if change.version not in (None, row.version):
            raise _outdated(row.version)
        store = stores.sql_store()
        current = store.get_schedule(schedule_id)
        wanted = current
        if change.config is not None:
            config = embedded(caller.community, change.config)
            wanted = drafts.respecified(current, respec(current, config, store.now()))
        if change.context_data is not None:
            context = read_context(change.context_data)
            accepted(catalog, caller.community, current.workflow_id, current.args, context)
            wanted = replace(wanted, context=context)
        return _apply(caller, row, current, wanted, change.name)

    return stores.in_transaction(work)


def _as_code_says(
    current: Stored, new: NewSchedule, catalog: Catalog, settings: EngineSettings
) -> Stored:
    payload, config = drafts.payload_of(new), embedded(current.community, new.config)
    return replace(
        drafts.respecified(current, drafts.spec_of(config, settings, stores.sql_store().now())),
        workflow_id=accepted(
            catalog, current.community, new.workflow, payload.args, payload.context
        ),
        context=payload.context,
        args=payload.args,
    )


def _apply(
    caller: Caller, row: Schedule, current: Stored, wanted: Stored, name: str | None
) -> Schedule:
    """Write what differs, and nothing where nothing does."""
    fields = drafts.differences(current, wanted)
    renamed = name is not None and name != row.name
    if not fields and not renamed:
        return row
    changes = changes_between(
        drafts.told(current, row.name), drafts.told(wanted, name or "" if renamed else row.name)
    )
    if fields:
        _amend(row.schedule_id, Amendment(fields=fields))
    if renamed:
        stores.describe(row.schedule_id, name=drafts.checked_name(name or ""))
    _record(caller, Action.SCHEDULE_UPDATE, row, changes=changes)
    row.refresh_from_db()
    return row


def _steer(
    caller: Caller, schedule_id: UUID, status: ScheduleStatus, reason: str | None
) -> Schedule:
    def work() -> Schedule:
        row = _locked(caller, schedule_id, Right.EDIT)
        if row.status == status:
            return row
        if row.status in drafts.ENDED:
            raise ScheduleConflictException(
                f"the schedule is {row.status}: give it a rule with fire times left first"
            )
        if status is ScheduleStatus.ACTIVE:
            require_startable(row.community_id, row.workflow_id, row.args)
        fields = {"status": status, "status_reason": drafts.checked_reason(reason)}
        _amend(schedule_id, Amendment(fields=fields))
        paused = status is ScheduleStatus.PAUSED
        _record(
            caller, Action.SCHEDULE_PAUSE if paused else Action.SCHEDULE_RESUME, row, reason=reason
        )
        row.refresh_from_db()
        return row

    return stores.in_transaction(work)


def _amend(schedule_id: UUID, amendment: Amendment) -> None:
    try:
        stores.sql_store().amend_schedule(schedule_id, amendment)
    except NothingToRun as error:
        raise nothing_left(error) from error
    except VersionConflict as error:  # the row is locked, so this is a reader's mistake in time
        raise ScheduleConflictException(str(error)) from error


def _locked(caller: Caller, schedule_id: UUID, right: Right) -> Schedule:
    row = selectors.lock_schedule(caller.community, schedule_id)
    if row is None:
        raise ScheduleNotFoundException(schedule_id)
    policy.require(caller, right, row.workflow_id)
    return row


def _existing(caller: Caller, schedule_id: UUID) -> Schedule:
    row = selectors.find_schedule(caller.community, schedule_id)
    if row is None:
        raise ScheduleNotFoundException(schedule_id)
    return row


def _existing_run(caller: Caller, run_id: UUID) -> Run:
    run = selectors.find_run(caller.community, run_id)
    if run is None:
        raise UnknownRun(run_id)
    return run


def _outdated(version: int) -> ScheduleConflictException:
    return ScheduleConflictException(
        f"version: the schedule was changed in the meantime and is at version {version}; read it again"
    )


def _record(caller: Caller, action: Action, row: Schedule, **facts: Any) -> None:
    trail.record(
        Category.AUDIT,
        action,
        caller=caller,
        schedule_id=row.schedule_id,
        workflow_id=row.workflow_id,
        **facts,
    )
