"""`clockwright doctor`: whether everything that has to be right is; `--diff`: what an upgrade changes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clockwright.server.cli.options import AsJson, takes
from clockwright.server.errors import Exit, UsageProblem
from clockwright.server.output import iso_utc, result, result_json, result_table, say
from clockwright.server.runtime import maintainer, use_database, use_django

if TYPE_CHECKING:
    from datetime import datetime

    from clockwright.schedules.doctor.differences import Difference
    from clockwright.schedules.doctor.upgrade import Upgrade

_MOST = 10_000
_READ = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions:
    """What may be asked."""

    diff: Annotated[
        bool,
        typer.Option("--diff", help="List what another engine or zone data changes, instead."),
    ] = False
    everything: Annotated[
        bool,
        typer.Option("--all", help="Read every schedule, also where there are many."),
    ] = False
    accept: Annotated[
        bool,
        typer.Option(
            "--accept", help="Accept what --diff lists: save it under the present versions."
        ),
    ] = False
    community: Annotated[
        str | None,
        typer.Option("--community", metavar="NAME", help="With --diff: only its schedules."),
    ] = None
    limit: Annotated[
        int, typer.Option("--limit", "-n", help="Show at most so many; all are counted.")
    ] = 100
    as_json: AsJson = False


@takes(DoctorOptions)
def doctor(options: DoctorOptions) -> int:
    """Look at everything that has to be right; 0 if it is, 5 without a usable database, else 1."""
    maintainer("doctor")
    if not 1 <= options.limit <= _MOST:
        raise UsageProblem(f"--limit: {options.limit} is out of range; give 1 to {_MOST}")
    if options.diff or options.accept:
        return _upgrade(options)
    if options.community is not None:
        raise UsageProblem(
            f"--community: {options.community!r} goes with --diff; without it all are examined"
        )
    return _examine(options)


def _examine(options: DoctorOptions) -> int:
    use_django()
    from clockwright.server import checkup

    findings = checkup.examine(None if options.everything else _READ)
    if options.as_json:
        result_json(
            {"ok": checkup.is_well(findings), "checks": [finding.as_json() for finding in findings]}
        )
    else:
        result_table(("", "check", "finding"), [(f.verdict, f.check, f.finding) for f in findings])
        for finding in findings:
            if finding.ids:
                say(
                    f"{finding.check}: {', '.join(finding.ids)}{', …' if finding.count > len(finding.ids) else ''}"
                )
            if finding.mend:
                say(f"{finding.check}: {finding.mend}")
    if checkup.is_unavailable(findings):
        return Exit.UNAVAILABLE
    return Exit.OK if checkup.is_well(findings) else Exit.FAILURE


def _upgrade(options: DoctorOptions) -> int:
    use_database()
    from clockwright.schedules.doctor.upgrade import Upgrade

    upgrade = Upgrade.look(options.community)
    if options.accept:
        return _accept(upgrade, as_json=options.as_json)
    differences = upgrade.differences()
    shown = list(islice(differences, options.limit))
    count = len(shown) + sum(1 for _ in differences)
    if options.as_json:
        result_json({**_versions(), "ok": not count, "count": count, "schedules": [_told(d) for d in shown]})  # fmt: skip
    else:
        _show(shown, count)
    return Exit.FAILURE if count else Exit.OK


def _accept(upgrade: Upgrade, *, as_json: bool) -> int:
    accepted = upgrade.accept(maintainer("doctor --accept"))
    facts = {
        "changed": accepted.changed,
        "unchanged": accepted.unchanged,
        "unreadable": accepted.unreadable,
    }
    if as_json:
        result_json({**_versions(), "ok": not accepted.unreadable, **facts})
    else:
        result(
            f"accepted {accepted.changed} schedules that change and {accepted.unchanged} that do not"
        )
    if accepted.unreadable:
        say(
            f"{accepted.unreadable} cannot be read and stay as they are: give them a rule, or remove them"
        )
    return Exit.FAILURE if accepted.unreadable else Exit.OK


def _versions() -> dict[str, Any]:
    from clockwright.recurrence import ENGINE_VERSION, tzdata_version

    return {"engine_version": ENGINE_VERSION, "tzdata_version": tzdata_version()}


def _told(difference: Difference) -> dict[str, Any]:
    return {
        "schedule_id": difference.schedule_id,
        "community": difference.community,
        "key": difference.key,
        "name": difference.name,
        "rule": difference.rule,
        "timezone": difference.timezone,
        "engine_version": difference.engine_version,
        "tzdata_version": difference.tzdata_version,
        "certainty": difference.certainty,
        "because": list(difference.because),
        "changed": difference.changed,
        "is_cut_short": difference.is_cut_short,
        "first": [{"was": moved.was, "is": moved.now} for moved in difference.first],
        "next": {"was": difference.next_was, "is": difference.next_now},
    }


def _show(shown: list[Difference], count: int) -> None:
    versions = _versions()
    present = f"engine {versions['engine_version']} and tzdata {versions['tzdata_version']}"
    if not count:
        result(f"nothing changes in the coming year under {present}")
        return
    for difference in shown:
        who = difference.key or difference.name or difference.schedule_id
        result(f"{who}  ({difference.schedule_id}, community {difference.community})")
        result(f"  {difference.rule}")
        result(
            f"  {difference.certainty}, saved under engine {difference.engine_version}"
            f" and tzdata {difference.tzdata_version}:"
        )
        for reason in difference.because:
            result(f"  - {reason}")
        for moved in difference.first:
            result(f"      {_moment(moved.was)} -> {_moment(moved.now)}")
    rest = f" ({count - len(shown)} more: --limit)" if count > len(shown) else ""
    changes = "1 schedule changes" if count == 1 else f"{count} schedules change"
    result(f"{changes}, or may, under {present}{rest}")
    say("read the list, then `clockwright doctor --diff --accept`; docs/howto/upgrade.md says more")


def _moment(instant: datetime | None) -> str:
    return "none" if instant is None else iso_utc(instant)
