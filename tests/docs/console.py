"""Commands of the documentation, run as a reader would: `$ ` lines, and what is shown under them.

`clockwright …` runs in this process; `curl …` asks the server of the test; `NAME=$(clockwright …)` and `export NAME=…` set a
variable; output may go into `python3`. What is shown is compared loosely: `…` stands for any text, a line `…`
for any lines; runs of spaces are one; ids, tokens and lengths of time match any others, and so do instants, unless the
command names the instant to start from (`--after`). The exit code must be 0 unless what is shown begins with `error:`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import string
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

from clockwright.server.cli import main
from tests.docs.not_run import NOT_RUN

PATIENCE = 20.0
_LOOKS = re.compile(
    r"clockwright (runs|schedule (show|list)|nodes|doctor)|curl(?!.* (-X|-d|--data))"
)

_ID = (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>")
_TOKEN = (re.compile(r"\bcw_[\w-]+"), "<token>")
_NODE = (re.compile(r"[\w.-]+:\d+:[0-9a-f]{8}\b"), "<node>")
_LENGTH = (re.compile(r"(?<![\w.:-])[+-]?\d+([.,]\d+)? ?(ms|µs|s|min|h)\b(?! \*)"), "<length>")
_INSTANT = (
    re.compile(
        r"(\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?"
        r"( [A-Z]{3,5}| ?[+-]\d\d:\d\d|Z)?"
    ),
    "<instant>",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One `$ ` line with its continuations, and what the page shows under it."""

    text: str
    shown: tuple[str, ...]

    @property
    def is_run(self) -> bool:
        """Whether a test can run it."""
        return self.excuse is None

    @property
    def excuse(self) -> str | None:
        """The entry of the list of commands that are not run."""
        return next((start for start in NOT_RUN if self.text.startswith(start)), None)


def commands(text: str) -> Iterator[Command]:
    """The commands of a block. Raises ValueError for text before the first."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        if not lines[at].startswith("$ "):
            raise ValueError(f"a console block begins with '$ ', not {lines[at]!r}")
        typed = [lines[at][2:]]
        at += 1
        while typed[-1].endswith("\\") or _is_open("\n".join(typed)):
            typed.append(lines[at].removeprefix("> "))
            at += 1
        shown = []
        while at < len(lines) and not lines[at].startswith("$ "):
            shown.append(lines[at])
            at += 1
        yield Command(text="\n".join(typed).replace("\\\n", " "), shown=tuple(shown))


def _is_open(text: str) -> bool:
    try:
        shlex.split(text)
    except ValueError:
        return True
    return False


@dataclass(slots=True)
class Session:
    """A reader at a terminal. `server` is the address of a running one, where the page needs it."""

    server: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def check(self, command: Command) -> None:
        """Run a command and compare; one that only looks is repeated until it shows what the page says."""
        fails = bool(command.shown) and command.shown[0].startswith("error:")
        until = time.monotonic() + PATIENCE
        while True:
            code, out = self.run(command.text)
            problem = difference(command, out) if (code != 0) == fails else f"exit code {code}"
            if problem is None:
                return
            if not _LOOKS.match(command.text) or time.monotonic() > until:
                raise AssertionError(f"$ {command.text}\n{problem}\n--- it printed:\n{out}")
            time.sleep(0.1)  # between two looks at something that another process does

    def run(self, text: str) -> tuple[int, str]:
        """Exit code, and what it printed on both streams."""
        if match := re.match(r"(?:export )?([A-Z_]+)=(?:\$\((.+)\)|(\S*))$", text, re.DOTALL):
            return self._assign(match[1], match[2], match[3])
        return self._pipe(text)

    def _assign(self, name: str, command: str | None, value: str) -> tuple[int, str]:
        if command is None:
            self.variables[name] = value
            return 0, ""
        code, out = self._pipe(command, only_stdout=True)
        self.variables[name] = out.strip()
        return code, ""

    def _pipe(self, text: str, *, only_stdout: bool = False) -> tuple[int, str]:
        """A command, and the `python3` that its output goes into, if there is one."""
        text, pipe, reader = text.partition(" | python3 ")
        words = [
            string.Template(word).safe_substitute(self.variables) for word in shlex.split(text)
        ]
        code, out = self._call(words, only_stdout=only_stdout or bool(pipe))
        if not pipe:
            return code, out
        if reader == "-m json.tool":
            return code, json.dumps(json.loads(out), indent=4, ensure_ascii=False)
        command = [sys.executable, *shlex.split(reader)]
        done = subprocess.run(command, input=out, capture_output=True, text=True, check=False)
        return code or done.returncode, done.stdout + done.stderr

    def _call(self, words: list[str], *, only_stdout: bool = False) -> tuple[int, str]:
        match words:
            case ["clockwright", *arguments]:
                return _clockwright(arguments, only_stdout=only_stdout)
            case ["curl", *arguments]:
                return self._curl(arguments)
        raise AssertionError(
            f"the test does not know how to run {words[0]!r}: see tests/docs/console.py"
        )

    def _curl(self, arguments: list[str]) -> tuple[int, str]:
        """As much of curl as the pages use: -s, -i, -X, -H, -d."""
        method, headers, data, url, show_head = None, {}, None, "", False
        words = iter(arguments)
        for word in words:
            match word:
                case "-s":
                    pass
                case "-i":
                    show_head = True
                case "-X":
                    method = next(words)
                case "-H":
                    name, _, value = next(words).partition(":")
                    headers[name] = value.strip()
                case "-d":
                    data = next(words).encode()
                case _ if word.startswith("http"):
                    url = word
                case _:
                    raise AssertionError(f"curl {word}: the test does not know this option")
        assert self.server, "a page that asks a server names http://127.0.0.1:8000"
        url = url.replace("http://127.0.0.1:8000", self.server)
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        return 0, _answer(request, show_head=show_head)


def _answer(request: urllib.request.Request, *, show_head: bool) -> str:
    try:
        response = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        body = response.read().decode()
        head = f"HTTP/1.1 {response.status} {response.reason}\n"
        head += "".join(f"{name.lower()}: {value}\n" for name, value in response.headers.items())
    return f"{head}\n{body}" if show_head else body


def _clockwright(arguments: list[str], *, only_stdout: bool) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err if only_stdout else out):
        kept = dict(os.environ)
        try:
            code = main(arguments)
        finally:
            os.environ.clear()
            os.environ.update(kept)
    assert not (only_stdout and code), err.getvalue()
    return code, out.getvalue()


def difference(command: Command, out: str) -> str | None:
    """What of the shown text is not in the output, or None."""
    marks = [_ID, _TOKEN, _NODE, _LENGTH]
    if "--after" not in command.text:
        marks.append(_INSTANT)
    shown = [_plain(line, marks) for line in command.shown if line.strip()]
    printed = [_plain(line, marks) for line in out.splitlines() if line.strip()]
    if not shown:
        return None
    return None if _matches(shown, printed) else "--- the page shows:\n" + "\n".join(command.shown)


def _matches(shown: list[str], printed: list[str]) -> bool:
    if not shown:
        return not printed
    if shown[0] == "…":
        return any(_matches(shown[1:], printed[skip:]) for skip in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(re.escape(part) for part in shown[0].split("…"))
    return bool(re.fullmatch(pattern, printed[0])) and _matches(shown[1:], printed[1:])


def _plain(line: str, marks: list[tuple[re.Pattern[str], str]]) -> str:
    for pattern, mark in marks:
        line = pattern.sub(mark, line)
    line = re.sub(r"[─━-]{3,}", "---", line)
    return re.sub(r"\s+", " ", line).strip()
