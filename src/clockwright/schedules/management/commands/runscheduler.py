"""`manage.py runscheduler`: an engine alone, in any number, beside the web workers or instead of theirs (R5)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from clockwright.schedules import engines


class Command(BaseCommand):
    """Runs what is due until SIGTERM or Ctrl-C, drains, and ends with exit code 0."""

    help = "Run what is due until SIGTERM or Ctrl-C; any number of these share one database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The one option."""
        parser.add_argument(
            "--drain",
            type=float,
            default=engines.DRAIN,
            help="Seconds that running work is given to finish on SIGTERM (default: %(default)g).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run; raises CommandError when the database cannot be used, or the engine ended by itself."""
        try:
            asked = engines.run_until_signalled(options["drain"], self._say)
        except DatabaseError as error:
            raise CommandError(
                f"the database cannot be used ({error}); see that it runs and `manage.py migrate` was run"
            ) from error
        if not asked:
            raise CommandError("the engine stopped by itself; its log says why")

    def _say(self) -> None:
        self.stderr.write("scheduler is running (Ctrl-C drains and stops)")
