"""The Python of README and docs as modules that a type checker can read: one for each page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
RAPIDSMS = re.compile(r"^<!-- tests/rapidsms_port/before/\S+ -->\n```python\n.*?^```$", re.M | re.S)
OWN = re.compile(
    r"^from (?:market|mysite|shop|tests)\b.* import .*\n", re.M
)  # names of other blocks of the page

# What a reader has before they read: a Django project, and the names that the text around a block speaks of.
BEFORE = """\
# pyright: reportPrivateImportUsage=information, reportRedeclaration=false
import os
from pathlib import Path
from typing import Any, ClassVar

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
MODEL = r'\g<0>    objects: "ClassVar[models.Manager[\1]]"\n'


def modules() -> dict[str, str]:
    """File name and source of each page with Python on it. What is written for RapidSMS itself is left out."""
    found: dict[str, str] = {}
    for page in PAGES:
        blocks = BLOCK.findall(RAPIDSMS.sub("", page.read_text(encoding="utf-8")))
        if blocks:
            name = page.relative_to(ROOT).with_suffix("").as_posix().lower()
            found[f"{re.sub(r'[^a-z]', '_', name)}.py"] = BEFORE + OWN.sub("", "\n".join(map(_whole, blocks)))
    return found


def _whole(block: str) -> str:
    """Some blocks show a few members of a dict; and mypy's plugin knows no managers where no app is installed."""
    block = re.sub(r"^class (\w+)\(models\.Model\):\n", MODEL, block, flags=re.M)
    return f"part = {{\n{block}}}\n" if re.match(r'"(?!"")', block) else block
