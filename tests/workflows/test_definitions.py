"""Reading a definition: every flaw is told at once, each with its JSON pointer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from clockwright.engine.registry import Registry, function_of
from clockwright.workflows import InvalidWorkflowException
from clockwright.workflows.definitions import Done, Plan
from clockwright.workflows.reading import read_definition
from clockwright.workflows.steps import end, kinds
from clockwright.workflows.steps.kinds import DuplicateKind, Kind, Kinds

FUNCTIONS = Registry()
FUNCTIONS.register(function_of(lambda a, b=1: a, "two", exposed=True))
FUNCTIONS.register(function_of(lambda: None, "none", exposed=True))
FUNCTIONS.register(function_of(lambda: None, "hidden"))


def read(*steps, **more):
    return read_definition({"steps": list(steps), **more}, functions=FUNCTIONS)


def flaws(*steps, **more):
    with pytest.raises(InvalidWorkflowException) as refused:
        read(*steps, **more)
    return {flaw.pointer: flaw.message for flaw in refused.value.errors}


def call(step_id, function="none", **more):
    return {"id": step_id, "kind": "function", "function": function, **more}


def wait(step_id, **more):
    return {"id": step_id, "kind": "delay", "seconds": 1, **more}


def test_a_definition_is_read_with_its_limits():
    found = read(
        wait("a", next="b", timeout_seconds=5, retry={"max_retries": 7, "jitter": 0.5}),
        wait("b"),
        timeout_seconds=60,
        max_operations=20,
        retry={"max_retries": 2, "backoff_seconds": 3},
    )
    assert (found.timeout, found.most_operations) == (timedelta(minutes=1), 20)
    a, b = (found.block.steps[step_id] for step_id in "ab")
    assert (a.next, a.timeout, a.retry.max_retries) == ("b", timedelta(seconds=5), 7)
    assert a.retry.retry_backoff == timedelta(seconds=3)
    assert (b.next, b.timeout, b.retry.max_retries) == (None, None, 2)
    assert found.block.start == "a"
    assert read(wait("a", next="b"), wait("b"), wait("c", next="a"), start="c").block.start == "c"


@pytest.mark.parametrize("data", [None, [], "x", 7])
def test_what_is_no_object_is_no_definition(data):
    with pytest.raises(InvalidWorkflowException, match="give a JSON object with 'steps'"):
        read_definition(data)


@pytest.mark.parametrize("steps", [None, [], {}, "x"])
def test_a_definition_has_steps(steps):
    with pytest.raises(InvalidWorkflowException) as refused:
        read_definition({"steps": steps})
    assert [flaw.pointer for flaw in refused.value.errors] == ["/steps"]


def test_all_flaws_are_told_at_once():
    found = flaws(
        call("a", "two", next="nowhere"),
        call("a", arguments={"x": 1}),
        {"id": "c", "kind": "teleport"},
        {"kind": "delay", "seconds": 1},
        wait("e", next="f", bogus=1),
        {"id": "f", "kind": "condition", "if": "steps.q.x >", "then": "e"},
        "no step",
        retries=3,
    )
    assert set(found) == {
        "/steps/0/arguments",
        "/steps/0/next",
        "/steps/1/id",
        "/steps/1/arguments",
        "/steps/2/kind",
        "/steps/3/id",
        "/steps/4/bogus",
        "/steps/5/if",
        "/steps/6",
        "/retries",
    }


def test_a_cycle_is_told_with_its_way():
    found = flaws(wait("a", next="b"), wait("b", next="c"), wait("c", next="b"))
    assert found == {"/steps/2": "leads back: b → c → b"}
    assert flaws(wait("a", next="a")) == {"/steps/0": "leads back: a → a"}


def test_every_cycle_is_told():
    decide = {"id": "b", "kind": "condition", "if": "true", "then": "a", "else": "c"}
    found = flaws(wait("a", next="b"), decide, wait("c", next="b"))
    assert found == {"/steps/1": "leads back: a → b → a", "/steps/2": "leads back: b → c → b"}


def test_a_step_that_nothing_leads_to_is_told():
    assert flaws(wait("a"), wait("b", next="c"), wait("c")) == {
        "/steps/1": "no step leads to 'b' from 'a'",
        "/steps/2": "no step leads to 'c' from 'a'",
    }


def test_nothing_follows_an_end():
    found = flaws(wait("a", next="z"), {"id": "z", "kind": "end", "next": "b"}, wait("b"))
    assert found["/steps/1/next"] == "nothing follows a step of the kind 'end'"


def inner(step_id, *steps, **more):
    return {"id": step_id, "kind": "foreach", "items": "[]", "do": {"steps": list(steps)}, **more}


def test_blocks_inside_are_checked_with_pointers_into_them():
    found = flaws(
        inner("each", wait("in", next="in"), wait("lost")),
        {
            "id": "fan",
            "kind": "parallel",
            "branches": {"left": {"steps": [wait("in")]}, "r/l": {"steps": []}},
        },
    )
    assert found["/steps/0/do/steps/0"] == "leads back: in → in"
    assert "no step leads to 'lost'" in found["/steps/0/do/steps/1"]
    assert "taken by /steps/0/do/steps/0" in found["/steps/1/branches/left/steps/0/id"]
    assert "is no name for a branch" in found["/steps/1/branches/r~1l"]
    assert "at least one step" in found["/steps/1/branches/r~1l/steps"]


def test_steps_of_one_block_do_not_lead_into_another():
    found = flaws(inner("each", wait("in", next="after"), next="in"), wait("after"))
    assert found["/steps/0/do/steps/0/next"] == "'after' is no step of this block"
    assert found["/steps/0/next"] == "'in' is no step of this block"


def test_an_expression_may_name_what_is_known_where_it_stands():
    body = call("in", "two", arguments={"a": {"$": "item + index + steps.before + vars.x"}})
    read(wait("before", next="each"), inner("each", body))
    found = flaws(
        inner("each", wait("in")),
        call("out", "two", arguments={"a": [{"$": "item + steps.in"}, {"deep": {"$": "who"}}]}),
        start="each",
    )
    outside = "/steps/1/arguments/a"
    assert found[f"{outside}/0/$"] == "there is no step 'in' whose output is known here"
    assert found[f"{outside}/1/deep/$"].startswith("there is no who here; there are context,")


@pytest.mark.parametrize(
    ("step", "pointer", "why"),
    [
        (call("a", "hidden"), "/function", "'hidden' is not known here; register it with @job("),
        (call("a", "gone"), "/function", "'gone' is not known here"),
        (call("a", "two"), "/arguments", "does not fit two(a, b=1): missing a required argument"),
        (call("a", arguments=[1]), "/arguments", "give an object of names and values"),
        ({"id": "a", "kind": "function"}, "/function", "is required: the key of a function"),
        (wait("a", seconds=-1), "/seconds", "-1 is no number of seconds from 0 to 31622400"),
        (wait("a", until="2027-01-01T00:00:00Z"), "", "give 'seconds' or 'until', and not both"),
        ({"id": "a", "kind": "delay", "until": "soon"}, "/until", "'soon' is no instant; write"),
        ({"id": "a", "kind": "delay"}, "", "give 'seconds' or 'until'"),
        ({"id": "a", "kind": "condition"}, "", "give 'if' or 'switch'"),
        ({"id": "a", "kind": "condition", "if": 1}, "/if", "give an expression, such as"),
        ({"id": "a", "kind": "condition", "if": "1", "then": "b"}, "/then", "'b' is no step of"),
        ({"id": "a", "kind": "condition", "switch": "1"}, "/cases", "give an object of values"),
        ({"id": "a", "kind": "set", "values": {}}, "/values", "give an object of names and values"),
        ({"id": "a", "kind": "set", "values": {"A b": 1}}, "/values", "'A b' is no name"),
        ({"id": "a", "kind": "set", "values": {"a": {"$": "1", "x": 1}}}, "/values/a", "nothing"),
        ({"id": "a", "kind": "end", "output": 1, "error": 2}, "/output", "is nothing beside"),
        (inner("a", wait("b"), items="1", concurrency=99), "/concurrency", "from 1 to 50"),
        (inner("a", wait("b"), **{"as": "steps"}), "/as", "'steps' is taken"),
        (inner("a", wait("b"), max_items=1.5), "/max_items", "1.5 is no whole number"),
        ({"id": "a", "kind": "foreach", "items": "[]"}, "/do", "give an object with 'steps'"),
        ({"id": "a", "kind": "parallel"}, "/branches", "give an object of 1 to 50 blocks"),
        (wait("A"), "/id", "'A' is no name: write up to 50 lower-case letters"),
        (wait("a", timeout_seconds=0), "/timeout_seconds", "give seconds above 0"),
        (wait("a", timeout_seconds="x"), "/timeout_seconds", "'x' is no number from 0 to"),
        (wait("a", retry=3), "/retry", "give an object such as"),
        (wait("a", retry={"max_retries": -1}), "/retry/max_retries", "-1 is no number from 0"),
        (wait("a", retry={"no_retry_on": "x"}), "/retry/no_retry_on", "give a list of exceptions'"),
        (wait("a", name=""), "/name", "'' is no text of 1 to 255 characters"),
    ],
)
def test_what_a_step_cannot_mean_is_told(step, pointer, why):
    assert why in flaws(step)[f"/steps/0{pointer}"]


def test_blocks_are_nested_so_deep_and_no_deeper():
    step = wait("deepest")
    for depth in range(11):
        step = inner(f"s{depth}", step)
    (why,) = flaws(step).values()
    assert why == "blocks are nested more than 10 deep"


def test_a_definition_is_no_larger_than_allowed():
    many = [wait(f"s{n}", next=f"s{n + 1}") for n in range(500)]
    assert "there are 501 steps; at most 500" in flaws(*many, wait("s500")).values()
    with pytest.raises(InvalidWorkflowException, match="is larger than 262144 bytes"):
        read({"id": "z", "kind": "end", "output": "x" * 300_000})


@dataclass(frozen=True)
class Shout(Plan):
    """A kind of step that a host might add."""

    async def perform(self, visit):
        return Done(output="!", next=visit.step.next)


def test_a_host_registers_kinds_of_its_own():
    own = Kinds()
    for kind in kinds:
        own.register(kind)
    own.register(Kind(name="shout", summary="Shouts.", read=lambda fields: Shout()))
    found = read_definition({"steps": [{"id": "a", "kind": "shout"}]}, kinds=own)
    assert found.block.steps["a"].plan == Shout()
    own.register(end.KIND)
    with pytest.raises(DuplicateKind, match="'end' is there already"):
        own.register(Kind(name="end", summary="", read=end.read))
