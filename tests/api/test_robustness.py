"""No input makes the API fail: every refusal is a problem (R23), and none is a 500."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.test import override_settings

from clockwright.schedules import engines
from clockwright.schedules.models import Schedule
from tests.api.conftest import CRON, Api, body, pointers, problem

JSON = json.dumps(body())


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        "null",
        "[]",
        '"x"',
        "17",
        "nonsense",
        b"\xff\xfe",
        "[" * 100_000,
        '{"a":' * 50_000,
        JSON[:-1] + ', "context_data": {"left": NaN}}',
        JSON[:-1] + ', "context_data": {"left": Infinity}}',
        JSON[:-1] + ', "context_data": {"left": 1e999}}',
        JSON[:-1] + ', "context_data": {"left": ' + "9" * 5_000 + "}}",
        JSON[:-1] + ', "context_data": {"left": "\\u0000"}}',
        JSON[:-1] + ', "context_data": {"left": "\\ud800"}}',
        JSON[:-1] + ', "context_data": {"\\u0000": 1}}',
        JSON[:-1] + ', "key": "a\\u0000b"}',
        JSON[:-1] + ', "name": "\\udfff"}',
        JSON[:-1] + ', "workflow": "tests.secret"}',
        JSON[:-1] + ', "context_data": ' + '{"left":' * 40 + "1" + "}" * 40 + "}",
    ],
    ids=lambda text: str(text)[-40:],
)
def test_a_body_that_cannot_be_stored_is_refused(operator, text):
    problem(operator.post("/schedules", text), 400)
    assert not Schedule.objects.exists()


def test_what_is_wrong_with_json_is_told_with_its_place(operator):
    told = problem(operator.post("/schedules", '{"a": 1,}'), 400)
    assert "line 1, column" in told["detail"]
    assert pointers(operator.post("/schedules", JSON[:-1] + ', "name": "\\ud800"}')) == ["/name"]
    told = problem(operator.post("/schedules", '{"key": 1, "key": 2}'), 400)
    assert "'key' is given twice" in told["detail"]


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1_000)
@pytest.mark.parametrize("path", ["/schedules", "/preview"])
def test_a_body_that_is_too_large_is_refused_as_such(operator, path):
    problem(operator.post(path, body(name="x" * 1_000)), 413)


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=1_000)
def test_a_stranger_is_not_told_about_sizes(anonymous):
    problem(anonymous.post("/schedules", body(name="x" * 1_000)), 401)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/schedules/a/b/c", 404),
        ("PATCH", "/schedules", 405),
        ("DELETE", "/preview", 405),
        ("POST", "/health", 405),
        ("GET", "/schedules/0192f0c1-7a5e-7c3e-9f5d-2f6f3f0f7a11/trigger", 405),
    ],
)
def test_what_django_refuses_is_a_problem_too(operator, method, path, status):
    response = operator(method, path)
    problem(response, status)
    assert ("Allow" in response.headers) == (status == 405)


def test_an_unknown_host_is_a_problem_too(operator):
    problem(operator("GET", "/health", Host="evil.example"), 400)


def test_a_refusal_is_never_kept_by_a_cache(operator):
    assert operator.get("/runs/17").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("value", ["\x01", "x" * 201, "\u00e9" * 300])
def test_an_idempotency_key_is_1_to_200_characters(operator, schedule, value):
    path = f"/schedules/{schedule['schedule_id']}/trigger"
    response = operator.post(path, **{"Idempotency-Key": value})
    assert response.status_code in {202, 400}
    if len(value) > 200:
        problem(response, 400)


PROBE = """
import json, django
django.setup()
from django.test import Client
answer = Client(raise_request_exception=False).get("/api/v1/health", headers={"Host": "localhost"})
refused = Client(raise_request_exception=False).get(
    "/api/v1/schedules", headers={"Host": "localhost", "Authorization": "Bearer cw_x"})
print(json.dumps([answer.status_code, answer.json(), refused.status_code, refused.json()]))
"""


@pytest.mark.parametrize("database", ["postgresql://nobody@127.0.0.1:1/nothing", "sqlite:///{}"])
def test_without_a_database_health_says_so_and_the_rest_asks_to_come_again(database, tmp_path):
    """C-13, S4-94: nothing is reported healthy that is not."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "clockwright.server.settings",
            "SECRET_KEY": "x",
            # a folder where SQLite wants a file
            "DATABASE_URL": database.format(tmp_path),
            "LOG_LEVEL": "CRITICAL",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    status, health, refused, told = json.loads(done.stdout)
    assert status == 503
    assert (health["status"], health["database"]) == ("unhealthy", "unreachable")
    assert health["scheduler_running"] is False
    assert refused == 503
    assert told["type"] == "urn:clockwright:problem:unavailable"


def test_health_has_the_documented_keys_and_needs_no_token(anonymous, schedule):
    """S4-89, S4-94, B3.4."""
    answer = anonymous.get("/health")
    assert answer.status_code == 200
    told = answer.json()
    assert {"status", "module", "scheduler_running", "active_schedules"} <= set(told)
    assert (told["active_schedules"], told["jobs"], told["database"]) == (1, 1, "connected")
    assert (told["status"], told["scheduler_running"]) == ("degraded", False), "no engine is alive"
    assert "default" not in json.dumps(told), "health says nothing of communities"


@pytest.mark.django_db(transaction=True)
def test_health_follows_the_engine_of_its_process(anonymous):
    """S4-94: it runs and health says so; it ended and health does not call that healthy."""
    engines.forget_engine()
    try:
        engines.start_engine()
        answer = anonymous.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        assert answer.json()["scheduler_running"] is True
        engines.stop_engine()
        answer = anonymous.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        assert answer.json()["database"] == "connected"
    finally:
        engines.stop_engine()
        engines.forget_engine()


def test_the_functions_that_can_be_scheduled_are_described(viewer):
    items = viewer.get("/functions").json()["items"]
    (add,) = [item for item in items if item["key"] == "tests.add"]
    assert add["description"] == "Add two numbers."
    assert add["parameters"] == [
        {"name": "left", "required": False},
        {"name": "right", "required": False},
    ]
    assert add["takes_more"] is False


def test_the_document_is_served_as_it_is_written(anonymous):
    from clockwright.api import openapi_document

    told = anonymous.get("/openapi.json").json()
    assert told == json.loads(json.dumps(openapi_document()))
    assert told["openapi"].startswith("3.1")


def test_the_documentation_page_loads_nothing_from_elsewhere(anonymous):
    page = anonymous.get("/docs").content.decode()
    assert "/static/ninja/" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_every_reference_of_the_document_leads_somewhere_and_names_are_told_once(anonymous):
    told = anonymous.get("/openapi.json").json()
    text = json.dumps(told)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        node = told
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    ids = [
        operation["operationId"] for path in told["paths"].values() for operation in path.values()
    ]
    assert len(ids) == len(set(ids))


def test_the_documents_examples_are_accepted(operator, anonymous):
    schemas = anonymous.get("/openapi.json").json()["components"]["schemas"]
    for example in schemas["CreateSchedule"]["examples"]:
        sent = {**example, "workflow": "tests.add", "context_data": {}}
        assert operator.post("/schedules", sent).status_code == 201
    for config in schemas["ScheduleConfig"]["examples"]:
        assert operator.post("/schedules", body(config)).status_code == 201
    for example in schemas["PreviewRule"]["examples"]:
        assert operator.post("/preview", example).status_code == 200


def test_the_document_and_the_validator_know_the_same_keys():
    from clockwright.api.schemas import ScheduleConfig
    from clockwright.schedules.specs import KNOWN_KEYS

    assert set(ScheduleConfig.model_fields) == KNOWN_KEYS


def test_the_document_and_the_answers_know_the_same_keys(operator, schedule):
    from clockwright.api import schemas
    from clockwright.schedules.documents import run_document, schedule_document
    from clockwright.schedules.models import Run

    assert set(schedule_document(Schedule.objects.get())) == set(schemas.Schedule.model_fields)
    operator.post(f"/schedules/{schedule['schedule_id']}/trigger")
    assert set(run_document(Run.objects.get())) == set(schemas.Run.model_fields)


def test_the_api_works_where_requests_must_carry_a_csrf_token(operator):
    from django.test import Client

    strict = Api(operator.token, Client(enforce_csrf_checks=True))
    assert (
        strict.post("/schedules", {"workflow": "tests.add", "schedule_config": CRON}).status_code
        == 201
    )
