"""Which processes get an engine by themselves (R5, C-40, C-41, S2-09): the whole table."""

from __future__ import annotations

import pytest

from clockwright.schedules.serving import ProcessFacts, Verdict, verdict

NO, HERE, IN_CHILDREN = Verdict.NO, Verdict.HERE, Verdict.IN_CHILDREN

UVICORN = {"uvicorn.server", "uvicorn.config", "asyncio.runners"}
GUNICORN_WORKER = {"gunicorn.arbiter", "gunicorn.workers.base", "gunicorn.workers.sync"}
GUNICORN_MASTER = {"gunicorn.arbiter", "gunicorn.app.base"}
HYPERCORN = {"hypercorn.asyncio.run", "hypercorn.utils"}
HYPERCORN_RELOADER = {"hypercorn.run", "hypercorn.utils"}
DAPHNE = {"daphne.cli"}


def judge(argv, modules=(), environ=None, **more):
    facts = ProcessFacts(
        argv=argv.split(), environ=environ or {}, modules=frozenset(modules), **more
    )
    return verdict(facts)


@pytest.mark.parametrize(
    "command",
    [
        "migrate",
        "makemigrations",
        "test",
        "shell",
        "dbshell",
        "collectstatic",
        "check",
        "createsuperuser",
        "runscheduler",
        "my_own_command",
        "",
    ],
)
@pytest.mark.parametrize("program", ["manage.py", "/srv/app/manage.py", "/venv/bin/django-admin"])
@pytest.mark.parametrize("wish", [None, True, False])
def test_a_command_of_django_never_starts_one(program, command, wish):
    assert judge(f"{program} {command}", wish=wish) is NO
    assert judge(f"{program} {command}", environ={"RUN_MAIN": "true"}, wish=wish) is NO


@pytest.mark.parametrize(
    "program", ["manage.py", "/venv/bin/django-admin", "/lib/python3/django/__main__.py"]
)
def test_the_reloaders_child_of_runserver_starts_one_and_its_parent_does_not(program):
    """S2-09"""
    assert judge(f"{program} runserver 8000") is NO
    assert judge(f"{program} runserver 8000", wish=True) is NO
    assert judge(f"{program} runserver 8000", environ={"RUN_MAIN": "true"}) is HERE
    assert judge(f"{program} runserver --noreload") is HERE


@pytest.mark.parametrize(
    ("argv", "modules", "expected"),
    [
        ("/venv/bin/uvicorn app:application", UVICORN, HERE),
        ("/lib/uvicorn/__main__.py app:application --workers 4", UVICORN, HERE),
        ("/venv/bin/uvicorn app:application --reload", {"uvicorn.main"}, NO),
        ("/venv/bin/gunicorn app:application", GUNICORN_WORKER, HERE),
        ("/venv/bin/gunicorn app:application --preload", GUNICORN_MASTER, IN_CHILDREN),
        ("/venv/bin/hypercorn app:application", HYPERCORN, HERE),
        ("/venv/bin/hypercorn app:application --reload", HYPERCORN_RELOADER, NO),
        ("/venv/bin/daphne app:application", DAPHNE, HERE),
        ("server.py", UVICORN, HERE),
    ],
)
def test_a_web_servers_serving_process_starts_one(argv, modules, expected):
    assert judge(argv, modules) is expected
    assert judge(argv, modules, wish=False) is NO


def test_uwsgi_starts_one_in_each_worker_and_none_in_its_master():
    assert judge("uwsgi", uwsgi_worker=0) is IN_CHILDREN
    assert judge("uwsgi", uwsgi_worker=2) is HERE


@pytest.mark.parametrize(
    "argv",
    [
        "",
        "script.py",
        "-c",
        "/venv/bin/celery -A app worker",
        "/lib/celery/__main__.py -A app beat",
        "/venv/bin/ipython",
        "/venv/bin/python",
    ],
)
def test_any_other_program_starts_one_only_when_it_is_wished_for(argv):
    assert judge(argv) is NO
    assert judge(argv, wish=True) is HERE
    assert judge(argv, wish=False) is NO


@pytest.mark.parametrize(
    "argv",
    [
        "/venv/bin/pytest tests",
        "/lib/pytest/__main__.py",
        "/lib/unittest/__main__.py",
        "/venv/bin/clockwright serve",
    ],
)
def test_tests_and_our_own_command_never_start_one_by_themselves(argv):
    assert judge(argv, UVICORN, wish=True) is NO
