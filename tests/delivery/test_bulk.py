"""A campaign on a backend that takes many messages in one request: what leaves together, and what becomes of each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rcs_router import lookup_connections, send
from rcs_router.contract import Outbound, SendResult, Status
from rcs_router.errors import Ambiguous, BadAddress, SendError, Throttled
from rcs_router.models import BackendState, Transmission
from rcs_router.testing import MemoryBackend
from tests.core import drain, memory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("many")]


class Many(MemoryBackend):
    """Takes up to four at once. `answers`: what becomes of the next group."""

    capabilities = replace(MemoryBackend.capabilities, bulk=4, idempotent=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups: list[int] = []
        self.answers: Any = None

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        self.groups.append(len(outbounds))
        if isinstance(self.answers, Exception):
            raise self.answers
        if self.answers is not None:
            return self.answers
        return [SendResult(provider_id=f"om-{outbound.to[-1]}") for outbound in outbounds]


@pytest.fixture
def many(settings: Any, router: None) -> None:
    settings.RCS_BACKENDS = {**settings.RCS_BACKENDS, "many": {"BACKEND": "tests.delivery.test_bulk.Many"}}


def campaign(size: int, **options: Any) -> list[Transmission]:
    numbers = [f"+3725550{n:04}" for n in range(size)]
    message = send("Sale", lookup_connections("many", numbers), **{"traffic": "promotion", **options})
    return list(message.transmissions.order_by("connection__identity"))


def statuses(rows: list[Transmission]) -> list[Status]:
    for row in rows:
        row.refresh_from_db()
    return [Status(row.status) for row in rows]


@pytest.mark.parametrize(("size", "groups"), [(1, []), (2, [2]), (4, [4]), (9, [4, 4])])
def test_a_campaign_leaves_in_groups(size, groups):
    rows = campaign(size)
    drain("many")
    backend = memory("many")
    assert sorted(backend.groups, reverse=True) == groups
    assert sum(backend.groups) + len(backend.sent) == size
    assert statuses(rows) == [Status.ACCEPTED] * size
    assert [row.provider_id for row in rows if row.provider_id] == [
        f"om-{row.connection.identity[-1]}" for row in rows if row.provider_id
    ]


@pytest.mark.parametrize("traffic", ["authentication", "transaction", "service_request"])
def test_what_somebody_waits_for_leaves_alone(traffic):
    campaign(6, traffic=traffic)
    drain("many")
    assert (memory("many").groups, len(memory("many").sent)) == ([], 6)


def test_each_message_has_an_answer_of_its_own():
    rows = campaign(4)
    memory("many").answers = [SendResult("om-0"), BadAddress("no mobile"), Ambiguous(), SendResult("om-3")]
    drain("many")
    assert statuses(rows) == [Status.ACCEPTED, Status.REVIEW, Status.REVIEW, Status.ACCEPTED]
    assert [row.unknown for row in rows] == [False, False, True, False]


@pytest.mark.parametrize(
    ("answers", "status", "unknown"),
    [
        (Ambiguous("no answer"), Status.REVIEW, True),
        (BadAddress("all of them"), Status.REVIEW, False),
        (ValueError("a bug"), Status.REVIEW, True),
        ([], Status.REVIEW, True),
        ([SendResult()], Status.REVIEW, True),
        ([None, None, None, None], Status.REVIEW, True),
    ],
)
def test_trouble_with_the_whole_request_is_everybodys(answers, status, unknown):
    rows = campaign(4)
    memory("many").answers = answers
    drain("many")
    assert statuses(rows) == [status] * 4
    assert {row.unknown for row in rows} == {unknown}


def test_too_fast_rests_the_backend_and_loses_nothing():
    rows = campaign(4)
    memory("many").answers = Throttled(retry_after=60)
    drain("many")
    assert statuses(rows) == [Status.QUEUED] * 4
    assert BackendState.objects.get(pk="many").paused_until is not None
    assert {row.attempts for row in rows} == {0}
