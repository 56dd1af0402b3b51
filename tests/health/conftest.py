"""A database that is down: the connection that there was is gone, and no new one can be made."""

from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from rcs_router.alarms import counts


@pytest.fixture
def down(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("connection to server at 127.0.0.1 refused, password s3cret")

    connections[DEFAULT_DB_ALIAS].close()
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "get_new_connection", refused)


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_counts", counts._Counts())
