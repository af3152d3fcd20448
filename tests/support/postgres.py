"""A real PostgreSQL beside the one the suite runs on, for tests that stop and start their own."""

from tools.postgres import DURABLE, FORGETFUL, PostgresError, Server, find_binaries, running

__all__ = ["DURABLE", "FORGETFUL", "PostgresError", "Server", "find_binaries", "running"]
