"""The size ratchet: small files, small functions, few parameters, and exceptions that only shrink.

`tools/ratchet.json` lists each exception by name with the size it had when it was allowed. The
check fails when one has grown, and also when one is no longer needed. Standard library only.
"""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_LINES = {"src": 400, "tools": 400, "examples": 400, "bench": 400, "tests": 600}
FUNCTION_LINES = 40
PARAMETERS = 6
WRITTEN_BY_DJANGO = "migrations"


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversize:
    """Something measured to be larger than it may be."""

    name: str  # `src/clockwright/a.py`, or `src/clockwright/a.py::Class.method`
    what: str  # `lines` or `parameters`
    size: int
    limit: int

    def __str__(self) -> str:
        return f"{self.name}: {self.size} {self.what}, at most {self.limit} allowed"


def check(root: Path) -> list[str]:
    """Every complaint about the tree under `root`; empty when all is small."""
    allowed = json.loads((root / "tools" / "ratchet.json").read_text())
    return list(complaints(list(measure(root)), allowed))


def complaints(found: list[Oversize], allowed: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """Compare what is too large with the exceptions."""
    unused = {(name, what) for name, sizes in allowed.items() for what in sizes}
    for one in found:
        ceiling = allowed.get(one.name, {}).get(one.what)
        unused.discard((one.name, one.what))
        if ceiling is None:
            yield str(one)
        elif one.size > ceiling:
            yield f"{one.name}: grew to {one.size} {one.what}; its exception allows {ceiling}"
        elif one.size < ceiling:
            yield f"{one.name}: shrank to {one.size} {one.what}; write that into ratchet.json"
    for name, what in sorted(unused):
        yield f"{name}: no exception for its {what} is needed any more; remove it from ratchet.json"


def measure(root: Path) -> Iterator[Oversize]:
    """All that is larger than its limit, exceptions or not."""
    for folder, limit in FILE_LINES.items():
        for path in sorted((root / folder).rglob("*.py")):
            if WRITTEN_BY_DJANGO not in path.parts:
                yield from _measure_file(path, path.relative_to(root).as_posix(), limit)


def _measure_file(path: Path, name: str, limit: int) -> Iterator[Oversize]:
    text = path.read_text()
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    if lines > limit:
        yield Oversize(name=name, what="lines", size=lines, limit=limit)
    for qualified, function in _functions(ast.parse(text, str(path)), ()):
        whole = f"{name}::{qualified}"
        size = (function.end_lineno or function.lineno) - function.lineno + 1
        if size > FUNCTION_LINES:
            yield Oversize(name=whole, what="lines", size=size, limit=FUNCTION_LINES)
        count = _parameters(function)
        if count > PARAMETERS and not name.startswith("tests/"):  # there they are fixtures
            yield Oversize(name=whole, what="parameters", size=count, limit=PARAMETERS)


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(node: ast.AST, above: tuple[str, ...]) -> Iterator[tuple[str, _Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef):
            path = (*above, child.name)
            if isinstance(child, _Function):
                yield ".".join(path), child
            yield from _functions(child, path)
        else:
            yield from _functions(child, above)


def _parameters(function: _Function) -> int:
    """What a caller may pass: without `self` and `cls`, a `*args` counting as one."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if named and named[0].arg in {"self", "cls"}:
        named = named[1:]
    return len(named) + (arguments.vararg is not None) + (arguments.kwarg is not None)


if __name__ == "__main__":
    problems = check(Path(__file__).resolve().parent.parent)
    print("\n".join(problems))
    sys.exit(bool(problems))
