"""`fields["extra"]` adds to a request what its backend lists, and never changes to whom, by whom or for how long."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from rcs_router import lookup_connections, send
from rcs_router.backends import backends
from rcs_router.content import Text
from rcs_router.contract import Outbound, SendResult, sorted_extra
from rcs_router.errors import SendError
from rcs_router.models import Message
from rcs_router.outbox import drain
from rcs_router.testing import MemoryBackend
from tests.backends.stub import Stub
from tests.core import ALICE, BOB, memory

from . import raw
from .sites import GSMA, KANNEL, MESSENTE, OURS, RCS, REST, TWILIO, options, site

pytestmark = pytest.mark.django_db
SERVICE = "MG" + "7" * 32
SITES = {
    **raw.ALL,
    "re": options(REST, names={"conversationId": "to", "message": "body"}, extra=("tag", "billing.unit")),
    "gs": options(GSMA, extra=("ttl", "RCSMessage.priority")),
    "tw": options(TWILIO, senders=("+15005550007", SERVICE)),
    "ka": options(KANNEL, sender="Shop", senders=("Other",)),
}

# What would change who gets a message, who sends it, where it is reported to, how long it lives, what it falls back to.
ATTACKS: dict[str, list[dict[str, Any]]] = {
    "go": [
        {"ttl": "1s"},
        {"ttl": None},
        {"expireTime": "2030-01-01T00:00:00Z"},
        {"name": f"phones/{BOB}/agentMessages/1"},
        {"representative": {"representativeType": "HUMAN"}},
        {"agentId": "other"},
        {"messageId": "1"},
        {"access_token": "x"},
        {"phones": [BOB]},
        {"contentmessage": {"text": "x"}},
        {"contentMessage.text": "x"},
        {" contentMessage": {"text": "x"}},
        {"": {"contentMessage": {"text": "x"}}},
    ],
    "gs": [
        {"messageContact": {"userContact": BOB}},
        {"messageContact": {"chatId": "tk-1"}},
        {"messageContact": None},
        {"RCSMessage": None},
        {"RCSMessage": "x"},
        {"RCSMessage": []},
        {"RCSMessage": {"msgId": "1"}},
        {"RCSMessage": {"expiry": None}},
        {"RCSMessage": {"timestamp": "x"}},
        {"RCSMessage.textMessage": "x"},
        {"rcsMessage": {"textMessage": "x"}},
        {"callbackUrl": "https://evil.example"},
        {"destinationAddress": [BOB]},
        {"senderAddress": "sip:other@x"},
        {"smsContent": "x"},
    ],
    "re": [
        {"to": BOB},
        {"conversationId": BOB},
        {"messageId": "1"},
        {"fallbackText": "x"},
        {"fallbackText": None},
        {"sender": "x"},
        {"webhook": "https://evil.example"},
        {"message": {"text": "x"}},  # that is another field on this platform
        {"billing": None},
        {"billing": {"account": "x"}},
        {"body.text": "x"},
    ],
    "me": [
        {"to": BOB},
        {"messages": [{"channel": "sms", "sender": "Other", "text": "x"}]},
        {"messages": None},
        {"messages": {"0": {"sender": "x"}}},
        {"dlr_url": "https://evil.example"},
        {"dlr_url": None},
        {"sender": "x"},
        {"ttl": 1},
        {"validity": 1},
        {"username": "x"},
    ],
    "ka": [
        {"to": BOB},
        {"text": "x"},
        {"from": "Bank"},
        {"from": ["Bank"]},
        {"from": {"a": 1}},
        {"dlr-url": "https://evil.example"},
        {"dlr-mask": 0},
        {"validity": 1},
        {"username": "x"},
        {"password": "x"},
        {"user": "x"},
        {"pass": "x"},
        {"TO": BOB},
        {"to ": BOB},
        {"udh": "x"},
        {"coding": 2},
    ],
    "tw": [
        {"To": BOB},
        {"Body": "x"},
        {"From": "+15005550999"},
        {"From": ["+15005550007", "+15005550999"]},
        {"MessagingServiceSid": "MG" + "9" * 32},
        {"FallbackFrom": "+15005550999"},
        {"ApplicationSid": "AP1"},
        {"StatusCallback": "https://evil.example"},
        {"ValidityPeriod": 1},
        {"AccountSid": "AC1"},
        {"from": "+15005550999"},
        {"MaxPrice": "9"},
        {"To\0": BOB},
    ],
}
CASES = [(alias, attack) for alias, attacks in ATTACKS.items() for attack in attacks]

ALLOWED: dict[str, dict[str, Any]] = {
    "go": {"contentMessage": {"text": "other", "suggestions": None}, "messageTrafficType": "ACKNOWLEDGEMENT"},
    "gs": {
        "ttl": "1s",
        "RCSMessage": {"priority": 1, "reportRequest": ["Delivered"], "fileMessage": {"a": 1}},
    },
    "re": {"body": {"lang": "et"}, "tag": [1], "billing": {"unit": "x"}},
    "me": {"time_to_send": "2030-01-01T00:00:00Z", "text_store": "sha256", "priority": None},
    "ka": {"from": "Other", "mclass": 1, "priority": 3, "smsc": "x", "account": "a", "deferred": 5},
    "tw": {"From": "+15005550007", "MessagingServiceSid": SERVICE, "MediaUrl": ["https://e.example/1"]},
}


@pytest.fixture(autouse=True)
def all_wires(settings: Any) -> None:
    site(settings, SITES)


@pytest.mark.parametrize(("alias", "attack"), CASES, ids=repr)
def test_send_refuses_it_and_names_the_key(alias: str, attack: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as raised:
        send("Hello", lookup_connections(alias, [ALICE]), fields={"extra": {alias: attack}})
    name = str(next(iter(attack)))
    assert ("has a NUL" if "\0" in name else f'fields["extra"]["{alias}"]: {name}') in str(raised.value)
    assert not Message.objects.exists()


@pytest.mark.parametrize(("alias", "attack"), CASES, ids=repr)
def test_the_api_refuses_it_and_names_the_key(alias: str, attack: dict[str, Any]) -> None:
    """A token that may send may not reach whom it likes."""
    user = User.objects.create_user("robot")
    user.user_permissions.add(Permission.objects.get(codename="add_message"))
    client = Client()
    client.force_login(user)
    recipients = {"backend": alias, "identities": [ALICE]}
    body = {"content": "Hello", "recipients": recipients, "fields": {"extra": {alias: attack}}}
    answer = client.post("/rcs/api/messages/", body, content_type="application/json")
    assert answer.status_code == 400
    nul = any("\0" in name for name in attack)
    assert nul or str(next(iter(attack))) in answer.json()["detail"]
    assert not Message.objects.exists()


@pytest.mark.parametrize(("alias", "attack"), CASES, ids=repr)
def test_what_is_stored_all_the_same_changes_no_request(
    alias: str, attack: dict[str, Any], stub: Stub
) -> None:
    """Rows of an older release, or of a router app that changed `fields` itself."""
    assert requested(alias, attack, stub) == requested(alias, {}, stub)


@pytest.mark.parametrize("alias", ALLOWED)
def test_what_a_backend_lists_is_taken(alias: str, stub: Stub) -> None:
    extra = ALLOWED[alias]
    send("Hello", lookup_connections(alias, [ALICE]), fields={"extra": {alias: extra}})
    assert requested(alias, extra, stub) != requested(alias, {}, stub)


@pytest.mark.parametrize("alias", sorted(SITES))
def test_what_is_allowed_is_merged_beside_what_is_not(alias: str, stub: Stub) -> None:
    for attack in ATTACKS[alias]:
        if not set(attack) & set(ALLOWED[alias]):
            assert requested(alias, {**ALLOWED[alias], **attack}, stub) == requested(
                alias, ALLOWED[alias], stub
            )


ID = uuid4()
ADDRESS = {"go": "base_url", "gs": "api_url", "re": "url", "me": "base_url", "ka": "url", "tw": "base_url"}


def requested(alias: str, extra: dict[str, Any], stub: Stub) -> tuple[Any, ...]:
    """The request that leaves: its address, headers and body."""
    given = {**SITES[alias]["OPTIONS"], ADDRESS[alias]: stub.url}
    cls = type(backends[alias])
    backend = cls(alias, cls.Options.read(alias, given), webhook_url="https://shop.example/rcs/webhooks/x/")
    if alias == "go":
        backend._tokens.get = lambda: "token"  # type: ignore[attr-defined]
    before = len(stub.requests)
    with suppress(SendError):  # the stub says nothing that a provider would
        backend.send(Outbound(ID, ALICE, Text("Hello"), "Hello", extra=extra))
    assert len(stub.requests) == before + 1
    last = stub.last()
    return last.method, last.target, last.headers.get("authorization"), last.body


@pytest.fixture
def stub() -> Any:
    server = Stub()
    yield server
    server.close()


def test_the_fallback_s_keys_are_checked_too(settings: Any) -> None:
    site(settings, {"rcs": {**RCS, "FALLBACK": ["sms"]}, "sms": TWILIO})
    with pytest.raises(ValueError, match="To may not be set"):
        send("Hello", lookup_connections("rcs", [ALICE]), fields={"extra": {"sms": {"To": BOB}}})


class Plain(MemoryBackend):
    """A backend of somebody's own that lists nothing."""

    extra = frozenset()

    def send(self, outbound: Outbound) -> SendResult:
        return super().send(outbound)


class Some(MemoryBackend):
    extra = frozenset({"tag", "message.lang"})


def test_a_backend_that_lists_nothing_takes_nothing(settings: Any) -> None:
    site(settings, {"rcs": {"BACKEND": f"{__name__}.Plain"}})
    with pytest.raises(ValueError, match="x may not be set; this backend takes nothing there"):
        send("Hello", lookup_connections("rcs", [ALICE]), fields={"extra": {"rcs": {"x": 1}}})


def test_a_backend_of_somebody_s_own_gets_only_what_it_lists(settings: Any) -> None:
    site(settings, {"rcs": {"BACKEND": f"{__name__}.Some"}})
    message = send("Hello", lookup_connections("rcs", [ALICE]), fields={"extra": {"rcs": {"tag": 1}}})
    stored = {"tag": 1, "to": BOB, "message": {"lang": "et", "to": BOB}}
    Message.objects.filter(pk=message.pk).update(fields={"extra": {"rcs": stored}})
    drain.drain("rcs", budget=5)
    assert memory().sent[0].extra == {"tag": 1, "message": {"lang": "et"}}


@pytest.mark.parametrize(
    ("extra", "kept", "refused"),
    [
        ({}, {}, []),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"a": None}, {}, ["a"]),
        ({"a": {"b": None, "c": 1}}, {"a": {"b": None}}, ["a.c"]),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {"c": {"d": 1}}}}, []),
        ({"a.b": 1}, {}, ["a.b"]),
        ({"a": {"": {"b": 1}}}, {}, ["a."]),
        ({"x": {"y": 1, "z": 2}}, {"x": {"y": 1, "z": 2}}, []),
        ({1: 2}, {}, ["1"]),
    ],
)
def test_paths(extra: Any, kept: Any, refused: list[str]) -> None:
    assert sorted_extra(extra, {"a.b", "x"}) == (kept, refused)


@pytest.mark.parametrize(
    ("backend", "extra"),
    [
        (GSMA, "messageContact"),
        (GSMA, "messageContact.userContact"),
        (GSMA, "RCSMessage"),
        (GSMA, "RCSMessage.expiry"),
        (GSMA, "RCSMessage.msgId"),
        (GSMA, "*"),
        (REST, "conversationId"),
        (REST, "messageId"),
        (REST, "fallbackText"),
        (REST, "*"),
        (options(REST, names={"conversationId": "to"}), "to"),
    ],
)
def test_an_option_cannot_allow_it_either(backend: dict[str, Any], extra: str, settings: Any) -> None:
    site(settings, {"acme": options(backend, extra=(extra,))})
    assert [one for one in backends["acme"].problems() if extra in one]


def test_the_senders_of_the_options_may_be_named(settings: Any) -> None:
    site(settings, {"tw": TWILIO, "ka": options(KANNEL, sender="Shop"), "me": MESSENTE})
    for alias, extra in {"tw": {"From": OURS}, "ka": {"from": "Shop"}}.items():
        send("Hello", lookup_connections(alias, [ALICE]), fields={"extra": {alias: extra}})
