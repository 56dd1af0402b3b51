"""What a person does without a word, on each wire that tells it: the signals that a project may listen to."""

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.dispatch import Signal
from django.test import Client

from rcs_router import lookup_connections
from rcs_router.inbox import intake
from rcs_router.models import Contact, Message
from rcs_router.signals import identities_linked, typing_received
from tests.backends.google import AGENT, TOKEN, key_file
from tests.core import ALICE

from .sites import GSMA, SECRET, site

TOLD_AT = datetime(2026, 11, 28, 7, tzinfo=UTC)
HIDDEN = "tk-7Q9x"
GOOGLE = {
    "BACKEND": "rcs_backends.google_rbm.GoogleRBM",
    "OPTIONS": {"agent_id": AGENT, "service_account": key_file(), "client_token": TOKEN},
}
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """What the signal tells in the meantime."""
    told: list[dict[str, Any]] = []

    def receiver(sender: Any, signal: Signal, **kwargs: Any) -> None:
        told.append(kwargs)

    signal.connect(receiver)
    try:
        yield told
    finally:
        signal.disconnect(receiver)


def google(payload: dict[str, Any]) -> None:
    data = json.dumps({"agentId": AGENT, "senderPhoneNumber": ALICE, **payload}).encode()
    signature = base64.b64encode(hmac.digest(TOKEN.encode(), data, "sha512")).decode()
    envelope = {"message": {"data": base64.b64encode(data).decode()}}
    post("google", envelope, "x-goog-signature", signature)


def gsma(payload: dict[str, Any]) -> None:
    post("gsma", payload, "authorization", SECRET)


def post(alias: str, payload: dict[str, Any], header: str, value: str) -> None:
    answer = Client().post(
        f"/rcs/webhooks/{alias}/", json.dumps(payload), "application/json", headers={header: value}
    )
    assert answer.status_code == 200
    intake.digest()


def google_types() -> None:
    google({"eventType": "IS_TYPING", "eventId": "ev-1", "sendTime": "2026-11-28T07:00:00Z"})


def gsma_types(word: str) -> Callable[[], None]:
    message = {"msgId": "M-1", "isTyping": word, "timestamp": "2026-11-28T07:00:00Z"}
    body = {"event": "isTyping", "RCSMessage": message, "messageContact": {"userContact": ALICE}}
    return lambda: gsma(body)


@pytest.mark.parametrize(
    ("does", "active"),
    [
        pytest.param(google_types, True, id="Google"),
        pytest.param(gsma_types("active"), True, id="GSMA, begins"),
        pytest.param(gsma_types("idle"), False, id="GSMA, stops"),
        pytest.param(gsma_types("inactive"), False, id="GSMA, stops by one vendor's word"),
    ],
)
def test_a_person_who_types_is_signalled(settings: Any, does: Callable[[], None], active: bool) -> None:
    site(settings, {"google": GOOGLE, "gsma": GSMA})
    with heard(typing_received) as told:
        does()
    ((only),) = told
    assert only["connection"].identity == ALICE
    assert (only["active"], only["at"]) == (active, TOLD_AT)
    assert not Message.objects.exists()


def alias_event() -> dict[str, Any]:
    said = {"msgId": "M-2", "timestamp": "2026-11-28T07:00:00Z"}
    both = {"userContact": ALICE, "chatId": HIDDEN}
    return {"event": "alias", "RCSMessage": said, "messageContact": both}


def test_a_token_and_a_number_that_are_one_person_are_signalled(settings: Any) -> None:
    site(settings, {"gsma": GSMA})
    (hidden,) = lookup_connections("gsma", [HIDDEN])
    with heard(identities_linked) as told:
        gsma(alias_event())
    ((only),) = told
    assert only["connection"].identity == ALICE
    assert only["others"] == [hidden]
    assert only["contact"] == Contact.objects.get()
    assert only["at"] == TOLD_AT


@pytest.mark.parametrize(
    ("does", "signal"),
    [(gsma_types("active"), typing_received), (lambda: gsma(alias_event()), identities_linked)],
    ids=["typing", "alias"],
)
def test_a_receiver_that_raises_loses_nothing(settings: Any, does: Any, signal: Signal) -> None:
    site(settings, {"gsma": GSMA})

    def broken(**kwargs: Any) -> None:
        raise ValueError

    signal.connect(broken)
    try:
        with heard(signal) as told:
            does()
    finally:
        signal.disconnect(broken)
    assert len(told) == 1
    assert lookup_connections("gsma", [ALICE])[0].events.exists()
