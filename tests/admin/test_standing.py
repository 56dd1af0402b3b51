"""The status that a list shows is the one that `Message.status` says."""

import random

import pytest
from django.utils import timezone

from rcs_router import lookup_connections, send
from rcs_router.contract import Status
from rcs_router.models import Message, Transmission
from rcs_router.models.message_status import at_status, by_status
from rcs_router.outbox.fallback import fallback_transmission
from tests.core import connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("router")]


def roads(*statuses: list[Status]) -> Message:
    """A message whose n-th recipient has transmissions at these statuses, each the fallback of the one before."""
    people = lookup_connections("rcs", [f"+3725550{n:04}" for n in range(len(statuses))])
    message = send("Hello", people)
    for person, road in zip(people, statuses, strict=True):
        row = message.transmissions.get(connection=person)
        for n, status in enumerate(road):
            if n:
                sms = connection(person.identity, "sms")
                row = fallback_transmission(row, sms, "rcs", timezone.now(), None)
                row.save(force_insert=True)
            Transmission.objects.filter(pk=row.pk).update(status=status)
    return message


Q, A, R, C, X, F, D = (
    Status.QUEUED,
    Status.ACCEPTED,
    Status.REVIEW,
    Status.CANCELLED,
    Status.EXPIRED,
    Status.FAILED,
    Status.DELIVERED,
)
CASES = [
    ([[Q]], Q),
    ([[D], [Q], [F]], F),
    ([[A], [F]], F),
    ([[A], [X]], X),
    ([[D], [C]], D),
    ([[Q], [C]], Q),
    ([[C], [C]], C),
    ([[D], [R], [Q]], R),
    ([[F, D]], D),
    ([[F, A]], A),
    ([[D, C]], D),
    ([[Status.READ, D]], Status.READ),
    ([[F, F, D], [D]], D),
    ([[D, F, F, F]], D),
    ([[X, R]], R),
    ([[D, R]], D),
    ([[F], [X], [C]], F),
]


@pytest.mark.parametrize(("statuses", "expected"), CASES)
def test_the_database_adds_up_what_the_property_says(statuses, expected):
    message = roads(*statuses)
    assert message.status == expected
    assert by_status([message])[message.pk] == message.by_status
    assert [s for s in Status if Message.objects.filter(at_status(s)).exists()] == [expected]


def test_it_does_for_any_mixture():
    pick = random.Random(7)
    for _ in range(40):
        statuses = [
            [pick.choice(list(Status)) for _ in range(pick.randint(1, 4))] for _ in range(pick.randint(1, 3))
        ]
        message = roads(*statuses)
        counts = by_status([message])[message.pk]
        assert counts == message.by_status, statuses
        assert list(counts) == list(message.by_status), statuses
        assert sum(counts.values()) == len(statuses)


def test_a_message_without_transmissions_has_no_status():
    message = Message.objects.create(direction="in", kind="text", text="Hello")
    assert by_status([message]) == {}
    assert not [s for s in Status if Message.objects.filter(at_status(s)).exists()]
