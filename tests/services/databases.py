"""Settings of processes on several databases. The environment says which layout it is and where they are."""

import os
from typing import Any
from urllib.parse import urlsplit

from tests.field.databases import LAYOUTS
from tests.services.settings import *  # noqa: F403
from tests.services.settings import DATABASES, RCS_ROUTER

LAYOUT = os.environ.get("RCS_LAYOUT", "own database")
DATABASE_ROUTERS = [LAYOUTS[LAYOUT][0]()]


def beside(url: str) -> dict[str, Any]:
    """Another database of the same server."""
    return {**DATABASES["default"], "NAME": urlsplit(url).path.strip("/")}


DATABASES = {
    **DATABASES,
    "rcs": beside(os.environ.get("RCS_OWN_DATABASE", "")),
    "replica": beside(os.environ.get("RCS_REPLICA", "")),
}
RCS_ROUTER = {**RCS_ROUTER, "CAPS": ["50/d"]}
