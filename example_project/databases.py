"""Make an entry of settings.DATABASES from DATABASE_URL, with the options that rcs_router recommends."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

SQLITE = {
    "transaction_mode": "IMMEDIATE",  # a writing transaction waits at its start, and does not fail later
    "timeout": 20,  # seconds
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",  # lets others read while one writes
}


def database(url: str) -> dict[str, Any]:
    """Read `sqlite:///relative`, `sqlite:////absolute` or `postgresql://user:password@host:port/name`."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite(Path(unquote(parts.path.removeprefix("/"))))
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ValueError(f"DATABASE_URL must begin with sqlite:/// or postgresql://, not {parts.scheme}://")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,  # seconds: a webhook need not open a new connection
    }


def sqlite(path: Path) -> dict[str, Any]:
    """Return the entry for a file. Creates its directory if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": SQLITE}
