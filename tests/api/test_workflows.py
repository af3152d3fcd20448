"""`/workflows` over HTTP: shapes, statuses, addresses. What workflows do is in tests/workflows."""

from __future__ import annotations

import pytest

from clockwright.schedules.models import Run
from tests.api.conftest import CRON, pointers, problem
from tests.workflows.conftest import value

ADD = {
    "id": "a",
    "kind": "function",
    "function": "tests.add",
    "arguments": {"left": value("context.n")},
}
GRAPH = {"steps": [ADD]}


@pytest.fixture
def workflow(operator):
    made = operator.post("/workflows", {"name": "sum", "definition": GRAPH})
    assert made.status_code == 201, made.content
    return made.json()


@pytest.fixture
def published(operator, workflow):
    done = operator.post(f"/workflows/{workflow['workflow_id']}/publish")
    assert done.status_code == 200, done.content
    return f"/workflows/{workflow['workflow_id']}"


def test_a_workflow_is_made_read_and_changed(operator, workflow):
    path = f"/workflows/{workflow['workflow_id']}"
    assert workflow["status"] == "draft"
    assert workflow["version"] is None
    assert operator.get(path).json() == workflow
    changed = operator("PATCH", path, {"description": "adds", "revision": 1}).json()
    assert (changed["description"], changed["revision"], changed["definition"]) == (
        "adds",
        2,
        GRAPH,
    )
    problem(operator("PATCH", path, {"description": "x", "revision": 1}), 409)
    problem(operator.post("/workflows", {"name": "sum", "definition": GRAPH}), 409)


def test_the_address_of_what_was_made_is_told(operator):
    made = operator.post("/workflows", {"name": "sum", "definition": GRAPH})
    path = made.headers["Location"]
    assert path == f"/api/v1/workflows/{made.json()['workflow_id']}"


def test_every_flaw_of_a_definition_is_told_with_its_pointer(operator, workflow):
    wrong = {"steps": [{"id": "a", "kind": "nah"}, {"id": "b", "kind": "delay", "next": "c"}]}
    found = [
        "/definition/steps/0/kind",
        "/definition/steps/1",
        "/definition/steps/1/next",
    ]
    response = operator.post("/workflows", {"name": "x", "definition": wrong})
    assert pointers(response) == found
    path = f"/workflows/{workflow['workflow_id']}"
    assert pointers(operator("PATCH", path, {"definition": wrong})) == found


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"definition": GRAPH}, "/name"),
        ({"name": "x"}, "/definition"),
        ({"name": "", "definition": GRAPH}, "/name"),
        ({"name": "a\u0007b", "definition": GRAPH}, "/name"),
        ({"name": "x", "definition": []}, "/definition"),
        ({"name": "x", "definition": GRAPH, "community": "elsewhere"}, "/community"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(operator, body, pointer):
    assert pointers(operator.post("/workflows", body)) == [pointer]


def test_workflows_are_listed_newest_first_in_pages(operator, foreigner):
    for n in range(5):
        assert (
            operator.post("/workflows", {"name": f"w{n}", "definition": GRAPH}).status_code == 201
        )
    names, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = operator.get("/workflows", limit=2, **more).json()
        names += [item["name"] for item in page["items"]]
        assert "definition" not in page["items"][0]
        cursor = page["next"]
        if cursor is None:
            break
    assert names == ["w4", "w3", "w2", "w1", "w0"]
    assert foreigner.get("/workflows").json() == {"items": [], "next": None}
    assert operator.get("/workflows", status="published").json()["items"] == []
    assert pointers(operator.get("/workflows", cursor="x")) == ["/cursor"]


def test_archived_ones_are_listed_when_they_are_asked_for(operator, published):
    assert operator.post(f"{published}/archive").json()["status"] == "archived"
    assert operator.get("/workflows").json()["items"] == []
    assert len(operator.get("/workflows", status="archived").json()["items"]) == 1


def test_an_execution_is_accepted_and_can_be_looked_at(operator, published):
    """C-17, C-27: one id, and a row that says what became of it."""
    response = operator.post(f"{published}/execute", {"context_data": {"n": 3}})
    told = response.json()
    assert (response.status_code, told["status"], told["version"]) == (202, "pending", 1)
    assert told["execution_id"] == told["run_id"]
    run = Run.objects.get(run_id=told["run_id"])
    assert (run.trigger, run.status, run.context_data) == ("call", "queued", {"n": 3})
    assert response.headers["Location"] == f"/api/v1/workflows/executions/{told['execution_id']}"
    path = response.headers["Location"].removeprefix("/api/v1")
    found = operator.get(path).json()
    assert (found["status"], found["steps"], found["metrics"]["steps"]) == ("pending", [], 0)
    listed = operator.get(f"{published}/executions").json()["items"]
    assert [item["execution_id"] for item in listed] == [told["execution_id"]]
    assert operator.get(f"/runs/{told['run_id']}").json()["workflow_id"] in published
    stopped = operator.post(f"{path}/cancel").json()
    assert (stopped["status"], stopped["error"]) == ("cancelled", "requested")


def test_executions_are_listed_newest_first_in_pages(operator, published):
    """C-27."""
    made = [operator.post(f"{published}/execute").json()["execution_id"] for _ in range(3)]
    first = operator.get(f"{published}/executions", limit=2).json()
    rest = operator.get(f"{published}/executions", limit=2, cursor=first["next"]).json()
    found = [item["execution_id"] for item in (*first["items"], *rest["items"])]
    assert (found, rest["next"]) == (made[::-1], None)


def test_a_request_that_is_sent_again_makes_one_run(operator, published):
    def execute(body=None, **headers):
        return operator.post(f"{published}/execute", body, **headers)

    first = execute({"context_data": {"n": 1.0}}, **{"Idempotency-Key": "k"}).json()
    again = execute({"context_data": {"n": 1}, "request_id": "k"})
    assert (again.status_code, again.json()["execution_id"]) == (202, first["execution_id"])
    problem(execute({"context_data": {"n": 2}, "request_id": "k"}), 422)
    both = execute({"request_id": "k"}, **{"Idempotency-Key": "other"})
    assert pointers(both) == ["/request_id"]
    assert Run.objects.count() == 1


def test_a_draft_is_not_executed(operator, workflow):
    told = problem(operator.post(f"/workflows/{workflow['workflow_id']}/execute"), 409)
    assert "'sum' is draft: publish it first" in told["detail"]


def test_a_dry_run_answers_its_trace(operator, workflow):
    path = f"/workflows/{workflow['workflow_id']}/test"
    told = operator.post(path, {"context_data": {"n": 3}, "outputs": {"a": 5}}).json()
    assert told == {
        "status": "completed",
        "output": 5,
        "error": None,
        "steps": [
            {
                "path": "a",
                "kind": "function",
                "status": "succeeded",
                "output": 5,
                "next": None,
                "error": None,
            }
        ],
        "calls": [{"path": "a", "function": "tests.add", "arguments": {"left": 3}}],
        "waits_seconds": 0.0,
    }
    assert not Run.objects.exists()


def test_versions_are_listed_and_never_change(operator, published):
    other = {"steps": [{**ADD, "id": "b"}]}
    operator("PATCH", published, {"definition": other})
    assert operator.post(f"{published}/publish").json()["version"] == 2
    items = operator.get(f"{published}/versions").json()["items"]
    assert [(item["version"], item["definition"]) for item in items] == [(2, other), (1, GRAPH)]
    assert operator.get(f"{published}/versions/1").json() == items[1]
    first = operator.get(f"{published}/versions", limit=1).json()
    second = operator.get(f"{published}/versions", limit=1, cursor=first["next"]).json()
    assert (first["items"] + second["items"], second["next"]) == (items, None)
    problem(operator.get(f"{published}/versions", limit=21), 400)
    for number in ("3", "0", "-1", "x", str(2**40)):
        problem(operator.get(f"{published}/versions/{number}"), 404)


def test_a_workflow_is_scheduled_by_its_name_or_id(operator, published):
    for reference in ({"workflow": "sum"}, {"workflow_id": published.rpartition("/")[2]}):
        made = operator.post("/schedules", {"schedule_config": CRON, **reference})
        assert made.status_code == 201, made.content
        assert made.json()["workflow_id"] == published.rpartition("/")[2]
    operator.post(f"{published}/archive")
    paused = operator.get("/schedules", status="paused").json()["items"]
    assert {item["status_reason"] for item in paused} == {"workflow archived"}
    refused = operator.post("/schedules", {"schedule_config": CRON, "workflow": "sum"})
    assert pointers(refused) == ["/workflow"]
