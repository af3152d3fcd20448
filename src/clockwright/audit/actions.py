"""The words of the trail: categories, results, and every action name that the requirements document."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """What kind of event it is: authentication, authorisation, accounting, the system's own, or a failure."""

    AUTH = "AUTH"
    AUTHZ = "AUTHZ"
    AUDIT = "AUDIT"
    SYSTEM = "SYSTEM"
    ERROR = "ERROR"


class Result(StrEnum):
    """How it ended."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DENIED = "DENIED"


class Action(StrEnum):
    """What was done (S4-49). The names before the gap are documented, and other software greps for them."""

    SERVICE_INIT = "schedule_service_init"
    SCHEDULER_START = "scheduler_start"
    SCHEDULER_STOP = "scheduler_stop"
    LOAD_SCHEDULES = "load_schedules"
    REGISTER_SCHEDULE = "register_schedule"
    SCHEDULE_CREATE = "schedule_create"
    SCHEDULE_UPDATE = "schedule_update"
    SCHEDULE_REMOVE = "schedule_remove"
    SCHEDULE_TRIGGERED = "schedule_triggered"
    SCHEDULE_EXECUTED = "schedule_executed"
    SCHEDULE_MISSED = "schedule_missed"
    SCHEDULE_LIMIT_REACHED = "schedule_limit_reached"
    SCHEDULE_TRIGGER_ERROR = "schedule_trigger_error"
    SCHEDULE_EXECUTION = "schedule_execution"
    SCHEDULE_EXECUTION_ERROR = "schedule_execution_error"
    CHECK_DUE_SCHEDULES = "check_due_schedules"
    CHECK_DUE_SCHEDULES_LOOP = "check_due_schedules_loop"
    SCHEDULER_JOB_EXECUTED = "scheduler_job_executed"
    SCHEDULER_JOB_ERROR = "scheduler_job_error"
    SCHEDULER_LISTENER_ERROR = "scheduler_listener_error"

    SCHEDULE_PAUSE = "schedule_pause"
    SCHEDULE_RESUME = "schedule_resume"
    SCHEDULE_TRIGGER = "schedule_trigger"
    SCHEDULE_SKIPPED = "schedule_skipped"
    SCHEDULES_RECOMPUTED = "schedules_recomputed"
    EXAMINATION = "examination"
    SCHEDULE_ACCEPT = "schedule_accept"
    RUN_CANCEL = "run_cancel"
    SCHEDULE_BACKFILL = "schedule_backfill"
    BACKFILL_CANCEL = "backfill_cancel"
    BACKFILL_ENDED = "backfill_ended"
    WORKFLOW_CREATE = "workflow_create"
    WORKFLOW_UPDATE = "workflow_update"
    WORKFLOW_PUBLISH = "workflow_publish"
    WORKFLOW_ARCHIVE = "workflow_archive"
    WORKFLOW_EXECUTE = "workflow_execute"
    CALENDAR_PUT = "calendar_put"
    CALENDAR_REMOVE = "calendar_remove"
    TOKEN_CREATE = "token_create"  # noqa: S105 - the name of an action
    TOKEN_REVOKE = "token_revoke"  # noqa: S105 - likewise
    AUTHENTICATE = "authenticate"
    AUTHORIZE = "authorize"
    COMMUNITY_CREATE = "community_create"
    COMMUNITY_UPDATE = "community_update"
    MEMBER_PUT = "member_put"
    MEMBER_REMOVE = "member_remove"
    GRANT_PUT = "grant_put"
    GRANT_REMOVE = "grant_remove"
    USER_CREATE = "user_create"
    USER_UPDATE = "user_update"
    NODE_TAKEOVER = "node_takeover"
    RUN_LOST = "run_lost"
    NODE_DECLARED_DEAD = "node_declared_dead"
    OUTCOME_REFUSED = "outcome_refused"
    ENGINE_LOOP = "engine_loop"
