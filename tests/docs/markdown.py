"""Pages as data: fenced blocks, headings, links and tables of Markdown, as GitHub reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")

_FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>```+)(?P<info>[^`]*)$")
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
_LINK = re.compile(r"(?<!\\)(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)")
_CODE_SPAN = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block. `line` is that of its first line of text."""

    language: str
    options: dict[str, str]
    text: str
    line: int


class Page:
    """One Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.blocks, self.prose = _split(self.text)

    def __repr__(self) -> str:
        return self.name

    def of(self, *languages: str) -> list[Block]:
        """The blocks of these languages, in order."""
        return [block for block in self.blocks if block.language in languages]

    @cached_property
    def headings(self) -> list[tuple[int, str]]:
        """Level and text of each heading, code marks removed."""
        found = (_HEADING.match(line) for line in self.prose.splitlines())
        return [(len(match[1]), match[2].replace("`", "")) for match in found if match]

    @cached_property
    def anchors(self) -> set[str]:
        """What a link to a part of this page may name."""
        seen: dict[str, int] = {}
        anchors = set()
        for _, text in self.headings:
            slug = slug_of(text)
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            anchors.add(f"{slug}-{count}" if count else slug)
        return anchors

    def links(self) -> Iterator[tuple[bool, str]]:
        """Each link of the prose: whether it is an image, and its target."""
        for match in _LINK.finditer(_CODE_SPAN.sub("", self.prose)):
            yield bool(match[1]), match[3]

    def section(self, heading: str) -> str:
        """The prose under a heading, up to the next of its level or a higher one. Raises KeyError."""
        lines, kept, level = self.prose.splitlines(), [], 0
        for line in lines:
            match = _HEADING.match(line)
            if match and level and len(match[1]) <= level:
                break
            if match and not level and match[2].replace("`", "") == heading:
                level = len(match[1])
            elif level:
                kept.append(line)
        if not level:
            raise KeyError(f"{self.name} has no heading {heading!r}")
        return "\n".join(kept)

    def rows(self, heading: str | None = None) -> list[list[str]]:
        """The cells of every table row (no heads, no rules) of the page or of one section; marks stay."""
        return list(table_rows(self.prose if heading is None else self.section(heading)))


def pages() -> list[Page]:
    """Every page of the documentation."""
    found = [ROOT / name for name in TOP] + sorted((ROOT / "docs").rglob("*.md"))
    return [Page(path) for path in found]


def page(name: str) -> Page:
    """One page by its path in the repository."""
    return Page(ROOT / name)


def slug_of(text: str) -> str:
    """GitHub's anchor for a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def table_rows(text: str) -> Iterator[list[str]]:
    """The body rows of every table in a text."""
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if not line.startswith("|") or _is_rule(line):
            continue
        is_head = at + 1 < len(lines) and _is_rule(lines[at + 1])
        if not is_head:
            yield [cell.strip().replace("\\|", "|") for cell in _cells(line)]


def code_in(cell: str) -> list[str]:
    """The code spans of a cell."""
    return [span.strip("`").strip() for span in re.findall(r"``.+?``|`[^`]+`", cell)]


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def _is_rule(line: str) -> bool:
    return bool(re.fullmatch(r"\|?[\s:|-]*-[\s:|-]*\|?", line))


def _split(text: str) -> tuple[list[Block], str]:
    """The fenced blocks, and the text without them."""
    blocks: list[Block] = []
    prose: list[str] = []
    fence: re.Match[str] | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _FENCE.match(line)
        if fence is None and match:
            fence, body, start = match, [], number + 1
        elif fence is not None and match and match["ticks"] >= fence["ticks"] and not match["info"]:
            blocks.append(_block(fence, body, start))
            fence = None
        elif fence is not None:
            body.append(line.removeprefix(fence["indent"]))
        else:
            prose.append(line)
    if fence is not None:
        raise ValueError(f"a block that begins in line {start - 1} has no end")
    return blocks, "\n".join(prose)


def _block(fence: re.Match[str], body: list[str], line: int) -> Block:
    language, *options = fence["info"].split() or [""]
    pairs = dict(option.split("=", 1) for option in options)
    return Block(language=language, options=pairs, text="\n".join(body) + "\n", line=line)
