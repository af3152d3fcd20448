"""Whatever the document allows, and much that it forbids, is sent: nothing is answered with a 500."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, openapi

from clockwright.api import openapi_document
from clockwright.schedules.specs import KNOWN_KEYS
from tests.api.conftest import CRON, EVERY, body, pointers

pytestmark = pytest.mark.django_db

OPERATIONS = {
    operation.label: operation
    for operation in (
        found.ok() for found in openapi.from_dict(openapi_document()).get_all_operations()
    )
    if operation.label != "GET /api/v1/health"  # takes nothing that could be wrong
}
patient = settings(
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("label", OPERATIONS)
@settings(patient, max_examples=8)
@given(data=st.data())
def test_no_request_is_answered_with_a_500(admin, noor, schedule, label, mode, data):
    ids = {"schedule_id": schedule["schedule_id"], "workflow_id": schedule["workflow_id"]}
    ids |= {"community": "default", "username": noor, "kind": "user", "grantee": noor}
    named = {key: value for key, value in ids.items() if f"{{{key}}}" in label}
    case = data.draw(OPERATIONS[label].as_strategy(mode, path_parameters=named or None))
    sent = case.as_transport_kwargs()
    text = json.dumps(sent["json"]) if "json" in sent else sent.get("data")
    if isinstance(sent.get("json"), dict) and data.draw(st.booleans()):
        known = {**sent["json"], "workflow": "tests.add"}
        text = json.dumps({key: value for key, value in known.items() if key != "workflow_id"})
    headers = {"Authorization": f"Bearer {admin.token}"}
    if key := sent["headers"].get("Idempotency-Key"):
        headers["Idempotency-Key"] = key
    response = admin.client.generic(
        sent["method"],
        sent["url"],
        data=text or "",
        content_type="application/json",
        query_params=sent["params"],
        headers=headers,
    )
    allowed = {400, 404, 405, 409, 413, 422, 200, 201, 202}
    assert response.status_code in allowed, (text, response.content)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
telling = st.sampled_from(
    [
        *("cron", "interval", "one_time", "rrule", "rule", "* * * * *", "0 0 29 2 *", "@daily"),
        *("UTC", "Australia/Sydney", "2090-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"),
        *("0001-01-01T00:00:00+14:00", "2030-03-10T02:30:00", 1, 60, 2**31, 0.5, 1e300),
        *("all", "skip", {"type": "interval", "seconds": 5}, {"type": "once"}),
    ]
)
configs = st.dictionaries(
    st.sampled_from(sorted(KNOWN_KEYS)), telling | anything, max_size=6
).flatmap(lambda drawn: st.sampled_from([drawn, {**CRON, **drawn}, {**EVERY, **drawn}]))


@settings(patient, max_examples=60)
@given(config=configs)
def test_every_configuration_is_either_taken_or_refused_field_by_field(operator, config):
    """C-18: and what is taken has a fire time in front of it."""
    response = operator.post("/schedules", body(config))
    if response.status_code == 201:
        made = response.json()
        assert made["next_execution_at"] is not None
        preview = operator.post("/preview", {"schedule_config": config, "count": 1})
        assert preview.status_code == 200, preview.content
    else:
        assert all(pointer.startswith("/schedule_config") for pointer in pointers(response))


@settings(patient, max_examples=40)
@given(change=configs)
def test_every_change_leaves_a_schedule_that_can_be_read(operator, schedule, change):
    path = f"/schedules/{schedule['schedule_id']}"
    response = operator("PATCH", path, {"schedule_config": change})
    assert response.status_code in {200, 400}, response.content
    found = operator.get(path)
    assert found.status_code == 200
    assert not found.json()["description"].startswith("A rule that this version cannot read")
