"""The Python of README and docs as modules that a type checker can read: one for each page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PORT = re.compile(r"^<!-- tests/rapidsms_port/(\w+)/(\S+) -->\n```python\n(.*?)^```$", re.M | re.S)
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)

# What a reader has before they read: a Django project, and the names that the text around a block speaks of.
BEFORE = """\
import os
from pathlib import Path
from typing import Any

from celery import Celery
from django.urls import URLPattern, URLResolver, path
from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.models import Connection, Contact
from rcs_router.testing import Handset, World

BASE_DIR = Path()
DATABASES: dict[str, Any] = {}
INSTALLED_APPS: list[str] = []
RCS_BACKENDS: dict[str, Any] = {}
RCS_EMULATOR: dict[str, Any] = {}
RCS_ROUTER: dict[str, Any] = {}
REST_FRAMEWORK: dict[str, Any] = {}
STORAGES: dict[str, Any] = {}
urlpatterns: list[URLPattern | URLResolver] = []
app = Celery()
contact = Contact()
data = b""

"""


def modules() -> dict[str, str]:
    """File name and source of each page with Python on it; the ported project has files of its own."""
    found: dict[str, str] = {}
    for page in PAGES:
        written = page.read_text(encoding="utf-8")
        for project, name, source in PORT.findall(written):
            if project == "after":  # the one before needs RapidSMS
                found[name] = source
        blocks = BLOCK.findall(PORT.sub("", written))
        if blocks:
            name = page.relative_to(ROOT).with_suffix("").as_posix().replace("/", "_").replace("-", "_")
            found[f"documented/{name.lower()}.py"] = BEFORE + "\n".join(map(_whole, blocks))
    return found


def _whole(block: str) -> str:
    """Some blocks show a few members of a dict."""
    return f"part = {{\n{block}}}\n" if block.startswith('"') and not block.startswith('"""') else block
