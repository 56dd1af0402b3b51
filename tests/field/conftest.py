"""Fixtures that the tests of the field share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.core import BACKENDS, ROUTER

from . import databases


@pytest.fixture(scope="session")
def templates(tmp_path_factory: Any, django_db_setup: None, django_db_blocker: Any) -> dict[str, Path]:
    """Migrated databases of every layout, to be copied."""
    with django_db_blocker.unblock():
        return {
            name: databases.migrated(name, tmp_path_factory.mktemp("migrated")) for name in databases.LAYOUTS
        }


@pytest.fixture(params=list(databases.LAYOUTS))
def layout(
    request: Any, templates: dict[str, Path], tmp_path: Path, settings: Any, django_db_blocker: Any
) -> Iterator[str]:
    """A site with several databases, each way that LAYOUTS has; no replica may be asked anything."""
    settings.ALLOWED_HOSTS = ["*"]
    settings.RCS_BACKENDS = BACKENDS
    settings.RCS_ROUTER = {**ROUTER, "PUBLIC_URL": "http://testserver/rcs/"}
    with django_db_blocker.unblock(), databases.site(request.param, templates[request.param], tmp_path):
        yield request.param
    assert databases.asked_replica == []
