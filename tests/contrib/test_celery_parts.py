"""The pieces of the bridge to Celery, one by one: the hand-over's fence, the broker that is away, the settings."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.core.exceptions import ImproperlyConfigured

from clockwright.contrib.celery.application import make_app
from clockwright.contrib.celery.conf import CelerySettings, celery_settings
from clockwright.contrib.celery.dispatch import (
    Circuit,
    Dispatcher,
    QueueingResolver,
    publish,
)
from clockwright.contrib.celery.store import HandoverStore
from clockwright.contrib.celery.worker import WorkerNode
from clockwright.engine.events import Event, Events, OutcomeRefused, RunEnded
from clockwright.engine.model import Claim, Node, Policy, Schedule
from clockwright.engine.options import EngineOptions
from clockwright.engine.ports import ManualRun
from clockwright.engine.registry import Registry, function_of, workflow_id_of
from clockwright.recurrence import Once
from clockwright.schedules.models import Node as NodeRow
from clockwright.schedules.models import Run, RunAttempt
from clockwright.schedules.models import Schedule as ScheduleRow
from clockwright.schedules.store import SqlStore
from clockwright.workflows.engine import WorkflowEngine

MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(transactional_db: None) -> SqlStore:
    return SqlStore()


@pytest.fixture
def handover(store: SqlStore) -> HandoverStore:
    return HandoverStore()


@pytest.fixture
def registry() -> Registry:
    return Registry()


def register_node(store: SqlStore, node_id: str) -> str:
    node = Node(node_id=node_id, host="here", pid=1, capacity=4)
    store.register_node(node, MINUTE)
    return node_id


def a_claim(store: SqlStore, node_id: str = "engine", **fields: object) -> Claim:
    """A run of `parts.f` that a node claimed."""
    if not NodeRow.objects.filter(node_id=node_id).exists():
        register_node(store, node_id)
    now = store.now()
    schedule = Schedule(
        schedule_id=uuid4(),
        workflow_id=workflow_id_of("parts.f"),
        recurrence=Once(now + timedelta(days=1)),
        settled_until=now,
        **fields,
    )
    store.add_schedule(schedule)
    store.trigger_run(schedule.schedule_id, ManualRun(request_id="now"))
    (claim,) = store.claim_runs(node_id, 10).claims
    return claim


def row(claim: Claim) -> Run:
    return Run.objects.get(run_id=claim.run_id)


class TestTheHandOver:
    """(run, attempt) goes through a queue, and the ledger gives the run to whoever comes first."""

    def test_a_run_that_was_put_down_is_as_it_was_before_its_claim_but_not_ready_yet(
        self, store, handover
    ):
        claim = a_claim(store)
        assert handover.put_down(claim, MINUTE)
        found = row(claim)
        assert (found.status, found.attempt, found.node) == ("queued", 0, None)
        assert found.ready_at > store.now()
        assert not store.claim_runs("engine", 10).claims

    def test_taking_up_begins_the_next_attempt_with_all_that_a_claim_has(self, store, handover):
        policy = Policy(max_retries=7)
        claim = a_claim(store, policy=policy, args=[1, 2], context={"to": "ada"})
        handover.put_down(claim, MINUTE)
        register_node(store, "celery:w")
        taken = handover.take_up(claim.run_id, 0, "celery:w")
        assert taken is not None
        assert (taken.attempt, taken.node_id, taken.policy) == (1, "celery:w", policy)
        assert (list(taken.args), taken.context) == ([1, 2], {"to": "ada"})
        assert taken.scheduled_for == claim.scheduled_for
        found = row(claim)
        assert (found.status, found.attempt, found.node) == ("running", 1, "celery:w")

    def test_of_two_that_come_with_the_same_message_the_second_gets_nothing(self, store, handover):
        claim = a_claim(store)
        handover.put_down(claim, MINUTE)
        register_node(store, "celery:w")
        assert handover.take_up(claim.run_id, 0, "celery:w") is not None
        assert handover.take_up(claim.run_id, 0, "celery:v") is None
        store.hand_back("celery:w", [claim.run_id])
        assert handover.take_up(claim.run_id, 0, "celery:v") is None, "also when it waits again"

    def test_a_message_from_before_a_run_was_sent_again_serves_as_well_as_the_new_one(
        self, store, handover
    ):
        claim = a_claim(store)
        handover.put_down(claim, timedelta())
        (again,) = store.claim_runs("engine", 10).claims
        assert handover.take_up(claim.run_id, 0, "celery:w") is None, "an engine has it"
        handover.put_down(again, MINUTE)
        register_node(store, "celery:w")
        assert handover.take_up(claim.run_id, 0, "celery:w") is not None

    def test_a_run_that_was_taken_over_or_asked_to_stop_is_not_put_down(self, store, handover):
        asked, lost = a_claim(store), a_claim(store)
        store.cancel_run(asked.run_id)
        store.hand_back("engine", [lost.run_id])
        (taken,) = store.claim_runs(register_node(store, "other"), 10).claims
        assert not handover.put_down(asked, MINUTE)
        assert not handover.put_down(lost, MINUTE)
        assert row(taken).node == "other"

    def test_a_run_whose_schedule_is_gone_or_of_a_later_version_is_taken_up_all_the_same(
        self, store, handover
    ):
        gone, later = a_claim(store), a_claim(store)
        for claim in (gone, later):
            handover.put_down(claim, MINUTE)
        ScheduleRow.objects.filter(schedule_id=gone.schedule_id).delete()
        ScheduleRow.objects.filter(schedule_id=later.schedule_id).update(
            recurrence={"type": "from the future"}
        )
        register_node(store, "celery:w")
        for claim in (gone, later):
            taken = handover.take_up(claim.run_id, 0, "celery:w")
            assert taken is not None
            assert taken.policy == Policy()


class TestTheDispatcher:
    """Claims of functions with a queue go out; without a broker they wait."""

    def test_a_function_names_its_queue_and_the_settings_name_it_for_the_others(
        self, registry, handover
    ):
        registry.register(function_of(lambda: 1, "parts.own", queue="own"))
        registry.register(function_of(lambda: 1, "parts.none"))
        registry.register(function_of(lambda: 1, "parts.here", queue=""))
        sent: list[str] = []
        dispatcher = Dispatcher(handover, MINUTE, lambda queue, *_: sent.append(queue))

        def resolved(key: str, default: str | None) -> object:
            resolver = QueueingResolver(WorkflowEngine(registry), dispatcher, default, registry)
            handler = resolver.resolve(workflow_id_of(key))
            return None if handler is None else handler.pass_on and handler.pass_on.args[0]

        assert resolved("parts.own", "all") == "own"
        assert resolved("parts.none", "all") == "all"
        assert resolved("parts.none", None) is None
        assert resolved("parts.here", "all") is None, "'' keeps it in the engine's process"
        assert resolved("parts.unknown", "all") is None

    def test_the_message_says_which_run_and_attempt_and_nothing_else(self, store, handover):
        sent: list[tuple[str, UUID, int]] = []
        claim = a_claim(store)
        dispatcher = Dispatcher(handover, MINUTE, lambda *message: sent.append(message))
        asyncio.run(dispatcher.pass_on("reports", claim))
        assert sent == [("reports", claim.run_id, 0)]

    def test_on_the_wire_it_is_json_whatever_the_transport(self, store):
        app = make_app(CelerySettings(broker="memory://"))
        run_id = uuid4()
        publish(app, "reports", run_id, 3)
        with app.connection_for_read() as connection, connection.SimpleQueue("reports") as queue:
            message = queue.get(timeout=5)
        assert message.content_type == "application/json"
        assert message.headers["task"] == "clockwright.run"
        args, kwargs, _ = json.loads(message.body)
        assert (args, kwargs) == ([str(run_id), 3], {})

    def test_a_broker_that_is_away_is_asked_by_one_run_at_a_time_and_the_others_wait(
        self, store, handover
    ):
        asked: list[UUID] = []

        def refuse(_queue: str, run_id: UUID, _attempt: int) -> None:
            asked.append(run_id)
            raise ConnectionRefusedError

        first, second = a_claim(store), a_claim(store)
        dispatcher = Dispatcher(handover, MINUTE, refuse)
        asyncio.run(dispatcher.pass_on("reports", first))
        asyncio.run(dispatcher.pass_on("reports", second))
        assert asked == [first.run_id]
        for claim in (first, second):
            found = row(claim)
            assert (found.status, found.attempt, found.retries) == ("queued", 0, 0)
            assert found.ready_at < store.now() + MINUTE, "long before the patience is over"

    def test_the_pause_doubles_up_to_half_a_minute_and_is_forgotten_when_the_broker_answers(self):
        now = [0.0]
        circuit = Circuit(lambda: now[0])
        assert circuit.wait() == 0
        assert [circuit.broke() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
        assert circuit.wait() == 30
        now[0] += 30
        assert circuit.wait() == 0
        assert circuit.wait() == 30, "one probes, the others wait for it"
        assert circuit.closed()
        assert circuit.wait() == 0
        assert not circuit.closed()


class TestTheWorkerNode:
    """A process of a worker is a node like any other: a lease, a fence, an outcome."""

    @pytest.fixture
    def heard(self) -> list[Event]:
        return []

    @pytest.fixture
    def node(self, store, handover, registry, heard) -> Iterator[WorkerNode]:
        events = Events()
        events.subscribe(heard.append)
        options = EngineOptions(
            capacity=2, heartbeat=timedelta(seconds=0.05), lease=timedelta(seconds=5)
        )
        made = WorkerNode(store, handover, WorkflowEngine(registry), options, events)
        yield made
        made.close()

    def sent(self, store: SqlStore, handover: HandoverStore, **fields: object) -> UUID:
        claim = a_claim(store, **fields)
        handover.put_down(claim, MINUTE)
        return claim.run_id

    def test_it_records_the_outcome_and_tells_what_an_engine_would(
        self, store, handover, registry, node, heard
    ):
        registry.register(function_of(lambda: {"done": True}, "parts.f"))
        run_id = self.sent(store, handover)
        outcome = node.run(run_id, 0)
        assert outcome is not None
        found = Run.objects.get(run_id=run_id)
        assert (found.status, found.result) == ("succeeded", {"done": True})
        assert [type(event).__name__ for event in heard] == ["RunsClaimed", "RunEnded"]
        assert heard[1].outcome.state == "succeeded"
        assert node.run(run_id, 0) is None, "a second delivery"

    def test_a_function_that_this_worker_does_not_know_is_recorded_as_unknown(
        self, store, handover, node
    ):
        run_id = self.sent(store, handover)
        node.run(run_id, 0)
        found = Run.objects.get(run_id=run_id)
        assert (found.status, found.reason) == ("failed", "unknown_function")

    def test_at_most_once_holds_in_a_worker_too(self, store, handover, registry, node):
        begun, free = threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            free.wait()

        registry.register(function_of(work, "parts.f", at_most_once=True))
        run_id = self.sent(store, handover)
        thread = threading.Thread(target=node.run, args=(run_id, 0))
        thread.start()
        assert begun.wait(30)
        node.close()
        free.set()
        thread.join()
        found = Run.objects.get(run_id=run_id)
        assert (found.status, found.reason) == ("lost", "at_most_once")

    def test_what_a_worker_reports_that_was_declared_dead_is_refused_and_it_begins_anew(
        self, store, handover, registry, node, heard
    ):
        begun, free = threading.Event(), threading.Event()

        def work() -> str:
            begun.set()
            free.wait(30)
            return "late"

        registry.register(function_of(work, "parts.f"))
        run_id = self.sent(store, handover)
        outcomes: list[object] = []
        thread = threading.Thread(target=lambda: outcomes.append(node.run(run_id, 0)))
        thread.start()
        assert begun.wait(30)
        NodeRow.objects.filter(node_id__startswith="celery:").update(lease_until=store.now())
        while Run.objects.get(run_id=run_id).status == "running":
            store.take_over()
            NodeRow.objects.filter(node_id__startswith="celery:").update(lease_until=store.now())
        free.set()
        thread.join()
        assert outcomes == [None]
        found = Run.objects.get(run_id=run_id)
        assert (found.status, found.takeovers, found.result) == ("queued", 1, None)
        assert RunAttempt.objects.get(run_id=run_id).reason == "crashed_node"
        assert not any(isinstance(event, RunEnded) for event in heard)
        assert all(
            event.outcome.attempt == 1 for event in heard if isinstance(event, OutcomeRefused)
        )

        handover.put_down(store.claim_runs("engine", 10).claims[0], MINUTE)
        assert node.run(run_id, 1) is not None
        assert Run.objects.get(run_id=run_id).status == "succeeded"


class TestTheSettings:
    """The environment over CLOCKWRIGHT; what is wrong is named."""

    @pytest.fixture(autouse=True)
    def nothing_set(self, monkeypatch, settings):
        for name in ("BROKER", "QUEUE", "PATIENCE_SECONDS"):
            monkeypatch.delenv(f"CLOCKWRIGHT_CELERY_{name}", raising=False)
        settings.CLOCKWRIGHT = {"CELERY_BROKER": "amqp://localhost//"}

    def test_the_environment_wins_over_the_host(self, monkeypatch, settings):
        assert celery_settings() == CelerySettings(broker="amqp://localhost//")
        settings.CLOCKWRIGHT |= {"CELERY_QUEUE": "slow", "CELERY_PATIENCE_SECONDS": 60}
        settings.CLOCKWRIGHT |= {"CELERY_OPTIONS": {"broker_use_ssl": True}}
        monkeypatch.setenv("CLOCKWRIGHT_CELERY_BROKER", "redis://cache/1")
        assert celery_settings() == CelerySettings(
            broker="redis://cache/1",
            queue="slow",
            patience=MINUTE,
            options={"broker_use_ssl": True},
        )

    @pytest.mark.parametrize(
        ("host", "named"),
        [
            ({}, "CELERY_BROKER.*not set.*redis://"),
            ({"CELERY_BROKER": "localhost:6379"}, "CELERY_BROKER.*no URL"),
            ({"CELERY_QUEUE": 7}, "CELERY_QUEUE.*7"),
            ({"CELERY_PATIENCE_SECONDS": 0}, "CELERY_PATIENCE_SECONDS.*0"),
            ({"CELERY_OPTIONS": ["x"]}, "CELERY_OPTIONS.*no dictionary"),
            ({"CELERY_OPTIONS": {"accept_content": ["pickle"]}}, "accept_content.*cannot be set"),
            ({"CELERY_OPTIONS": {"task_acks_late": True}}, "task_acks_late.*cannot be set"),
        ],
    )
    def test_what_is_wrong_is_refused_by_its_name(self, settings, host, named):
        settings.CLOCKWRIGHT = (
            host if not host or "CELERY_BROKER" in host else {**settings.CLOCKWRIGHT, **host}
        )
        with pytest.raises(ImproperlyConfigured, match=named):
            celery_settings()

    def test_a_wrong_broker_is_not_repeated_in_the_error_for_it_may_hold_a_password(self, settings):
        settings.CLOCKWRIGHT = {"CELERY_BROKER": "user:secret@localhost"}
        with pytest.raises(ImproperlyConfigured) as caught:
            celery_settings()
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("broker", ["redis://localhost", "amqp://localhost", "memory://"])
    def test_json_alone_is_sent_and_accepted_and_acknowledged_when_it_begins(self, broker):
        conf = make_app(CelerySettings(broker=broker, queue="slow")).conf
        assert list(conf.accept_content) == ["json"]
        assert (conf.task_serializer, conf.result_serializer) == ("json", "json")
        assert conf.task_acks_late is False
        assert conf.worker_prefetch_multiplier == 1
        assert conf.task_default_queue == "slow"

    def test_a_host_s_option_reaches_celery_beside_our_own(self):
        options = {"broker_transport_options": {"visibility_timeout": 60}, "broker_pool_limit": 2}
        conf = make_app(CelerySettings(broker="amqp://localhost", options=options)).conf
        assert conf.broker_pool_limit == 2
        assert conf.broker_transport_options == {"confirm_publish": True, "visibility_timeout": 60}


def test_celery_is_imported_only_where_the_bridge_is_installed():
    program = (
        "import sys, django; django.setup()\n"
        "import clockwright.schedules.engines as e; e.make_engine()\n"
        "sys.exit(int(any(name.partition('.')[0] in ('celery', 'kombu') for name in sys.modules)))"
    )
    env = {key: text for key, text in os.environ.items() if "CELERY" not in key}
    env["DJANGO_SETTINGS_MODULE"] = "clockwright.server.settings"
    done = subprocess.run([sys.executable, "-c", program], env=env, check=False, cwd=Path.cwd())
    assert done.returncode == 0
