"""What the environment says, before any Django setting is read: ``.env``, ``TOVGOV_VAR`` and ``secrets.env``.

A variable that is set wins over a line of ``.env``, and that over a line of ``secrets.env``. Relative paths start at
the checkout, wherever a command is called from.
"""

from __future__ import annotations

from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()


def _read(file: Path) -> None:
    if file.exists():
        env.read_env(file)


def path(name: str, default: Path) -> Path:
    """The absolute path in the variable ``name``."""
    return (BASE_DIR / str(env.str(name, default=str(default)))).resolve()


_read(path("TOVGOV_ENV_FILE", BASE_DIR / ".env"))

VAR_DIR = path("TOVGOV_VAR", BASE_DIR / "var")
KEYS_DIR = path("TOVGOV_KEYS", VAR_DIR / "keys")
SECRETS_FILE = VAR_DIR / "secrets.env"
EMBEDDED_DATA = VAR_DIR / "postgres"
EMBEDDED = not env.str("DATABASE_URL", default="")


def read_secrets() -> None:
    """Take in what ``tovgov.keys`` made at set-up."""
    _read(SECRETS_FILE)


read_secrets()
