"""`clockwright calendar …`: put, list, show, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from clockwright.server.cli.options import AsJson, takes
from clockwright.server.errors import UsageProblem
from clockwright.server.output import result_facts, result_json, result_table, say
from clockwright.server.runtime import caller, use_database

app = typer.Typer(
    name="calendar", help="Keep calendars: which days are business days.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The calendar's name.")]
_LISTS = ("weekend", "holidays", "yearly", "easter", "nth_weekdays")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDays:
    """The options of `calendar put`: which days are no business days."""

    name: Name
    weekend: Annotated[str, typer.Option("--weekend", help="Weekdays by comma; '' for none.")] = (
        "sat,sun"
    )
    holiday: Annotated[
        list[str] | None, typer.Option("--holiday", metavar="DATE", help="A date; again for more.")
    ] = None
    yearly: Annotated[
        list[str] | None,
        typer.Option("--yearly", metavar="MM-DD", help="A date of every year; again for more."),
    ] = None
    easter: Annotated[
        list[int] | None,
        typer.Option("--easter", metavar="DAYS", help="Days after Easter Sunday; again for more."),
    ] = None
    nth: Annotated[
        list[str] | None,
        typer.Option("--nth", metavar="DAY", help="Such as 'last mon may'; again for more."),
    ] = None
    as_json: AsJson = False

    def as_data(self) -> dict[str, Any]:
        """The calendar's JSON, without its name."""
        return {
            "weekend": [day.strip() for day in self.weekend.split(",") if day.strip()],
            "holidays": self.holiday or [],
            "yearly": self.yearly or [],
            "easter": self.easter or [],
            "nth_weekdays": self.nth or [],
        }


@app.command("put")
@takes(CalendarDays)
def put(days: CalendarDays) -> None:
    """Make a calendar, or replace it whole; schedules that have it are changed with it."""
    use_database()
    from clockwright.schedules.calendars import calendar_document, put_calendar
    from clockwright.schedules.errors import InvalidScheduleException

    try:
        done = put_calendar(caller(), days.name, days.as_data())
    except InvalidScheduleException as error:
        raise UsageProblem("; ".join(problem.message for problem in error.errors)) from error
    changed = [str(schedule_id) for schedule_id in done.schedules]
    say(
        f"calendar {days.name!r} is at version {done.row.version}; schedules changed: {len(changed)}"
    )
    if days.as_json:
        result_json({**calendar_document(done.row), "schedules": changed})


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the community's calendars."""
    use_database()
    from clockwright.schedules.calendars import calendar_document, list_calendars

    found = [calendar_document(row) for row in list_calendars(caller())]
    if as_json:
        result_json({"items": found})
        return
    columns = ("name", *_LISTS, "version")
    result_table(columns, [[_cell(row[column]) for column in columns] for row in found])


@app.command("show")
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show a calendar."""
    use_database()
    from clockwright.schedules.calendars import calendar_document, get_calendar

    found = calendar_document(get_calendar(caller(), name))
    if as_json:
        result_json(found)
        return
    result_facts({key: _cell(value) for key, value in found.items()})


@app.command("remove")
def remove(name: Name) -> None:
    """Keep a calendar no longer; refused while a schedule has it."""
    use_database()
    from clockwright.schedules.calendars import remove_calendar

    remove_calendar(caller(), name)
    say(f"calendar {name!r} is removed")


def _cell(value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    return ", ".join(map(str, value)) or "-"
