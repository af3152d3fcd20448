"""The cases as data: how a line of a case file becomes a rule and is judged."""

import gzip
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from clockwright.recurrence import Cron, CronFields, Recurrence, RRule

CASES = Path(__file__).parent / "cases"
DIALECTS = {"cron5": "unix", "cron6s": "seconds", "cron7sy": "seconds_year", "alias": "unix"}


@cache
def cases(name: str) -> list[dict]:
    with gzip.open(CASES / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_utc(moments: Iterable[datetime]) -> list[datetime]:
    # Python never calls a time in a fold equal to one of another zone, so equality is asked in UTC.
    return [moment.astimezone(UTC) for moment in moments]


def rule_of(case: dict, **options: str) -> Recurrence:
    if case["dialect"] == "apscheduler":
        return CronFields(case["tz"], **case["fields"])
    if case["dialect"] in {"rrule", "rruleset"}:
        return rrule_of(case)
    return Cron(case["expr"], case["tz"], dialect=DIALECTS[case["dialect"]], **options)


def rrule_of(case: dict) -> RRule:
    return RRule(
        case["expr"],
        start=datetime.fromisoformat(case["dtstart"]).replace(tzinfo=ZoneInfo(case["tz"])),
        rdate=[instant(text) for text in case.get("rdate") or ()],
        exdate=[instant(text) for text in case.get("exdate") or ()],
        exrule=[case["exrule"]] if case.get("exrule") else [],
    )


def verdict(case: dict, expect: list[str], **options: str) -> str | None:
    """None when the rule says what the case expects, in every way of asking; else what differs."""
    rule = rule_of(case, **options)
    after = instant(case["after"])
    wanted = [instant(text) for text in expect]
    found = in_utc(rule.upcoming(after, case["n"]))
    if found != wanted:
        given = [t.strftime("%Y-%m-%dT%H:%M:%SZ") for t in found]
        return f"{case['expr']!r} {case['tz']} {options} after {case['after']}: {given} != {expect}"
    if wanted:
        walked = in_utc(islice(rule.between(after, wanted[-1]), len(wanted) + 1))
        back = [wanted[-1]]
        while len(back) < len(wanted):
            back.insert(0, rule.prev_before(back[0]).astimezone(UTC))
        counted = rule.count_between(after, wanted[-1])
        if walked != wanted or back != wanted or counted != len(wanted):
            return f"{case['expr']!r} {case['tz']} {options}: {walked}, {back}, {counted}"
    return None


def failures(lines: list[dict], **options: str) -> list[str]:
    verdicts = (verdict(case, case["expect"], **options) for case in lines)
    return [text for text in verdicts if text is not None]


def report(failed: list[str], total: int) -> str:
    return "\n".join([f"{len(failed)} of {total} cases fail; the first:", *failed[:5]])
