"""Which days are open: calendars, and the rules that skip or move what falls on a closed day."""

from .business import BusinessDays
from .calendar import Calendar, calendar_from_json, easter_sunday, is_calendar_name

__all__ = ["BusinessDays", "Calendar", "calendar_from_json", "easter_sunday", "is_calendar_name"]
