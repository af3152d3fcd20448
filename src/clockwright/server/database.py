"""`DATABASE_URL` as Django's settings of a database; how it is read is the same for embedded programs."""

from clockwright.schedules.dsn import database_settings

__all__ = ["database_settings"]
