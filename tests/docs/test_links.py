"""Links lead somewhere, pictures exist, and every page can be reached."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from tests.docs.markdown import ROOT, Page, pages

PAGES = pages()
BY_PATH = {page.path: page for page in PAGES}


def targets(page: Page):
    for _, target in page.links():
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (
                target,
                (page.path.parent / unquote(path)).resolve() if path else page.path,
                anchor,
            )


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_links_and_pictures_resolve(page):
    broken = []
    for target, path, anchor in targets(page):
        if not path.exists():
            broken.append(f"{target}: no such file")
        elif anchor and path in BY_PATH and anchor not in BY_PATH[path].anchors:
            broken.append(f"{target}: no such heading")
    assert not broken, broken


def test_every_page_can_be_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in BY_PATH and path not in seen:
            seen.add(path)
            waiting += [found for _, found, _ in targets(BY_PATH[path])]
    unreached = sorted(page.name for page in PAGES if page.path not in seen)
    assert not unreached


@pytest.mark.parametrize("page", PAGES, ids=repr)
def test_a_page_has_one_title_and_no_machine_in_it(page):
    assert [level for level, _ in page.headings].count(1) == 1
    assert not re.search(r"/root/|/home/|/tmp/(?!clockwright)", page.text)
