"""Time that passes when told: retries, rests, grace periods, leases and expiry, and what goes on waiting."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from rcs_router import send, sql
from rcs_router.contract import SendResult, Status
from rcs_router.errors import Misconfigured, Throttled, Unavailable, Unreachable
from rcs_router.inbox import intake
from rcs_router.models import BackendState, Event, Message, Transmission
from rcs_router.outbox import drain
from rcs_router.testing import Handset, World, no_waiting, waiting
from tests.core import BACKENDS, ROUTER, connection, memory


def statuses(message: Message) -> list[Status]:
    return [Status(t.status) for t in message.transmissions.order_by("created_at")]


def test_a_retry_waits(rcs: World, handset: Handset) -> None:
    rcs.next_send(Unavailable())
    message = send("Hello", handset.connection())
    assert (handset.messages, statuses(message)) == ([], [Status.QUEUED])
    rcs.passes(seconds=4)
    assert handset.messages == []
    rcs.passes(seconds=2)
    assert handset.texts == ["Hello"]


@pytest.mark.parametrize(
    ("outcomes", "roads"),
    [
        ([Unavailable()], ["acme"]),
        ([Unavailable()] * 4, ["sms"]),  # the whole ladder
        ([Throttled(retry_after=600)], ["acme"]),
        ([Throttled()] * 9, ["acme"]),  # and no attempt is spent
        ([Misconfigured()] * 4, ["sms"]),
        ([Unreachable(), Unavailable(), Unavailable()], ["sms"]),
    ],
)
def test_without_waiting_it_arrives_at_once(
    rcs: World, handset: Handset, outcomes: list[Any], roads: list[str]
) -> None:
    rcs.next_send(*outcomes)
    with rcs.no_waiting():
        send("Hello", handset.connection())
    assert [shown.alias for shown in handset.messages] == roads
    assert not Transmission.objects.filter(status__lt=Status.DELIVERED).exclude(status=Status.FAILED).exists()


def test_order_is_kept_while_time_passes(rcs: World, handset: Handset) -> None:
    """What has a due time of its own, and what has the database's, leave as they were sent."""
    rcs.passes(hours=1)
    send("first", handset.connection(), ttl=timedelta(minutes=5))
    waiting.passes(timedelta(seconds=1))
    send("second", handset.connection())
    assert handset.texts == ["first", "second"]
    assert Transmission.objects.filter(due_at__gt=timezone.now()).count() == 0


def test_a_ttl_ends_by_time_and_its_grace_by_no_waiting(rcs: World, handset: Handset) -> None:
    handset.switches_off()
    message = send("Hello", handset.connection(), ttl=timedelta(minutes=5))
    with rcs.no_waiting():
        rcs.passes(minutes=4)
    assert statuses(message) == [Status.ACCEPTED]
    rcs.passes(minutes=1, seconds=1)
    assert statuses(message) == [Status.ACCEPTED], "the provider may still report"
    with rcs.no_waiting():
        pass
    handset.loses_rcs()
    handset.switches_on()
    assert statuses(message) == [Status.EXPIRED, Status.DELIVERED]
    assert [shown.alias for shown in handset.messages] == ["sms"]


def test_what_was_put_off_still_waits(rcs: World, handset: Handset) -> None:
    with rcs.no_waiting():
        send("tomorrow", handset.connection(), send_at=timezone.now() + timedelta(days=1))
        send("now", handset.connection())
    assert handset.texts == ["now"]
    rcs.passes(timedelta(days=1))
    assert handset.texts == ["now", "tomorrow"]


def test_what_was_put_off_is_retried_without_waiting(rcs: World, handset: Handset) -> None:
    send("tomorrow", handset.connection(), send_at=timezone.now() + timedelta(days=1))
    rcs.next_send(Unavailable())
    with rcs.no_waiting():
        rcs.passes(days=1)
    assert handset.texts == ["tomorrow"]


def test_a_lost_lease_is_waited_for(rcs: World, handset: Handset) -> None:
    from rcs_router import outbox

    send("Hello", handset.connection())
    outbox.claim("acme", 1, sql.now(Transmission), 90, {})  # by a worker that dies
    assert handset.messages == []
    with rcs.no_waiting():
        pass
    assert handset.texts == ["Hello"]


def test_a_provider_that_never_takes_it_is_told(
    rcs: World, handset: Handset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "ROUNDS", 20)

    def never(outbound: Any) -> SendResult:
        rcs.next_send(never)
        raise Throttled(retry_after=1)

    rcs.next_send(never)
    send("Hello", handset.connection())
    with pytest.raises(RuntimeError, match="not now"), rcs.no_waiting():
        pass


def test_everything_stored_grows_older(rcs: World, handset: Handset) -> None:
    handset.says("echo a")
    rows = [(Message, "created_at"), (Transmission, "accepted_at"), (Event, "created_at")]
    before = [model.objects.order_by("pk").values_list(name, flat=True)[0] for model, name in rows]
    waiting.passes(timedelta(hours=2))
    after = [model.objects.order_by("pk").values_list(name, flat=True)[0] for model, name in rows]
    assert [b - a for b, a in zip(before, after, strict=True)] == [timedelta(hours=2)] * 3
    assert BackendState.objects.filter(paused_until=None).exists()


# Without a world: with whatever backends there are


@pytest.mark.django_db
def test_no_waiting_does_the_work_by_itself(settings: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = (
        BACKENDS,
        ROUTER | {"RETRY_DELAYS": [5, 30], "RETRY_JITTER": 0.1},
    )
    memory("alone").outcomes += [Unavailable(), Throttled(retry_after=100)]
    with no_waiting():
        message = send("Hello", connection(alias="alone"))
    assert statuses(message) == [Status.ACCEPTED]
    assert len(memory("alone").sent) == 3


@pytest.mark.django_db
def test_outside_of_it_time_is_time(settings: Any) -> None:
    settings.RCS_BACKENDS, settings.RCS_ROUTER = BACKENDS, ROUTER | {"RETRY_DELAYS": [5]}
    memory("alone").outcomes += [Unavailable()]
    message = send("Hello", connection(alias="alone"))
    waiting.work()
    assert statuses(message) == [Status.QUEUED]
    with pytest.raises(ZeroDivisionError), no_waiting():
        _ = 1 / 0
    assert statuses(message) == [Status.QUEUED], "an error inside comes first"
    waiting.work()
    assert statuses(message) == [Status.QUEUED]
    assert (drain.drain("alone", budget=1), intake.digest()) == (0, 0)


def test_what_caps_have_counted_grows_older_too(rcs: World, handset: Handset, settings: Any) -> None:
    settings.RCS_ROUTER = settings.RCS_ROUTER | {"CAPS": ["1/d"]}
    for words in ("One", "Two"):
        send(words, handset.connection(), traffic="promotion")
    assert handset.texts == ["One"]
    rcs.passes(hours=23)
    assert handset.texts == ["One"]
    rcs.passes(hours=2)
    assert handset.texts == ["One", "Two"]
