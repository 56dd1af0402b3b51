"""Webhook requests made by hand: broken, forged, replayed, foreign, senseless. What is refused leaves nothing."""

import base64
import json
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from rcs_backends.emulator.wire.google.webhooks import sign
from rcs_router.contract import Status
from rcs_router.inbox import intake
from rcs_router.models import Consent, Event, Message, StoredWebhook, Transmission
from tests.acceptance.stage import CLIENT_TOKEN, WEBHOOK_SECRET, Stage, status, stored
from tests.core import ALICE, BOB

Json = dict[str, Any]


@dataclass
class Post:
    """One request; a test spoils one part of it."""

    payload: Any
    alias: str = "acme"
    method: str = "POST"
    token: str = CLIENT_TOKEN
    data: bytes | None = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, stage: Stage) -> int:
        data = json.dumps(self.payload, indent=2).encode() if self.data is None else self.data
        envelope = {"message": {"data": base64.b64encode(data).decode(), "messageId": str(uuid.uuid4())}}
        body = json.dumps(envelope).encode() if self.body is None else self.body
        headers = {
            "Content-Type": "application/json",
            "X-Goog-Signature": sign(self.token, data),
            **self.headers,
        }
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                self.method, stage.webhook(self.alias), data=body, headers=headers, timeout=20
            ).status_code


def event(kind: str, t: Transmission | None = None, **more: Any) -> Json:
    about = {"messageId": str(t.pk)} if t else {}
    return {
        "senderPhoneNumber": ALICE,
        "eventType": kind,
        "eventId": f"ev-{uuid.uuid4()}",
        "agentId": "acme@rbm.goog",
        **about,
        **more,
    }


@pytest.fixture
def accepted(stage: Stage, settings: Any) -> Transmission:
    """A message whose phone is away, so that only the tests speak of it; and an app that answers everything."""
    settings.RCS_ROUTER = settings.RCS_ROUTER | {
        "APPS": ["rcs_router.handlers.DefaultResponse"],
        "DEFAULT_RESPONSE": "What?",
    }
    stage.phone(online=False)
    t = stage.send()
    stage.drain()
    return t


def wire(data: bytes, **message: Any) -> bytes:
    return json.dumps({"message": {"data": base64.b64encode(data).decode(), **message}}).encode()


SPOILT: dict[str, tuple[Callable[[Json], Post], int]] = {
    "another client token": (lambda p: Post(p, token="wrong"), 401),
    "an empty client token": (lambda p: Post(p, token=""), 401),
    "no signature": (lambda p: Post(p, headers={"X-Goog-Signature": ""}), 401),
    "no ASCII in the signature": (lambda p: Post(p, headers={"X-Goog-Signature": "\xe4" * 88}), 401),
    "signature of other bytes": (lambda p: Post(p, body=wire(json.dumps(p).encode())), 401),
    "signature of the whole body": (
        lambda p: Post(
            p, headers={"X-Goog-Signature": sign(CLIENT_TOKEN, wire(json.dumps(p, indent=2).encode()))}
        ),
        401,
    ),
    "truncated": (lambda p: Post(p, body=wire(json.dumps(p, indent=2).encode())[:-40]), 400),
    "no JSON": (lambda p: Post(p, body=b"payload=%7B%7D"), 400),
    "no UTF-8": (lambda p: Post(p, body=b"\xff\xfe{}"), 400),
    "empty": (lambda p: Post(p, body=b""), 400),
    "a list": (lambda p: Post(p, body=b"[]"), 400),
    "a number": (lambda p: Post(p, body=b"17"), 400),
    "no data": (lambda p: Post(p, body=b'{"message": {}}'), 400),
    "data that is a list": (lambda p: Post(p, body=b'{"message": {"data": []}}'), 400),
    "data that is no base64": (lambda p: Post(p, body=b'{"message": {"data": "!!"}}'), 400),
    "deep": (lambda p: Post(p, body=b"[" * 100_000), 400),
    "oversized": (lambda p: Post(p, body=b" " * 1_000_001), 413),
    "a GET": (lambda p: Post(p, method="GET"), 405),
    "a PUT": (lambda p: Post(p, method="PUT"), 405),
    "a DELETE": (lambda p: Post(p, method="DELETE"), 405),
    "an unknown alias": (lambda p: Post(p, "nobody"), 404),
    "the alias of another provider": (lambda p: Post(p, "sms"), 403),
    "a handshake with another token": (
        lambda p: Post(p, body=json.dumps({"clientToken": "wrong", "secret": "1"}).encode()),
        403,
    ),
    "a handshake without anything": (
        lambda p: Post(p, headers={"X-Goog-Webhook-Type": "verification"}, body=b"{}"),
        400,
    ),
}


@pytest.mark.parametrize(("spoil", "answer"), SPOILT.values(), ids=SPOILT)
def test_what_is_refused_leaves_nothing(
    spoil: Callable[[Json], Post], answer: int, accepted: Transmission, stage: Stage
) -> None:
    assert spoil(event("DELIVERED", accepted)).send(stage) == answer
    stage.work()
    assert (stored(), status(accepted)) == (0, Status.ACCEPTED)
    assert not Message.objects.filter(direction="in").exists()


def test_the_same_request_unspoilt(accepted: Transmission, stage: Stage) -> None:
    """Without this one the table above could be passed by refusing everything."""
    assert Post(event("DELIVERED", accepted)).send(stage) == 200
    stage.work()
    assert (stored(), status(accepted)) == (1, Status.DELIVERED)


OTHER = "5f1c9f0e-5b0a-4d7e-9a34-1f2d3c4b5a69"
SENSELESS: dict[str, Callable[[Transmission], Any]] = {
    "another agent's event": lambda t: event("DELIVERED", t, agentId="other@rbm.goog"),
    "another agent's word": lambda t: {
        "senderPhoneNumber": ALICE,
        "messageId": "m",
        "text": "Hi",
        "agentId": "x",
    },
    "an event of a kind to come": lambda t: event("TRANSLATED", t),
    "a server event of a kind to come": lambda t: {
        **event("TTL_EXPIRATION_POSTPONED", t),
        "phoneNumber": ALICE,
        "senderPhoneNumber": None,
    },
    "a kind to come about nothing": lambda t: event("WAVED"),
    "unspecified": lambda t: event("EVENT_TYPE_UNSPECIFIED", t),
    "delivered: nothing": lambda t: event("DELIVERED"),
    "delivered: unknown": lambda t: event("DELIVERED", messageId=OTHER),
    "delivered: no UUID": lambda t: event("DELIVERED", messageId="Mx123"),
    "delivered: a number": lambda t: event("DELIVERED", messageId=17),
    "delivered: a list": lambda t: event("DELIVERED", messageId=[str(t.pk)]),
    "a kind that is a list": lambda t: {**event("", t), "eventType": ["DELIVERED"]},
    "launched": lambda t: {"eventId": "acme/1", "agentId": "acme@rbm.goog", "newLaunchState": "SUSPENDED"},
    "nothing": lambda t: {},
    "a list": lambda t: [event("DELIVERED", t)],
    "a string": lambda t: "DELIVERED",
    "null": lambda t: None,
    "nobody's word": lambda t: {"text": "Hi", "messageId": "m"},
    "a place outside the world": lambda t: {
        "senderPhoneNumber": ALICE,
        "messageId": "m",
        "location": {"latitude": 1e9, "longitude": "x"},
    },
}


@pytest.mark.parametrize("build", SENSELESS.values(), ids=SENSELESS)
def test_what_makes_no_sense_is_taken_and_changes_nothing(
    build: Callable[[Transmission], Any], accepted: Transmission, stage: Stage
) -> None:
    """It is signed, so Google would repeat it for a week; nobody is answered, and what follows is not held up."""
    assert Post(build(accepted)).send(stage) == 200
    assert Post(event("READ", messageId=OTHER)).send(stage) == 200
    stage.work()
    assert (stored(), status(accepted)) == (2, Status.ACCEPTED)
    assert Message.objects.filter(direction="out").count() == 1
    assert not Consent.objects.exists()
    assert not StoredWebhook.objects.filter(digested_at=None).exists()


@pytest.mark.parametrize(
    "data", [b"", b"DELIVERED", b"\xff", b'{"a": NaN}', b"[" * 50_000, b'{"a":' * 5_000, b"9" * 5000]
)
def test_signed_rubbish(data: bytes, accepted: Transmission, stage: Stage) -> None:
    assert Post(None, data=data).send(stage) == 200
    stage.work()
    assert (stored(), status(accepted)) == (1, Status.ACCEPTED)
    assert StoredWebhook.objects.get().note.startswith("failed")


@pytest.mark.parametrize(
    "more",
    [
        {"sendTime": "yesterday"},
        {"sendTime": "9999-12-31T23:59:59.999999999Z"},
        {"sendTime": "0001-01-01T00:00:00+14:00"},
        {"sendTime": 17},
        {"eventId": ""},
        {"eventId": "x" * 5000},
        {"agentId": ""},
        {"agentId": "acme"},
        {"extra": {"deep": [10**400, None]}},
        {"carrier": "\0"},
    ],
    ids=repr,
)
def test_oddities_around_a_true_event(more: Json, accepted: Transmission, stage: Stage) -> None:
    assert Post(event("DELIVERED", accepted, **more)).send(stage) == 200
    stage.work()
    assert (status(accepted), StoredWebhook.objects.get().note) == (Status.DELIVERED, "")


@pytest.mark.parametrize("digested", ["each", "together"])
@pytest.mark.parametrize(
    "payload",
    [
        event("UNSUBSCRIBE"),
        {"senderPhoneNumber": ALICE, "messageId": "Mx1", "text": "hello"},
        {"senderPhoneNumber": ALICE, "eventId": "Mx2", "suggestionResponse": {"postbackData": "keep_7"}},
    ],
    ids=["event", "text", "tap"],
)
def test_a_replay_is_one_row_and_one_answer(
    payload: Json, digested: str, accepted: Transmission, stage: Stage
) -> None:
    for _ in range(3):
        assert Post(payload).send(stage) == 200
        if digested == "each":
            intake.digest()
    stage.work()
    assert stored() == 1
    assert Message.objects.filter(direction="out").count() == 2, "the first message, and one answer"


def test_an_old_event_sent_again_later(accepted: Transmission, stage: Stage) -> None:
    said = Post(event("DELIVERED", accepted))
    said.send(stage)
    Post(event("READ", accepted)).send(stage)
    stage.work()
    said.send(stage)
    stage.work()
    assert (status(accepted), stored()) == (Status.READ, 2)
    assert Event.objects.filter(transmission=accepted, kind="receipt").count() == 2


def test_an_event_for_another_backends_message(accepted: Transmission, stage: Stage) -> None:
    """Each alias speaks of its own messages only, even with the same token."""
    assert Post(event("DELIVERED", accepted, agentId="solo@rbm.goog"), "solo").send(stage) == 200
    stage.work()
    assert status(accepted) == Status.ACCEPTED


def test_a_message_from_somebody_new(accepted: Transmission, stage: Stage) -> None:
    assert Post({"senderPhoneNumber": BOB, "messageId": "m1", "text": "Hi\0!"}).send(stage) == 200
    stage.work()
    assert Message.objects.get(direction="in").connection.identity == BOB
    assert [m["text"] for m in stage.shown(BOB)] == ["What?"]


def raw(stage: Stage, request: bytes) -> bytes:
    """Bytes that no client library would send; the first line of the answer, if any."""
    host, _, port = stage.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").readline()


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 1000",  # and then hangs up
        b"Content-Length: -5",
        b"Content-Length: abc",
        b"Content-Length: 99999999999999999999",
        b"Content-Length: \xc2\xb2",
        b"Transfer-Encoding: chunked",
        b"",
    ],
    ids=repr,
)
def test_a_request_that_breaks_off(headers: bytes, accepted: Transmission, stage: Stage) -> None:
    start = b"POST /rcs/webhooks/acme/ HTTP/1.1\r\nHost: x\r\nX-Goog-Signature: x\r\n" + headers
    answer = raw(stage, start + b'\r\n\r\n{"message":')
    stage.quiet()
    assert answer == b"" or answer.split()[1] in {b"400", b"401", b"411", b"413"}, answer
    assert (stored(), status(accepted)) == (0, Status.ACCEPTED)


# Kannel: a secret in the address, and nothing signed.


@pytest.fixture
def texted(stage: Stage) -> Transmission:
    stage.phone(online=False)
    stage.fault("lost", "webhook", provider="kannel")
    t = stage.send(alias="sms")
    stage.drain("sms")
    return t


def ask(stage: Stage, query: Json, method: str = "GET", alias: str = "sms", **more: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        url = f"{stage.webhook(alias)}?{urlencode(query, doseq=True)}"
        return session.request(method, url, timeout=20, **more).status_code


@pytest.mark.parametrize(
    "secret", [None, "", "wrong", WEBHOOK_SECRET.upper(), WEBHOOK_SECRET + "\0", "ä", ["wrong", ""]]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_its_secret_kannel_is_not_believed(
    secret: Any, method: str, texted: Transmission, stage: Stage
) -> None:
    query = {"id": str(texted.pk), "status": "1"} | ({} if secret is None else {"secret": secret})
    assert ask(stage, query, method) == 403
    stage.work()
    assert (stored(), status(texted)) == (0, Status.ACCEPTED)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
def test_other_methods(method: str, texted: Transmission, stage: Stage) -> None:
    assert ask(stage, {"secret": WEBHOOK_SECRET, "id": str(texted.pk), "status": "1"}, method) == 405
    assert stored() == 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "1"}, Status.DELIVERED),
        (
            {"status": "1", "at": "tomorrow", "text": "\0\ud800".encode("utf-8", "surrogatepass")},
            Status.DELIVERED,
        ),
        ({"status": "1", "at": "99999999999"}, Status.DELIVERED),
        ({"status": "2"}, Status.FAILED),
        ({"status": "8"}, Status.ACCEPTED),
        ({"status": "4"}, Status.ACCEPTED),
        ({"status": "99"}, Status.ACCEPTED),
        ({"status": ""}, Status.ACCEPTED),
        ({"status": "1 OR 1=1"}, Status.ACCEPTED),
        ({"status": "1", "id": ""}, Status.ACCEPTED),
        ({"status": "1", "id": "nobody"}, Status.ACCEPTED),
        ({"status": "1", "id": OTHER}, Status.ACCEPTED),
        ({"text": "no sender"}, Status.ACCEPTED),
        ({"from": ALICE}, Status.ACCEPTED),
    ],
    ids=repr,
)
def test_reports_by_hand(query: Json, expected: Status, texted: Transmission, stage: Stage) -> None:
    for _ in range(2):
        assert ask(stage, {"secret": WEBHOOK_SECRET, "id": str(texted.pk), **query}) == 200
    stage.work()
    assert status(texted) == expected
    assert not StoredWebhook.objects.filter(digested_at=None).exists()


def test_the_secret_is_not_kept(texted: Transmission, stage: Stage) -> None:
    ask(stage, {"secret": WEBHOOK_SECRET, "id": str(texted.pk), "status": "1"})
    row = StoredWebhook.objects.get()
    assert WEBHOOK_SECRET not in json.dumps([row.query, row.headers]) + bytes(row.body).decode()


def test_a_report_never_settles_another_backends_message(accepted: Transmission, stage: Stage) -> None:
    assert ask(stage, {"secret": WEBHOOK_SECRET, "id": str(accepted.pk), "status": "2"}) == 200
    stage.work()
    assert status(accepted) == Status.ACCEPTED


def test_kannels_post(stage: Stage) -> None:
    """post-url: the text is the body, the rest are headers."""
    headers = {"X-Kannel-From": ALICE, "X-Kannel-To": "12345", "Content-Type": "text/plain; charset=UTF-8"}
    query = {"secret": WEBHOOK_SECRET}
    assert ask(stage, query, "POST", data="Tere õhtust".encode(), headers=headers) == 200
    stage.work()
    assert Message.objects.get(direction="in").text == "Tere õhtust"


def test_an_oversized_sms(stage: Stage) -> None:
    assert ask(stage, {"secret": WEBHOOK_SECRET, "from": ALICE}, "POST", data=b"x" * 1_000_001) == 413
    assert stored() == 0
