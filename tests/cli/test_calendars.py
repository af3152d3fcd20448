"""`clockwright calendar …`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.django_db

Command = Callable[..., Any]


def test_a_calendar_is_put_listed_shown_and_removed(clockwright: Command) -> None:
    put = ("calendar", "put", "feasts", "--yearly", "12-25", "--yearly", "01-01", "--easter", "-2")
    told = clockwright(*put, "--nth", "last mon may", "--holiday", "2027-12-27", "--json").json
    assert told["yearly"] == ["01-01", "12-25"]
    assert (told["easter"], told["nth_weekdays"]) == ([-2], ["last mon may"])
    assert (told["weekend"], told["holidays"]) == (["sat", "sun"], ["2027-12-27"])
    assert "version 2" in clockwright("calendar", "put", "feasts", "--weekend", "").err
    listed = clockwright("calendar", "list", "--json").json["items"]
    assert [(one["name"], one["weekend"]) for one in listed] == [("feasts", [])]
    assert "feasts" in clockwright("calendar", "list").out
    assert "version" in clockwright("calendar", "show", "feasts").out
    assert clockwright("calendar", "show", "feasts", "--json").json["version"] == 2
    assert clockwright("calendar", "remove", "feasts").code == 0
    assert clockwright("calendar", "show", "feasts").code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (("put", "my feasts"), 2, "name"),
        (("put", "feasts", "--yearly", "02-30"), 2, "02-30"),
        (("put", "feasts", "--weekend", "someday"), 2, "someday"),
        (("remove", "feasts"), 3, "feasts"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_code(
    clockwright: Command, arguments: tuple[str, ...], code: int, named: str
) -> None:
    done = clockwright("calendar", *arguments)
    assert (done.code, named in done.err) == (code, True), done.err
