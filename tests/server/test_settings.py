"""The settings, loaded by processes of their own: nothing in code that should be a secret, `.env` is read (R16)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured

from clockwright.server import environment

SHOW = (
    "import json; from clockwright.server import settings as s; "
    "print(json.dumps([s.SECRET_KEY, s.DEBUG, s.ALLOWED_HOSTS, s.DATABASES['default']['NAME'],"
    " s.SESSION_COOKIE_SECURE]))"
)


@pytest.fixture
def load(tmp_path):
    """Load the settings in an empty folder with nothing but the variables given."""

    def run(**variables):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-c", SHOW],
            cwd=tmp_path,
            env=kept | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return done.stderr
        import json

        names = ("secret_key", "debug", "allowed_hosts", "database", "secure_cookie")
        return dict(zip(names, json.loads(done.stdout), strict=True))

    return run


def test_without_anything_set_it_works_on_sqlite_for_this_machine_alone(load, tmp_path):
    found = load()
    assert found["debug"] is False
    assert found["database"] == str(tmp_path / ".data" / "clockwright.sqlite3")
    assert set(found["allowed_hosts"]) == {"localhost", ".localhost", "127.0.0.1", "[::1]"}


@pytest.mark.parametrize("debug", ["0", "1"])
def test_an_installation_makes_its_own_secret_key_and_keeps_it_for_its_owner(load, tmp_path, debug):
    first, second = load(DEBUG=debug), load(DEBUG=debug)
    file = tmp_path / ".data" / "secret_key"
    assert first["secret_key"] == second["secret_key"] == file.read_text()
    assert len(first["secret_key"]) >= 50
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["secret_key"]


def test_two_installations_have_two_keys(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    assert len({environment.secret_key(folder) for folder in folders}) == 2


def test_processes_that_start_together_agree_on_the_key(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(environment.secret_key(tmp_path)))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    assert len(set(found)) == 1


def test_a_key_that_is_set_is_taken_and_nothing_is_written(load, tmp_path):
    found = load(SECRET_KEY="given", DATABASE_URL=f"sqlite:///{tmp_path}/x.sqlite3")
    assert found["secret_key"] == "given"
    assert not (tmp_path / ".data").exists()


def test_an_env_file_is_read_and_the_real_environment_wins(load, tmp_path):
    """R16: settings from the environment and a `.env` file; what is in it is taken literally."""
    (tmp_path / ".env").write_text(
        "SECRET_KEY=from-${HOME}-file\nALLOWED_HOSTS=a.example, b.example\n"
    )
    assert load()["secret_key"] == "from-${HOME}-file"
    found = load(SECRET_KEY="from-environment")
    assert found["secret_key"] == "from-environment"
    assert found["allowed_hosts"] == ["a.example", "b.example"]


def test_behind_https_cookies_are_secure(load):
    assert load(CLOCKWRIGHT_HTTPS="1")["secure_cookie"] is True
    assert load()["secure_cookie"] is False


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DEBUG": "perhaps"}, "DEBUG: 'perhaps' is neither yes nor no"),
        ({"DATABASE_URL": "mysql://h/d"}, "DATABASE_URL: the scheme 'mysql' is not known"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL: 'loud' is not known"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT: 'xml' is not known"),
        (
            {"LOG_DIR": "/nonexistent/logs"},
            "LOG_DIR: the folder '/nonexistent/logs' does not exist",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(load, variables, words):
    assert words in load(**variables)


def test_an_empty_key_file_is_not_taken_for_a_key(tmp_path):
    environment.data_folder(tmp_path)
    (tmp_path / ".data" / "secret_key").write_text("")
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        environment.secret_key(tmp_path)
