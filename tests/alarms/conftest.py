"""The alarms that were raised and that ended, as their signals say it."""

from collections.abc import Iterator
from typing import Any

import pytest

from rcs_router import signals
from rcs_router.alarms import counts
from tests.alarms.steps import Heard


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "_counts", counts._Counts())


@pytest.fixture
def heard() -> Iterator[Heard]:
    listener = Heard()

    def began(kind: str, backend: str, detail: str, since: Any, **kwargs: Any) -> None:
        listener.began.append((kind, backend))
        listener.details.append(detail)

    def ended(kind: str, backend: str, since: Any, **kwargs: Any) -> None:
        listener.ended.append((kind, backend))

    signals.alarm.connect(began)
    signals.alarm_ended.connect(ended)
    yield listener
    signals.alarm.disconnect(began)
    signals.alarm_ended.disconnect(ended)
