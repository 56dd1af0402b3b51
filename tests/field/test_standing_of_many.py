"""What became of a message to many, and when: counts per state, no time before its cause, and no event left out."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from rcs_router import lookup_connections, outbox, send
from rcs_router.backends import backends
from rcs_router.contract import Receipt, ReceiptKind, Status, WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import Event, Message, Transmission
from rcs_router.models.message_status import by_status
from rcs_router.people import consent
from tests.core import ALICE, drain

from . import wires
from .sites import SMS, TWILIO, site

pytestmark = pytest.mark.django_db
RCS = {"BACKEND": "rcs_router.testing.MemoryBackend", "FALLBACK": ["sms"]}
S = Status


def to_many(settings: Any, *statuses: Status) -> Message:
    """A message whose recipients stand at these statuses."""
    site(settings, {"rcs": RCS, "sms": SMS})
    people = lookup_connections("rcs", [f"+3725550{n:04}" for n in range(len(statuses))])
    message = send("Hello", people)
    rows = message.transmissions.order_by("connection__identity")
    for row, status in zip(rows, statuses, strict=True):
        Transmission.objects.filter(pk=row.pk).update(status=status)
    return Message.objects.get(pk=message.pk)


TABLE = [
    ((S.DELIVERED, S.DELIVERED, S.CANCELLED), S.DELIVERED),
    ((S.READ, S.CANCELLED), S.READ),
    ((S.CANCELLED, S.CANCELLED), S.CANCELLED),
    ((S.CANCELLED, S.QUEUED), S.QUEUED),
    ((S.FAILED, S.ACCEPTED), S.FAILED),
    ((S.FAILED, S.QUEUED), S.FAILED),
    ((S.FAILED, S.DELIVERED), S.FAILED),
    ((S.EXPIRED, S.ACCEPTED), S.EXPIRED),
    ((S.EXPIRED, S.FAILED, S.READ), S.FAILED),
    ((S.REVIEW, S.FAILED, S.CANCELLED), S.REVIEW),
    ((S.FAILED, S.CANCELLED), S.FAILED),
    ((S.ACCEPTED, S.DELIVERED), S.ACCEPTED),
    ((S.SENDING, S.ACCEPTED), S.SENDING),
    ((S.READ, S.DELIVERED), S.DELIVERED),
]


@pytest.mark.parametrize(("statuses", "expected"), TABLE)
def test_the_status_of_many_is_the_worst_of_those_it_was_for(
    settings: Any, statuses: tuple[Status, ...], expected: Status
) -> None:
    message = to_many(settings, *statuses)
    assert message.status == expected
    assert message.by_status == {status: statuses.count(status) for status in statuses}
    assert next(iter(message.by_status)) == expected
    assert by_status([message])[message.pk] == message.by_status


def test_one_refusal_does_not_cancel_a_campaign(settings: Any) -> None:
    site(settings, {"rcs": RCS, "sms": SMS})
    numbers = [f"+3725550{n:04}" for n in range(3)]
    consent.record(numbers[0], opted_out=True, source="web site")
    message = send("20 % off", lookup_connections("rcs", numbers), traffic="promotion")
    assert message.status == Status.QUEUED
    drain("rcs")
    assert Message.objects.get(pk=message.pk).by_status == {Status.ACCEPTED: 2, Status.CANCELLED: 1}


def test_a_person_whom_a_fallback_reached_counts_once(settings: Any) -> None:
    message = to_many(settings, S.DELIVERED, S.FAILED)
    failed = message.transmissions.get(status=S.FAILED)
    child = outbox.fallback.open_fallback(failed, "refused", timezone.now())
    Transmission.objects.filter(pk=child.pk).update(status=S.DELIVERED)  # type: ignore[union-attr]
    message = Message.objects.get(pk=message.pk)
    assert (message.status, message.by_status) == (S.DELIVERED, {S.DELIVERED: 2})


@pytest.fixture
def reader() -> User:
    user = User.objects.create_user("reader", password="secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_message", "view_transmission"]))
    return user


def test_the_api_counts_people_per_state(settings: Any, reader: User) -> None:
    message = to_many(settings, S.DELIVERED, S.DELIVERED, S.FAILED, S.CANCELLED)
    client = Client()
    client.force_login(reader)
    counts = {"delivered": 2, "failed": 1, "cancelled": 1}
    told = client.get(f"/rcs/api/messages/{message.pk}/").json()
    assert (told["status"], told["recipients"]) == ("failed", counts)
    [listed] = client.get("/rcs/api/messages/").json()["results"]
    assert (listed["status"], listed["recipients"]) == ("failed", counts)


def test_what_came_in_stands_nowhere(settings: Any, reader: User) -> None:
    site(settings, {"tw": TWILIO})
    wires.twilio_sms("hello")
    client = Client()
    client.force_login(reader)
    [listed] = client.get("/rcs/api/messages/").json()["results"]
    assert (listed["status"], listed["recipients"]) == (None, {})


def test_the_admin_counts_people_per_state(settings: Any, reader: User) -> None:
    message = to_many(settings, S.DELIVERED, S.DELIVERED, S.REVIEW, S.CANCELLED)
    client = Client()
    client.force_login(reader)
    page = client.get(f"/admin/rcs_router/message/{message.pk}/change/")
    assert "1 needs review, 2 delivered, 1 cancelled" in page.content.decode()


# Times

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SENT, ACCEPTED = NOW - timedelta(minutes=2), NOW - timedelta(minutes=1)
LONG_AGO, NEVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
MOMENTS = [
    None,
    LONG_AGO,
    SENT - timedelta(seconds=3),
    SENT,
    ACCEPTED - timedelta(seconds=1),
    ACCEPTED,
    NOW,
    NEVER,
]


def taken(settings: Any) -> Transmission:
    site(settings, {"rcs": RCS, "sms": SMS})
    t = wires.accepted("rcs", "")
    Transmission.objects.filter(pk=t.pk).update(created_at=SENT, accepted_at=ACCEPTED)
    return t


@pytest.mark.parametrize("at", MOMENTS)
@pytest.mark.parametrize("kind", [ReceiptKind.DELIVERED, ReceiptKind.READ])
def test_nothing_is_delivered_before_it_is_accepted(
    settings: Any, kind: ReceiptKind, at: datetime | None
) -> None:
    t = taken(settings)
    outbox.apply_receipts("rcs", [Receipt(kind, transmission=t.pk, at=at)], NOW)
    t.refresh_from_db()
    times = [
        t.created_at,
        t.accepted_at,
        t.delivered_at,
        *([t.read_at] if kind == ReceiptKind.READ else []),
        NOW,
    ]
    assert times == sorted(times)  # type: ignore[type-var]
    assert Event.objects.get(transmission=t, kind="receipt").at == at  # as the provider said it


@pytest.mark.parametrize(
    "order", list(permutations([ReceiptKind.ACCEPTED, ReceiptKind.DELIVERED, ReceiptKind.READ]))
)
def test_times_agree_in_any_order(settings: Any, order: tuple[ReceiptKind, ...]) -> None:
    """Read before it was delivered before it was accepted, by three clocks."""
    at = {
        ReceiptKind.ACCEPTED: NOW - timedelta(seconds=1),
        ReceiptKind.DELIVERED: NOW - timedelta(seconds=20),
        ReceiptKind.READ: NOW - timedelta(seconds=30),
    }
    t = taken(settings)
    for kind in order:
        outbox.apply_receipts("rcs", [Receipt(kind, transmission=t.pk, at=at[kind])], NOW)
    t.refresh_from_db()
    assert (t.accepted_at, t.delivered_at, t.read_at) == (
        ACCEPTED,
        at[ReceiptKind.READ],
        at[ReceiptKind.READ],
    )


@pytest.mark.parametrize("kind", [ReceiptKind.FAILED, ReceiptKind.EXPIRED])
@pytest.mark.parametrize("at", MOMENTS)
def test_failures_are_clamped_too(settings: Any, kind: ReceiptKind, at: datetime | None) -> None:
    t = taken(settings)
    outbox.apply_receipts("rcs", [Receipt(kind, transmission=t.pk, at=at)], NOW)
    t.refresh_from_db()
    assert SENT <= t.failed_at <= NOW  # type: ignore[operator]


def test_a_report_that_is_faster_than_the_answer(settings: Any) -> None:
    """The delivery is known before our own request has ended."""
    site(settings, {"rcs": RCS, "sms": SMS})
    t = send("Hello", lookup_connections("rcs", [ALICE])).transmissions.get()
    early = timezone.now()

    def delivered(outbound: Any) -> Any:
        from rcs_router.contract import SendResult

        outbox.apply_receipts(
            "rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk, at=early)], timezone.now()
        )
        return SendResult()

    backends["rcs"].send = lambda outbound: delivered(outbound)  # type: ignore[method-assign]
    Transmission.objects.filter(pk=t.pk).update(created_at=early - timedelta(minutes=1))
    outbox.apply_receipts(
        "rcs", [Receipt(ReceiptKind.DELIVERED, transmission=t.pk, at=early)], timezone.now()
    )
    t.refresh_from_db()
    assert t.accepted_at == t.delivered_at == early


@pytest.mark.parametrize("at", [NEVER, timezone.now() + timedelta(days=1)])
def test_a_stop_from_the_future_is_undone_by_a_start(settings: Any, at: datetime) -> None:
    """A clock that is fast must not end somebody's offers for ever."""
    site(settings, {"tw": TWILIO})
    consent.record(ALICE, opted_out=True, source="provider event", said_at=at)
    consent.record(ALICE, opted_out=False, source="keyword", said_at=timezone.now())
    assert consent.refused([ALICE]) == set()


# Two events under one id


@pytest.mark.parametrize("again", [1, 3])
def test_one_id_for_two_kinds_of_event(settings: Any, again: int) -> None:
    t = taken(settings)
    kinds = [ReceiptKind.ACCEPTED, ReceiptKind.DELIVERED, ReceiptKind.READ]
    for kind in kinds * again:
        outbox.apply_receipts("rcs", [Receipt(kind, transmission=t.pk, event_id="ev-1")], NOW)
    assert list(
        Event.objects.filter(transmission=t, kind="receipt").order_by("id").values_list("status", flat=True)
    ) == [Status.ACCEPTED, Status.DELIVERED, Status.READ]


@pytest.mark.parametrize("codes", [("a", "b"), ("x" * 300 + "a", "x" * 300 + "b"), ("a", "b\0")])
def test_one_id_for_two_unknown_events(settings: Any, codes: tuple[str, str]) -> None:
    t = taken(settings)
    for code in codes * 2:
        receipt = Receipt(ReceiptKind.UNKNOWN, transmission=t.pk, event_id="e" * 200, code=code)
        outbox.apply_receipts("rcs", [receipt], NOW)
    assert Event.objects.filter(transmission=t, kind="receipt").count() == 2


def gsma_event(event: str, name: str, **said: Any) -> dict[str, Any]:
    message = {"msgId": name, "timestamp": "2026-11-28T07:00:00Z", **said}
    return {"event": event, "RCSMessage": message, "messageContact": {"userContact": ALICE}}


TAP = {"suggestedResponse": {"response": {"reply": {"displayText": "Yes", "postback": {"data": "yes"}}}}}
PLACE = {"geolocationPushMessage": {"pos": "59.4 24.7", "label": "Home"}}


def test_one_id_for_two_things_that_a_person_did(settings: Any) -> None:
    """A tap that shares a place is told twice by some platforms, under one id."""
    from .sites import GSMA, SECRET

    site(settings, {"gs": GSMA})
    for _ in range(2):  # and each is repeated
        for event in (gsma_event("response", "mo-1", **TAP), gsma_event("message", "mo-1", **PLACE)):
            path = f"/rcs/webhooks/gs/?secret={SECRET}"
            assert Client().post(path, event, content_type="application/json").status_code == 200
            intake.digest()
    rows = Message.objects.filter(direction="in").order_by("created_at")
    assert [row.kind for row in rows] == ["suggestion", "location"]
    intake.accept(backends["gs"], WebhookRequest("POST", b"{}"))
    assert Message.objects.filter(direction="in").count() == 2
