"""`make test`: the whole suite on SQLite and on PostgreSQL, and a table of what ran.

Each folder under `tests/` is a group. Groups that touch a database run once on each; pure ones run
once. Every pytest process writes what it did to a JSON file (`tests/support/report.py`); this
module adds the files up and judges them.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools import postgres, processes
from tools.environment import CACHE, ROOT, say, venv_bin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TESTS = ROOT / "tests"
PURE = ("architecture", "bench", "docs", "engine", "recurrence", "simulation")
ON_BOTH = (
    "access acceptance api audit bookings cli console contract contrib embed games migrations"
    " notify plans schedules server testing tours workflows"
).split()
IN_A_BROWSER = ("browser",)
BY_REQUEST = ("soak", "proofs")
ONCE_BY_REQUEST = ("proofs",)
"""Long ones that touch no database."""

NO_GROUP = ("support",)
ROOMS_TO_COME = frozenset({"bookings", "games", "notify", "testing", "tours"})
"""Groups that may be absent still. A name leaves this list with the room's first test."""

ALONE = frozenset({"acceptance", "browser"})
"""Groups that measure real time or kill processes: nothing that keeps the processor busy runs beside them.

They wait more than they work, and so run beside each other when all the rest is done."""

LONG_FIRST = ("bench", "docs", "cli", "contrib", "architecture", "schedules")
"""Groups with tests of many seconds: begun last, one would keep everybody waiting."""

WORKERS = min(os.cpu_count() or 1, 8) + 1
"""One more than there are processors: in many tests a process waits for another."""

SOAK_WORKERS = 2
"""Soaks measure, and keep more than one processor busy each."""

MEMORY = Path("/dev/shm")  # noqa: S108 - a private folder is made in it
MEMORY_NEEDED = 2 * 1024**3
"""Bytes: SQLite asks for every commit to reach the disk, which takes no time where there is none."""

LONG = 14_400.0
"""Seconds for a soak, and for each test in one."""

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
COUNTS = ("passed", "failed", "errors", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One pytest process: which paths, against which database."""

    database: str
    paths: Sequence[str]
    alone: bool


@dataclass(slots=True, kw_only=True)
class Results:
    """What all the processes reported."""

    groups: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    skips: list[dict[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, part: Part, code: int, told: dict[str, Any] | None) -> None:
        if told is None:
            self.complaints.append(f"pytest broke off (exit code {code}) on {part.database}")
            return
        for group, counts in told["groups"].items():
            key = (group, part.database)
            self.seconds[key] += counts.pop("seconds")
            self.groups[key] = self.groups.get(key, Counter()) + Counter(counts)
        self.failures += [f"{part.database}: {test}" for test in told["failures"]]
        self.skips += told["skips"]
        self.versions |= told["versions"]
        # Codes: 0 all passed, 1 some failed, 5 none collected (judged by group). Others are ours.
        failed = any(counts["failed"] or counts["errors"] for counts in told["groups"].values())
        if code not in {0, 1, 5} or (code == 1 and not failed):
            self.complaints.append(f"pytest ended with exit code {code} on {part.database}")

    def total(self, *names: str) -> int:
        return sum(counts[name] for counts in self.groups.values() for name in names)


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for (everything when nothing was); 0 only if all of it passed."""
    options, paths = _split(arguments)
    strangers = sorted(set(_folders()) - {*PURE, *ON_BOTH, *IN_A_BROWSER, *BY_REQUEST})
    results = Results()
    results.complaints += [
        f"tests/{name} is no group: name it in tools/suite.py" for name in strangers
    ]
    try:
        with (
            postgres.running() as server,
            tempfile.TemporaryDirectory(prefix="cw-test-", dir=_fast_folder(paths)) as scratch,
        ):
            results.versions["PostgreSQL"] = f"{_server_version(server.url)} ({server.origin})"
            urls = {SQLITE: f"sqlite:///{scratch}/main.sqlite3", POSTGRESQL: server.url}
            for batch in _batches(_parts(paths)):
                for part, code, told in _run(batch, urls, Path(scratch), options):
                    results.add(part, code, told)
    except postgres.PostgresError as problem:
        say(str(problem))
        results.complaints.append("PostgreSQL did not start; nothing ran")
    _judge(results, whole=not options and not paths)
    return _report(results)


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options for pytest, and the paths among them, which are sorted by database."""
    paths = [text for text in arguments if (ROOT / text.partition("::")[0]).exists()]
    return [text for text in arguments if text not in paths], paths


def _folders() -> list[str]:
    """The groups that have a test in them."""
    found = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")}
    return sorted(found - set(NO_GROUP))


def _parts(paths: Sequence[str]) -> Iterable[Part]:
    everything = [f"tests/{name}" for name in _folders() if name not in BY_REQUEST]
    wanted = _expanded(paths, everything) if paths else everything
    for database, groups in (
        (SQLITE, (*PURE, *ON_BOTH, *BY_REQUEST)),
        (POSTGRESQL, (*ON_BOTH, *(set(BY_REQUEST) - set(ONCE_BY_REQUEST)))),
        (SQLITE, IN_A_BROWSER),
    ):
        here = sorted((path for path in wanted if _group(path) in groups), key=_turn)
        for alone in (False, True):
            chosen = [path for path in here if (_group(path) in ALONE) == alone]
            if chosen:
                yield Part(database=database, paths=chosen, alone=alone)


def _turn(path: str) -> int:
    """Pytest and xdist take the groups in the order in which they are named."""
    group = _group(path)
    return LONG_FIRST.index(group) if group in LONG_FIRST else len(LONG_FIRST)


def _expanded(paths: Sequence[str], everything: Sequence[str]) -> list[str]:
    """`tests` alone means all its groups."""
    normal = [str(Path(path)) for path in paths]
    return [one for path in normal for one in (everything if path == "tests" else [path])]


def _is_soak(paths: Iterable[str]) -> bool:
    return any(_group(path) in BY_REQUEST for path in paths)


def _group(path: str) -> str:
    relative = Path(path.partition("::")[0])
    inside = relative.relative_to(ROOT) if relative.is_absolute() else relative
    return inside.parts[1] if len(inside.parts) > 1 else "(none)"


def _batches(parts: Iterable[Part]) -> list[list[Part]]:
    """What runs at the same time: first each of the pools by itself, and then the others at once."""
    every = list(parts)
    alone = [part for part in every if part.alone]
    return [*([part] for part in every if not part.alone), *([alone] if alone else [])]


def _run(
    batch: Sequence[Part], urls: Mapping[str, str], scratch: Path, options: Sequence[str]
) -> list[tuple[Part, int, dict[str, Any] | None]]:
    """A pytest process for each part: its exit code, and its report unless it broke off."""
    folders = [Path(tempfile.mkdtemp(prefix="part-", dir=scratch)) for _ in batch]
    is_soak = any(_is_soak(part.paths) for part in batch)
    with contextlib.ExitStack() as stack:
        jobs = []
        for part, folder in zip(batch, folders, strict=True):
            print(f"\n=== {_title(part)}", flush=True)
            # of those that run at once each is shown when it has ended
            output = stack.enter_context((folder / "out").open("wb")) if len(batch) > 1 else None
            extra = _environ(urls[part.database], folder, is_soak=is_soak)
            jobs.append(processes.Job(command=_pytest(part, options), extra=extra, output=output))
        seconds = LONG if is_soak else processes.PATIENCE
        codes = processes.run_side_by_side(jobs, seconds=seconds)
    for part, folder in zip(batch, folders, strict=True):
        if len(batch) > 1:
            print(
                f"\n--- {_title(part)}\n{(folder / 'out').read_text(errors='replace')}", flush=True
            )
    told = [_told(folder / "report.json") for folder in folders]
    return list(zip(batch, codes, told, strict=True))


def _title(part: Part) -> str:
    return f"{part.database}: {' '.join(dict.fromkeys(_group(path) for path in part.paths))}"


def _pytest(part: Part, options: Sequence[str]) -> list[str]:
    workers = SOAK_WORKERS if _is_soak(part.paths) else WORKERS
    side_by_side = [] if part.alone else ["-n", str(workers), "--dist", "loadgroup"]
    pytest = [venv_bin("python"), "-m", "pytest", "--quiet", "--continue-on-collection-errors"]
    return [*pytest, *side_by_side, *options, *part.paths]


def _environ(url: str, folder: Path, *, is_soak: bool) -> dict[str, str]:
    """What pytest and all that it starts are told; their temporary files go into the folder."""
    return {
        "DATABASE_URL": url,
        "TMPDIR": str(folder),
        "CLOCKWRIGHT_TEST_REPORT": str(folder / "report.json"),
        **({"CLOCKWRIGHT_TEST_LIMIT": str(LONG)} if is_soak else {}),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
        "PATH": f"{Path(venv_bin('python')).parent}:{os.environ.get('PATH', os.defpath)}",
        # where it is set, as in many containers, each of hundreds of processes compiles everything
        "PYTHONDONTWRITEBYTECODE": "",
    }


def _told(report: Path) -> dict[str, Any] | None:
    return json.loads(report.read_text()) if report.exists() else None


def _fast_folder(paths: Sequence[str]) -> str | None:
    """Where temporary files are kept in memory, if there is room; nothing: wherever is usual.

    A soak has its databases on a disk, since what it finds may be about disks.
    """
    if _is_soak(paths) or not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return None
    return str(MEMORY) if shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED else None


def _server_version(url: str) -> str:
    """Asked of the server itself, which also shows that it can be reached."""
    asking = "import psycopg, sys; print(psycopg.connect(sys.argv[1]).info.server_version // 10000)"
    done = subprocess.run(
        [venv_bin("python"), "-c", asking, url], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise postgres.PostgresError(f"No answer from {url}:\n{done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def _judge(results: Results, *, whole: bool) -> None:
    """What pytest's exit code does not say: silent skips, and groups in which nothing ran."""
    listed = [
        entry
        for entry in json.loads((TESTS / "skips.json").read_text())
        if _concerns(entry, results.versions)
    ]
    used = set()
    for skip in results.skips:
        matching = [index for index, entry in enumerate(listed) if _allows(entry, skip)]
        used.update(matching)
        if not matching:
            results.complaints.append(
                f"skipped, and not in tests/skips.json: {skip['test']} ({skip['reason']})"
            )
    if not whole:
        if not results.groups:
            results.complaints.append("no test matches")
        return
    absent = {*PURE, *ON_BOTH, *IN_A_BROWSER} - ROOMS_TO_COME - set(_folders())
    results.complaints += [
        f"no test in tests/{name}: see ROOMS_TO_COME in tools/suite.py" for name in sorted(absent)
    ]
    for index, entry in enumerate(listed):
        if index not in used:
            results.complaints.append(
                f"tests/skips.json names what is not skipped: {entry['test']}"
            )
    for part in _parts([]):
        for path in part.paths:
            if not results.groups.get((_group(path), part.database)):
                results.complaints.append(f"nothing ran in {path} on {part.database}")


def _concerns(entry: dict[str, str], versions: dict[str, str]) -> bool:
    """An entry may be about one version of Django alone: what is not there in it is there in another."""
    return versions.get("Django", "").startswith(entry.get("django", ""))


def _allows(entry: dict[str, str], skip: dict[str, str]) -> bool:
    return fnmatch.fnmatchcase(skip["test"], entry["test"]) and entry["reason"] in skip["reason"]


def _report(results: Results) -> int:
    print(f"\n{_table(results)}\n")
    for skip in results.skips:
        print(f"skipped: {skip['test']}: {skip['reason']}")
    for failure in results.failures:
        print(f"FAILED {failure}")
    for complaint in results.complaints:
        print(f"FAILED {complaint}")
    print("ran with " + ", ".join(f"{name} {text}" for name, text in results.versions.items()))
    failed = results.total("failed", "errors") + len(results.complaints)
    print(f"\n{results.total('passed')} passed, {failed} failed", flush=True)
    return 1 if failed or not results.total("passed") else 0


def _table(results: Results) -> str:
    databases = [SQLITE, POSTGRESQL]
    groups = sorted({group for group, _ in results.groups})
    headings = ["group"]
    for database in databases:
        headings += [f"{database}: passed", *COUNTS[1:], "s"]
    rows = [headings]
    totals: Counter[tuple[str, str]] = Counter()
    for group in groups:
        row = [group]
        for database in databases:
            counts = results.groups.get((group, database))
            seconds = results.seconds[group, database]
            row += (
                [str(counts[name]) for name in COUNTS] + [f"{seconds:.1f}"] if counts else ["-"] * 5
            )
            totals.update({(database, name): (counts or {}).get(name, 0) for name in COUNTS})
            totals[database, "s"] += seconds
        rows.append(row)
    last = ["all"]
    for database in databases:
        last += [str(totals[database, name]) for name in COUNTS] + [f"{totals[database, 's']:.1f}"]
    return processes.table([*rows, last], ruled_after=(0, len(rows) - 1))
