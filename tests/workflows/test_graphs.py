"""Executing graphs: what each step does, and that a run ends as its workflow did."""

from __future__ import annotations

import pytest

from clockwright.workflows.models import WorkflowStep
from tests.workflows.conftest import note, value

pytestmark = pytest.mark.django_db


def test_steps_follow_each_other_and_know_what_came_before(desk):
    workflow = desk.publish(
        note("first", "second", name=value("context.name")),
        note("second", heard=value("steps.first.name"), length=value("len(steps.first.name)")),
    )
    run = desk.run(workflow, name="Ada")
    assert (run.status, run.error) == ("succeeded", None)
    assert run.result == {"heard": "Ada", "length": 3}
    assert desk.calls == [{"name": "Ada"}, run.result]
    assert desk.steps(run.run_id) == {"first": "succeeded", "second": "succeeded"}
    assert desk.execution(run.run_id).status == "completed"


def test_a_condition_chooses_one_way_and_both_may_meet_again(desk):
    workflow = desk.publish(
        {"id": "rich", "kind": "condition", "if": "context.total > 100", "then": "a", "else": "b"},
        note("a", "z", way="a"),
        note("b", "z", way="b"),
        note("z", first=value("default(steps.a, steps.b).way")),
    )
    assert desk.run(workflow, total=101).result == {"first": "a"}
    run = desk.run(workflow, total=100)
    assert run.result == {"first": "b"}
    assert set(desk.steps(run.run_id)) == {"rich", "b", "z"}


@pytest.mark.parametrize(
    ("tier", "called"), [("gold", ["g"]), (1, ["one"]), (True, ["yes"]), (None, []), ("tin", [])]
)
def test_a_switch_looks_a_value_up_by_its_text(desk, tier, called):
    cases = {"gold": "g", "1": "one", "true": "yes"}
    ways = [note(way, way=way) for way in cases.values()]
    switch = {"id": "s", "kind": "condition", "switch": "context.tier", "cases": cases}
    assert desk.run(desk.publish(switch, *ways), tier=tier).status == "succeeded"
    assert [call["way"] for call in desk.calls] == called


def test_a_switch_has_a_default(desk):
    switch = {"id": "s", "kind": "condition", "switch": "1", "cases": {"2": "a"}, "default": "b"}
    desk.run(desk.publish(switch, note("a", way="a"), note("b", way="b")))
    assert desk.calls == [{"way": "b"}]


def test_parallel_branches_give_their_outputs_by_name(desk):
    branches = {
        "left": {"steps": [note("l1", "l2", n=1), note("l2", n=value("steps.l1.n + 1"))]},
        "right": {"steps": [note("r1", n=value("context.n"))]},
    }
    both = {"id": "both", "kind": "parallel", "branches": branches, "next": "sum"}
    total = {"id": "sum", "kind": "end", "output": value("steps.both.left.n + steps.both.right.n")}
    run = desk.run(desk.publish(both, total), n=40)
    assert run.result == 42
    assert set(desk.steps(run.run_id)) == {
        "both/left/l1",
        "both/left/l2",
        "both/right/r1",
        "both",
        "sum",
    }


def foreach(*steps, items="context.items", **more):
    return {"id": "each", "kind": "foreach", "items": items, "do": {"steps": list(steps)}} | more


@pytest.mark.parametrize("concurrency", [1, 3])
def test_foreach_performs_its_block_for_every_item_in_order_of_the_items(desk, concurrency):
    body = note("one", item=value("item"), index=value("index"))
    run = desk.run(desk.publish(foreach(body, concurrency=concurrency)), items=["a", "b", "c"])
    assert run.result == [{"item": text, "index": n} for n, text in enumerate("abc")]
    assert set(desk.steps(run.run_id)) == {"each/0/one", "each/1/one", "each/2/one", "each"}


def test_loops_may_nest_and_name_their_items(desk):
    inner = foreach(note("one", p=value("row[0] + cell"))) | {"id": "cells", "items": "row"}
    run = desk.run(
        desk.publish(foreach(inner | {"as": "cell"}, **{"as": "row"})), items=[[1, 2], [10]]
    )
    assert run.result == [[{"p": 2}, {"p": 3}], [{"p": 20}]]


def test_a_loop_over_nothing_does_nothing(desk):
    assert desk.run(desk.publish(foreach(note("one"))), items=[]).result == []
    assert desk.calls == []


def test_variables_of_a_block_inside_stay_in_it(desk):
    """So that what branches do does not depend on who is first."""
    workflow = desk.publish(
        {"id": "before", "kind": "set", "values": {"x": 1}, "next": "each"},
        foreach({"id": "in", "kind": "set", "values": {"x": value("vars.x + item")}}, next="z"),
        {"id": "z", "kind": "end", "output": {"x": value("vars.x"), "all": value("steps.each")}},
    )
    assert desk.run(workflow, items=[5, 6]).result == {"x": 1, "all": [{"x": 6}, {"x": 7}]}


def test_end_ends_the_block_it_is_in(desk):
    body = (
        {"id": "big", "kind": "condition", "if": "item > 1", "then": "stop", "next": "go"},
        {"id": "stop", "kind": "end", "output": "too big"},
        note("go", item=value("item")),
    )
    assert desk.run(desk.publish(foreach(*body)), items=[1, 2, 3]).result == [
        {"item": 1},
        "too big",
        "too big",
    ]


def test_end_with_an_error_fails_the_run(desk):
    end = {"id": "z", "kind": "end", "error": value("'no ' + context.what")}
    run = desk.run(desk.publish(end), what="stock")
    assert run.status == "failed"
    assert run.error.endswith("z: WorkflowFailed: no stock")


def test_a_failed_step_fails_the_run_and_nothing_follows(desk):
    """C-28: the status is not overwritten by a later one."""
    fail = {"id": "bad", "kind": "function", "function": "tests.fail", "next": "after"}
    run = desk.run(desk.publish(note("first", "bad"), fail, note("after")))
    assert (run.status, run.reason) == ("failed", "error")
    assert "bad: ValueError: no" in run.error
    assert "ValueError: no" in run.traceback
    assert desk.calls == [{}, "no"]
    assert desk.steps(run.run_id) == {"first": "succeeded", "bad": "failed"}
    execution = desk.execution(run.run_id)
    assert (execution.status, execution.error) == ("failed", "bad: ValueError: no")
    desk.advance(hours=2)
    assert desk.row(run.run_id).attempt == 1


def test_a_failure_in_one_branch_stops_the_others_and_fails_the_run(desk):
    branches = {
        "slow": {"steps": [{"id": "s", "kind": "delay", "seconds": 60, "next": "t"}, note("t")]},
        "bad": {"steps": [{"id": "b", "kind": "function", "function": "tests.fail"}]},
    }
    run = desk.run(desk.publish({"id": "p", "kind": "parallel", "branches": branches}))
    assert run.status == "failed"
    assert desk.calls == ["no"]
    assert desk.steps(run.run_id) == {"p/slow/s": "waiting", "p/bad/b": "failed", "p": "failed"}


RETRY = {"max_retries": 2, "backoff_seconds": 2}


def test_what_follows_a_successful_retry_is_performed(desk):
    """C-28."""
    flaky = {"id": "f", "kind": "function", "function": "tests.flaky", "arguments": {"times": 2}}
    workflow = desk.publish(flaky | {"next": "z", "retry": RETRY}, note("z", n=value("steps.f")))
    before = desk.clock.now()
    run = desk.run(workflow)
    assert run.status == "succeeded"
    assert desk.calls == [1, 2, 3, {"n": 3}]
    assert (desk.clock.now() - before).total_seconds() == 2 + 4
    step = WorkflowStep.objects.get(path="f")
    assert (step.tries, step.status, step.error) == (2, "succeeded", None)


def test_a_step_fails_when_its_retries_are_used_up(desk):
    fail = {"id": "f", "kind": "function", "function": "tests.fail", "retry": RETRY}
    run = desk.run(desk.publish(fail))
    assert run.status == "failed"
    assert len(desk.calls) == 3
    assert WorkflowStep.objects.get(path="f").tries == 3


def test_the_workflows_retry_is_that_of_its_steps(desk):
    flaky = {"id": "f", "kind": "function", "function": "tests.flaky", "arguments": {"times": 1}}
    assert desk.run(desk.publish(flaky, retry=RETRY)).status == "succeeded"


def test_what_another_try_cannot_mend_is_not_tried_again(desk):
    named = {"id": "f", "kind": "function", "function": "tests.fail"}
    retry = RETRY | {"no_retry_on": ["ValueError"]}
    assert desk.run(desk.publish(named, retry=retry)).status == "failed"
    wrong = note("f", n=value("1 + context.name"))
    assert desk.run(desk.publish(wrong, retry=RETRY, name="other"), name="x").status == "failed"
    assert desk.calls == ["no"]


def test_a_long_pause_before_a_retry_gives_the_nodes_place_away(desk):
    fail = {"id": "f", "kind": "function", "function": "tests.flaky", "arguments": {"times": 1}}
    workflow = desk.publish(fail | {"retry": {"max_retries": 1, "backoff_seconds": 600}})
    run = desk.run(workflow)
    assert (run.status, run.node) == ("queued", None)
    desk.advance(minutes=11)
    run = desk.row(run.run_id)
    assert (run.status, run.attempt, run.retries, run.takeovers) == ("succeeded", 2, 0, 0)
    assert desk.calls == [1, 2]


def test_a_long_delay_is_kept_and_waited_for_by_nobody(desk):
    workflow = desk.publish(
        note("a", "wait"),
        {"id": "wait", "kind": "delay", "seconds": 1_800, "next": "b"},
        note("b", done=True),
    )
    before = desk.clock.now()
    run = desk.run(workflow)
    assert (run.status, run.node) == ("queued", None)
    assert (run.ready_at - before).total_seconds() == 1_800
    assert desk.steps(run.run_id) == {"a": "succeeded", "wait": "waiting"}
    desk.advance(seconds=1_799)
    assert desk.calls == [{}]
    desk.advance(seconds=2)
    run = desk.row(run.run_id)
    assert run.status == "succeeded"
    assert desk.calls == [{}, {"done": True}]


def test_a_short_delay_is_waited_for_in_place(desk):
    workflow = desk.publish({"id": "wait", "kind": "delay", "seconds": value("1 + 1")})
    before = desk.clock.now()
    run = desk.run(workflow)
    assert (run.status, run.attempt) == ("succeeded", 1)
    assert (desk.clock.now() - before).total_seconds() == 2


def test_a_delay_until_an_instant_that_is_past_is_none(desk):
    delay = {"id": "wait", "kind": "delay", "until": value("context.when")}
    workflow = desk.publish(delay)
    assert desk.run(workflow, when="2001-01-01T00:00:00Z").status == "succeeded"
    run = desk.run(workflow, when="2001-01-01T00:00:00")
    assert "has no offset; add Z" in run.error


def test_a_step_that_takes_longer_than_it_may_fails(desk):
    branch = {"steps": [{"id": "s", "kind": "delay", "seconds": 60}]}
    slow = {"id": "p", "kind": "parallel", "branches": {"a": branch}, "timeout_seconds": 3}
    run = desk.run(desk.publish(slow))
    assert run.status == "failed"
    assert "p: StepTimedOut: ran longer than 0:00:03" in run.error


def test_the_whole_may_not_take_longer_than_it_may_over_all_its_attempts(desk):
    delays = [
        {"id": "a", "kind": "delay", "seconds": 60, "next": "b"},
        {"id": "b", "kind": "delay", "seconds": 60},
    ]
    run = desk.run(desk.publish(*delays, timeout_seconds=100))
    desk.advance(seconds=99)
    assert desk.row(run.run_id).status == "queued"
    desk.advance(seconds=2)
    run = desk.row(run.run_id)
    assert (run.status, run.reason, run.error) == (
        "timed_out",
        "timeout",
        "ran longer than 0:01:40",
    )
    assert desk.execution(run.run_id).status == "timeout"


def test_a_time_limit_is_kept_while_something_runs(desk):
    branch = {"steps": [{"id": "s", "kind": "delay", "seconds": 600}]}
    slow = {"id": "p", "kind": "parallel", "branches": {"a": branch}}
    assert desk.run(desk.publish(slow, timeout_seconds=30)).status == "timed_out"


def test_the_limit_of_steps_counts_all_branches_and_items_together(desk):
    """C-28: a body does not begin at 0 again."""
    body = foreach(note("one"))
    run = desk.run(desk.publish(body, max_operations=4), items=[1, 2, 3])
    assert run.status == "succeeded"
    run = desk.run(desk.publish(body, max_operations=3, name="less"), items=[1, 2, 3])
    assert run.status == "failed"
    assert "more than max_operations, 3 steps" in run.error


def test_a_loop_over_more_items_than_allowed_fails_before_the_first(desk):
    run = desk.run(desk.publish(foreach(note("one"), max_items=2)), items=[1, 2, 3])
    assert "3 items are more than max_items, 2" in run.error
    assert desk.calls == []


def test_what_is_kept_of_a_step_is_bounded(desk):
    """However small the definition: it may name one value a thousand times."""
    big = {"id": "big", "kind": "set", "values": {"x": "y" * 30_000}, "next": "z"}
    many = {"id": "z", "kind": "end", "output": [value("vars.x")] * 1_000}
    assert "the value is larger than about 1048576 bytes" in desk.run(desk.publish(big, many)).error
    body = {"id": "one", "kind": "end", "output": value("vars.x")}
    loop = foreach(body, items="context.items")
    run = desk.run(desk.publish(big | {"next": "each"}, loop, name="loop"), items=[0] * 50)
    assert "the value is larger than about 1048576 bytes" in run.error


def test_the_context_hides_no_system_key_and_there_is_one_id(desk):
    """C-16, C-17."""
    seen = {name: value(f"trigger.{name}") for name in ("execution_id", "schedule_id", "attempt")}
    workflow = desk.publish(note("a", **seen, mine=value("context.execution_id")))
    run = desk.run(workflow, execution_id="forged", schedule_id="forged")
    assert run.result == {
        "execution_id": str(run.run_id),
        "schedule_id": None,
        "attempt": 1,
        "mine": "forged",
    }
    assert desk.execution(run.run_id).trigger_data["context"]["execution_id"] == "forged"
