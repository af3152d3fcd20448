"""Django's generic types with any function behind them: they take their parameters only where types are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from django.tasks import Task, TaskContext, TaskResult

if TYPE_CHECKING:
    AnyTask: TypeAlias = Task[..., Any]
    AnyResult: TypeAlias = TaskResult[..., Any]
    AnyContext: TypeAlias = TaskContext[..., Any]
else:
    AnyTask, AnyResult, AnyContext = Task, TaskResult, TaskContext
