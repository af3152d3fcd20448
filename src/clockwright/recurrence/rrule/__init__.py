"""Recurrence rules of RFC 5545."""

from .rule import RRule

__all__ = ["RRule"]
