"""What the settings read from the environment and the installation's own folder."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})


def load_env_file(folder: Path) -> None:
    """Read `.env` in a folder, if there is one; what the real environment says wins (R16)."""
    load_dotenv(folder / ".env", override=False, interpolate=False)


def flag(name: str, *, default: bool = False) -> bool:
    """An environment variable as yes or no; raises ImproperlyConfigured."""
    text = os.environ.get(name)
    if text is None:
        return default
    if text.strip().lower() in _TRUE | _FALSE:
        return text.strip().lower() in _TRUE
    raise ImproperlyConfigured(f"{name}: {text!r} is neither yes nor no; write 1 or 0")


def words(name: str, default: list[str]) -> list[str]:
    """An environment variable as a list of what its commas separate."""
    given = [word.strip() for word in os.environ.get(name, "").split(",")]
    return [word for word in given if word] or default


def data_folder(base: Path) -> Path:
    """`.data` under a folder, made for its owner alone; raises ImproperlyConfigured."""
    folder = base / ".data"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{folder} cannot be made ({error.strerror}); start in a folder that may be written, "
            "or set both DATABASE_URL and SECRET_KEY"
        ) from error
    return folder


def secret_key(base: Path) -> str:
    """`SECRET_KEY`, else this installation's own, made once and kept in `.data/secret_key` (0600)."""
    given = os.environ.get("SECRET_KEY", "")
    if given:
        return given
    file = data_folder(base) / "secret_key"
    if not file.exists():
        _keep_new_key(file)
    key = file.read_text(encoding="ascii").strip()
    if not key:
        raise ImproperlyConfigured(f"{file} is empty; delete it, or set SECRET_KEY")
    return key


def _keep_new_key(file: Path) -> None:
    """Write a key whole or not at all; of two processes that start together the first one's stays."""
    try:
        handle, name = tempfile.mkstemp(prefix="secret_key.", dir=file.parent)
        with os.fdopen(handle, "w", encoding="ascii") as draft:
            draft.write(secrets.token_urlsafe(50))
        try:
            Path(file).hardlink_to(name)
        except FileExistsError:
            return
        finally:
            Path(name).unlink()
    except OSError as error:
        raise ImproperlyConfigured(
            f"SECRET_KEY is not set, and {file} cannot be written ({error.strerror}); set SECRET_KEY"
        ) from error
