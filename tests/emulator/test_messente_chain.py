"""What becomes of an omnimessage: tried in turn, called back, asked for, scheduled, cancelled."""

import json
from typing import Any

import pytest
from django.test import Client

from rcs_backends.emulator.phones import Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import hex_sha256, outbox
from rcs_backends.emulator.wire.messente import WIRE, callbacks
from rcs_backends.emulator.wire.messente.store import Leg, MessenteStore
from rcs_backends.emulator.wires import Problem, Said
from tests.emulator.conftest import NUMBER, Phone, Received, Receiver
from tests.emulator.test_messente_validation import RCS, SMS, basic, call, omnimessage

VIBER = {"channel": "viber", "sender": "Acme", "text": "Hello"}
WHATSAPP = {"channel": "whatsapp", "sender": "Acme", "text": {"body": "Hello"}}


@pytest.fixture
def account(receiver: Receiver) -> Receiver:
    """The default account, whose calls go to the receiver."""
    urls = {"dlr_url": f"{receiver.url}/dlr?team=7", "mo_url": f"{receiver.url}/mo"}
    world.configure({"messente": {"accounts": {"tester": urls}}})
    return receiver


def dials(**values: Any) -> None:
    world.configure({"messente": values})


def send(client: Client, *messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = call(client, "POST", "omnimessage", omnimessage(*messages, **fields))
    assert answer.status_code == 201, answer.content
    return answer.json()


def statuses(client: Client, sent: dict[str, Any]) -> list[str | None]:
    answer = call(client, "GET", f"omnimessage/{sent['omnimessage_id']}/status")
    assert answer.status_code == 200
    return [one["status"] for one in answer.json()["statuses"]]


def settled(sent: dict[str, Any], *expected: str | None) -> bool:
    """Wait until the channels have these statuses."""
    legs = world.store(MessenteStore).omnimessages[sent["omnimessage_id"]].legs
    return world.wait_for(lambda: [leg.status for leg in legs] == list(expected))


def reports(receiver: Receiver, count: int) -> list[tuple[str, str, int]]:
    """What was called back so far, in the order of arrival."""
    bodies = [json.loads(request.body) for request in receiver.wait(count)]
    return [(body["channel"], body["status"], body["err"]) for body in bodies]


# Signatures


@pytest.mark.parametrize(
    ("secret", "body", "signature"),
    [
        (
            "emu-pass",
            b'{"status": "DELIVRD", "sender": "ACME", "err": 0, "message_id": "m-1", "to": "+37251000000", '
            b'"channel": "rcs", "error": null, "omnimessage_id": "o-1", '
            b'"timestamp": "2026-01-02T03:04:05.678901"}',
            "19b5b3225d6172bdcfafb78cec75f8675cdc24bdde5dd9426e1d1a820cab7e75",
        ),
        (
            "shared-secret",
            b'{"msg_id": "mo-1", "sub_msg_id": "mo-1-a", "channel": "sms", "recipient": "1234", '
            b'"time": "2026-01-02T03:04:05.000000Z", "text": "STOP", "sender": "+37251000000"}',
            "107d40ee48b20e73509c3acfaa868a4119919351edc058395f9407b3a78949a2",
        ),
    ],
)
def test_signatures(secret: str, body: bytes, signature: str):
    assert hex_sha256(secret, body) == signature


def signed_by(request: Received, secret: str) -> bool:
    return request.headers.get("X-Messente-Signature") == hex_sha256(secret, request.body)


# The chain

CHAINS = [  # dials, phone, messages → statuses, reports
    ({}, {}, [RCS], ["DELIVRD"], [("rcs", "ACK", 0), ("rcs", "DELIVRD", 0)]),
    (
        {},
        {},
        [RCS, SMS],
        ["DELIVRD", None],
        [("rcs", "ACK", 0), ("rcs", "DELIVRD", 0)],
    ),
    ({}, {"rcs": False}, [RCS], ["UNDELIV"], [("rcs", "UNDELIV", 1)]),
    (
        {},
        {"rcs": False},
        [RCS, SMS],
        ["UNDELIV", "DELIVRD"],
        [("rcs", "UNDELIV", 1), ("sms", "ACK", 0), ("sms", "DELIVRD", 0)],
    ),
    (
        {},
        {"rcs": False},
        [RCS, VIBER, WHATSAPP, SMS],
        ["UNDELIV", "UNDELIV", "UNDELIV", "DELIVRD"],
        [
            ("rcs", "UNDELIV", 1),
            ("viber", "ACK", 0),
            ("viber", "UNDELIV", 1),
            ("whatsapp", "ACK", 0),
            ("whatsapp", "UNDELIV", 1),
            ("sms", "ACK", 0),
            ("sms", "DELIVRD", 0),
        ],
    ),
    (
        {"viber_outcome": "delivered"},
        {"rcs": False},
        [RCS, VIBER, SMS],
        ["UNDELIV", "DELIVRD", None],
        [("rcs", "UNDELIV", 1), ("viber", "ACK", 0), ("viber", "DELIVRD", 0)],
    ),
    *(
        (
            {"rcs_outcome": outcome.lower()},
            {},
            [RCS, SMS],
            [outcome, "DELIVRD"],
            [("rcs", "ACK", 0), ("rcs", outcome, err), ("sms", "ACK", 0), ("sms", "DELIVRD", 0)],
        )
        for outcome, err in [("UNDELIV", 1), ("FAILED", 1), ("REJECTD", 8), ("NACK", 9), ("EXPIRED", 2)]
    ),
    (
        {"sms_outcome": "undeliv", "err": 3},
        {},
        [SMS],
        ["UNDELIV"],
        [("sms", "ACK", 0), ("sms", "UNDELIV", 3)],
    ),
    (
        {"rcs_outcome": "unknown"},
        {},
        [RCS, SMS],
        ["UNKNOWN", None],
        [("rcs", "ACK", 0), ("rcs", "UNKNOWN", 999)],
    ),
]


@pytest.mark.parametrize(("changes", "handset", "messages", "expected", "told"), CHAINS)
def test_the_chain(
    client: Client,
    phone: Phone,
    account: Receiver,
    changes: dict[str, Any],
    handset: dict[str, Any],
    messages: list[dict[str, Any]],
    expected: list[str | None],
    told: list[tuple[str, str, int]],
):
    dials(**changes)
    phone.set(**handset)
    sent = send(client, *messages)
    assert settled(sent, *expected), statuses(client, sent)
    assert reports(account, len(told)) == told
    assert statuses(client, sent) == expected
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(account.requests) == len(told), "and nothing more"


def test_the_phone_shows_only_what_was_delivered(client: Client, phone: Phone):
    phone.set(rcs=False)
    sent = send(client, RCS, SMS)
    assert settled(sent, "UNDELIV", "DELIVRD")
    shown = [(one["channel"], one["agent"], one["state"]) for one in phone.messages()]
    assert shown == [("rcs", "Acme", "expired"), ("sms", "ACME", "delivered")]


def test_a_channel_whose_time_is_over_makes_room_for_the_next(
    client: Client, phone: Phone, account: Receiver
):
    dials(time_scale=0.0001)
    phone.set(online=False)
    sent = send(client, {**RCS, "validity": 1}, {**SMS, "ttl": 10**6})
    assert settled(sent, "EXPIRED", "ACK")
    phone.set(online=True)
    assert settled(sent, "EXPIRED", "DELIVRD")
    told = [("rcs", "ACK", 0), ("rcs", "EXPIRED", 2), ("sms", "ACK", 0), ("sms", "DELIVRD", 0)]
    assert reports(account, 4) == told
    assert [one["state"] for one in phone.messages()] == ["expired", "delivered"]


def test_validity_is_minutes_and_ttl_seconds(client: Client):
    sent = send(client, {**RCS, "validity": 5}, {**SMS, "ttl": 5})
    legs = world.store(MessenteStore).omnimessages[sent["omnimessage_id"]].legs
    assert [leg.limit for leg in legs] == [300, 5]


def test_a_message_whose_time_is_over_may_still_come_late(client: Client, phone: Phone, account: Receiver):
    dials(time_scale=0.0001, late=True)
    phone.set(online=False)
    sent = send(client, {**RCS, "validity": 1}, SMS)
    assert settled(sent, "EXPIRED", "ACK")
    phone.set(online=True)
    assert settled(sent, "DELIVRD", "DELIVRD"), "twice, and both are told"
    assert [one["state"] for one in phone.messages()] == ["delivered", "delivered"]


def test_a_late_failure_moves_nothing_on(client: Client, phone: Phone, account: Receiver):
    world.configure({"delivery_delay": 0.02})
    dials(time_scale=0, late=True, rcs_outcome="undeliv", viber_outcome="delivered")
    sent = send(client, {**RCS, "ttl": 1}, SMS, VIBER)
    assert settled(sent, "UNDELIV", "DELIVRD", None)
    assert reports(account, 5)[0] == ("rcs", "EXPIRED", 2)
    assert len(phone.messages()) == 2, "nobody began with the third"


def test_an_unknown_status_does_not_stop_the_clock(client: Client, phone: Phone, account: Receiver):
    dials(rcs_outcome="unknown", time_scale=0.0001)
    sent = send(client, {**RCS, "ttl": 60}, SMS)
    assert settled(sent, "EXPIRED", "DELIVRD")
    assert [one["state"] for one in phone.messages()] == ["delivered", "delivered"]


def test_what_was_delivered_does_not_expire(client: Client, phone: Phone):
    dials(time_scale=0.0001)
    sent = send(client, {**RCS, "ttl": 1}, SMS)
    assert settled(sent, "DELIVRD", None)
    world.wait_for(lambda: False, timeout=0.05)
    assert statuses(client, sent) == ["DELIVRD", None]


def test_reading_is_seen_except_of_an_sms(client: Client, phone: Phone, account: Receiver):
    dials(viber_outcome="delivered")
    sent = [send(client, one) for one in (RCS, SMS, VIBER)]
    for one in sent:
        assert settled(one, "DELIVRD")
    phone.do("read")
    assert [statuses(client, one) for one in sent] == [["SEEN"], ["DELIVRD"], ["SEEN"]]
    seen = [one for one in reports(account, 8) if one[1] == "SEEN"]
    assert seen == [("rcs", "SEEN", 10), ("viber", "SEEN", 10)]


def test_a_number_on_the_blacklist_gets_nothing(client: Client, phone: Phone, account: Receiver):
    answer = call(client, "POST", "phonebook/blacklist", {"phoneNumber": NUMBER})
    assert answer.status_code == 204
    sent = send(client, RCS, SMS)
    assert settled(sent, "REJECTD", "REJECTD")
    assert reports(account, 2) == [("rcs", "REJECTD", 8), ("sms", "REJECTD", 8)]
    assert phone.messages() == []


# Calling back


def test_a_report_of_delivery(client: Client, phone: Phone, account: Receiver):
    sent = send(client, RCS)
    request = account.wait(2)[1]
    body = json.loads(request.body)
    at = body.pop("timestamp")
    assert body == {
        "status": "DELIVRD",
        "sender": "Acme",
        "err": 0,
        "message_id": sent["messages"][0]["message_id"],
        "to": NUMBER,
        "channel": "rcs",
        "error": None,
        "omnimessage_id": sent["omnimessage_id"],
        "price_info": {"part_price": "0.05", "parts_count": 1, "total_price": "0.05"},
    }
    assert len(at) == len("2026-01-02T03:04:05.678901"), "microseconds, and no zone"
    assert now().isoformat().startswith(at[:13])
    assert request.path == "/dlr?team=7"
    assert request.headers["Content-Type"] == "application/json"
    assert signed_by(request, "emu-pass")


def test_a_message_may_name_its_own_address(client: Client, phone: Phone, account: Receiver):
    send(client, RCS, dlr_url=f"{account.url}/own?id=1")
    assert {request.path for request in account.wait(2)} == {"/own?id=1"}


def test_every_account_signs_with_its_own_password(client: Client, phone: Phone, receiver: Receiver):
    url = f"{receiver.url}/b"
    world.configure({"messente": {"accounts": {"b": {"password": "secret-b", "dlr_url": url}}}})
    answer = call(client, "POST", "omnimessage", omnimessage(), Authorization=basic(b"b:secret-b"))
    assert answer.status_code == 201
    assert all(signed_by(request, "secret-b") for request in receiver.wait(2))
    path = f"omnimessage/{answer.json()['omnimessage_id']}/status"
    assert call(client, "GET", path).status_code == 404, "and its messages are nobody else's"


def test_without_an_address_nothing_is_called(client: Client, phone: Phone):
    assert settled(send(client, RCS), "DELIVRD")
    assert outbox.as_json() == []


@pytest.mark.parametrize(("status", "tries"), [(200, 1), (204, 1), (302, 1), (399, 1), (400, 2), (500, 2)])
def test_which_answers_count(client: Client, phone: Phone, account: Receiver, status: int, tries: int):
    phone.set(rcs=False)
    account.statuses = [status]
    send(client, RCS)
    account.wait(tries)
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert [(one["tries"], one["state"]) for one in outbox.as_json()] == [(tries, "delivered")]


def test_after_a_few_tries_it_is_given_up(client: Client, phone: Phone, account: Receiver):
    world.configure({"retry_scale": 0})
    phone.set(rcs=False)
    account.statuses = [500] * 10
    send(client, RCS)
    assert world.wait_for(lambda: bool(outbox.as_json()) and outbox.waiting == 0)
    assert [(one["tries"], one["state"]) for one in outbox.as_json()] == [(4, "given_up")]


def test_the_pauses_grow():
    pauses = [callbacks._retry_delay(failures) for failures in range(1, 5)]
    assert pauses == [10, 60, 300, None]


@pytest.mark.parametrize("kind", ["unsigned", "bad_signature", "tampered"])
def test_webhook_faults_break_the_signature(client: Client, phone: Phone, account: Receiver, kind: str):
    phone.set(rcs=False)
    world.faults.add({"on": "webhook", "kind": kind, "provider": "messente"})
    send(client, RCS)
    request = account.wait(1)[0]
    assert not signed_by(request, "emu-pass")
    assert ("X-Messente-Signature" in request.headers) is (kind != "unsigned")


# Asking


def test_asking_for_the_status(client: Client, phone: Phone):
    dials(rcs_outcome="undeliv", sms_outcome="delivered")
    phone.set(online=False)
    sent = send(client, RCS, SMS, VIBER)
    assert settled(sent, "UNDELIV", "ACK", None)
    body = call(client, "GET", f"omnimessage/{sent['omnimessage_id']}/status").json()
    assert (body["to"], body["omnimessage_id"]) == (NUMBER, sent["omnimessage_id"])
    failed, waiting, untried = body["statuses"]
    assert failed.pop("timestamp")
    assert failed == {
        "status": "UNDELIV",
        "channel": "rcs",
        "message_id": sent["messages"][0]["message_id"],
        "error": "Delivery failure",
        "err": 1,
        "sender": "Acme",
        "price_info": None,
    }
    assert waiting["price_info"] == {"part_price": "0.05", "parts_count": 1, "total_price": "0.05"}
    assert untried == {
        "status": None,
        "channel": "viber",
        "message_id": sent["messages"][2]["message_id"],
        "error": None,
        "err": None,
        "timestamp": None,
        "sender": "Acme",
        "price_info": None,
    }


@pytest.mark.parametrize(
    ("channel", "text", "count"),
    [
        ("sms", "a" * 160, 1),
        ("sms", "a" * 161, 2),
        ("sms", "a" * 307, 3),
        ("sms", "€" * 80, 1),
        ("sms", "€" * 81, 2),
        ("sms", "д" * 70, 1),
        ("sms", "д" * 71, 2),
        ("sms", "👋" * 36, 2),
        ("rcs", "a" * 3000, 1),
    ],
)
def test_what_it_costs(channel: str, text: str, count: int):
    leg = Leg(channel, "Acme", {"text": text}, None, status="DELIVRD")
    price = callbacks.report(leg)["price_info"]
    assert (price["parts_count"], price["total_price"]) == (count, f"{count * 0.05:.2f}")


# Scheduling


def test_a_scheduled_message_waits(client: Client, phone: Phone, account: Receiver):
    sent = send(client, RCS, time_to_send="2099-01-01T00:00")
    assert statuses(client, sent) == [None]
    assert phone.messages() == []


def test_a_scheduled_message_goes_when_its_time_comes(client: Client, phone: Phone):
    dials(time_scale=0)
    assert settled(send(client, RCS, time_to_send="2099-01-01T00:00"), "DELIVRD")


def test_what_should_have_gone_goes_now(client: Client, phone: Phone):
    assert settled(send(client, RCS, time_to_send="2001-01-01T00:00:00Z"), "DELIVRD")


def test_cancelling(client: Client, phone: Phone, account: Receiver):
    sent = send(client, RCS, SMS, time_to_send="2099-01-01T00:00:00+04:00")
    path = f"omnimessage/{sent['omnimessage_id']}"
    answer = call(client, "DELETE", path)
    assert (answer.status_code, answer.json()) == (202, {})
    assert statuses(client, sent) == ["DELETED", "DELETED"]
    assert reports(account, 2) == [("rcs", "DELETED", 0), ("sms", "DELETED", 0)]
    assert call(client, "DELETE", path).status_code == 404, "once"


def test_a_cancelled_message_never_goes(client: Client, phone: Phone):
    dials(time_scale=1e-11)
    with world.change():  # the timer is due at once, and cannot run before the lock is free
        sent = send(client, RCS, time_to_send="2099-01-01T00:00:00")
        assert call(client, "DELETE", f"omnimessage/{sent['omnimessage_id']}").status_code == 202
    world.wait_for(lambda: False, timeout=0.05)
    assert phone.messages() == []
    assert statuses(client, sent) == ["DELETED"]


def test_what_has_gone_cannot_be_cancelled(client: Client, phone: Phone):
    sent = send(client, RCS)
    answer = call(client, "DELETE", f"omnimessage/{sent['omnimessage_id']}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "101")
    assert settled(sent, "DELIVRD")


# The ledger and the faults


def test_the_ledger_sees_that_a_request_was_repeated(client: Client, phone: Phone):
    for _ in range(2):
        assert settled(send(client, RCS), "DELIVRD")
    assert settled(send(client, {**RCS, "text": "Other"}), "DELIVRD")
    assert sorted(one.copies for one in world.ledger.accepted.values()) == [1, 2]
    assert world.ledger.doubles == 1
    assert len(phone.messages()) == 3


@pytest.mark.parametrize("status", [429, 500, 503, 401, 403, 404])
def test_a_fault_is_an_error_in_messentes_words(client: Client, phone: Phone, status: int):
    fault = {"on": "request", "kind": str(status), "method": "omnimessage", "number": NUMBER, "times": 1}
    world.faults.add({**fault, "retry_after": 3})
    answer = call(client, "POST", "omnimessage", omnimessage())
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "3")
    assert set(answer.json()["errors"][0]) == {"code", "title", "detail", "source"}
    assert phone.messages() == []
    assert call(client, "POST", "omnimessage", omnimessage()).status_code == 201


@pytest.mark.parametrize(
    ("method", "verb", "path"),
    [
        ("omnimessages", "POST", "omnimessages"),
        ("status", "GET", "omnimessage/x/status"),
        ("cancel", "DELETE", "omnimessage/x"),
        ("blacklist", "GET", "phonebook/blacklist"),
        ("blacklist", "DELETE", f"phonebook/blacklist/{NUMBER}"),
    ],
)
def test_every_method_can_be_struck(client: Client, method: str, verb: str, path: str):
    world.faults.add({"on": "request", "kind": "503", "provider": "messente", "method": method})
    assert call(client, verb, path).status_code == 503


# What people say


def said(receiver: Receiver, count: int = 1) -> dict[str, Any]:
    request = [one for one in receiver.wait(count) if one.path == "/mo"][-1]
    assert signed_by(request, "emu-shared-secret")
    return json.loads(request.body)


def test_an_answer(client: Client, phone: Phone, account: Receiver):
    assert settled(send(client, RCS), "DELIVRD")
    bubble = phone.do("text", text="Tere õhtust")
    assert bubble is not None
    body = said(account, 3)
    assert body.pop("time").endswith("Z")
    assert body.pop("sub_msg_id")
    assert body == {
        "msg_id": bubble["id"],
        "channel": "rcs",
        "recipient": "Acme",
        "sender": NUMBER,
        "text": "Tere õhtust",
    }
    assert (bubble["provider"], bubble["channel"]) == ("messente", "rcs")
    phone.wait("delivered")


@pytest.mark.parametrize(
    ("suggestion", "label", "postback"),
    [
        ({"reply": {"text": "Keep", "postback_data": "keep_7"}}, "Keep", "keep_7"),
        (
            {"action": {"text": "Call", "postback_data": "call", "dial_action": {"phone_number": NUMBER}}},
            "Call",
            "call",
        ),
    ],
)
def test_a_tap(
    client: Client, phone: Phone, account: Receiver, suggestion: dict[str, Any], label: str, postback: str
):
    assert settled(send(client, {**RCS, "suggestions": [suggestion]}), "DELIVRD")
    phone.do("tap", suggestion=label)
    body = said(account, 3)
    assert (body["channel"], body["text"], body["postback_data"]) == ("rcs", label, postback)


@pytest.mark.parametrize(
    ("action", "details"),
    [
        ("location", {"latitude": 59, "longitude": 24}),
        ("file", {"url": "https://a.example/a.jpg"}),
        ("file", {"url": "https://a.example/a.mp3"}),
        ("type", {}),
    ],
)
def test_what_this_wire_has_no_words_for(
    client: Client, phone: Phone, account: Receiver, action: str, details: dict[str, Any]
):
    assert settled(send(client, RCS), "DELIVRD")
    assert "essente" in phone.refused(action, **details)
    assert [one.path for one in account.wait(2)] == ["/dlr?team=7"] * 2


def test_stop_is_a_word_like_any_other(client: Client, phone: Phone, account: Receiver):
    assert settled(send(client, RCS), "DELIVRD")
    phone.do("unsubscribe")
    assert said(account, 3)["text"] == "STOP"


def test_an_agent_that_is_set_up_can_be_written_to_first(client: Client, phone: Phone, account: Receiver):
    world.configure({"messente": {"accounts": {"tester": {"rcs_sender": "Acme"}}}})
    phone.do("text", text="Hello", via="messente")
    assert said(account)["recipient"] == "Acme"


def test_the_account_that_wrote_last_is_told(client: Client, phone: Phone, account: Receiver):
    other = {"password": "b", "shared_secret": "secret-b", "mo_url": f"{account.url}/b"}
    world.configure({"messente": {"accounts": {"b": other}}})
    answer = call(client, "POST", "omnimessage", omnimessage(), Authorization=basic(b"b:b"))
    assert settled(answer.json(), "DELIVRD")
    phone.do("text", text="Hello")
    request = account.wait(1)[-1]
    assert request.path == "/b"
    assert signed_by(request, "secret-b")


def test_without_an_address_nobody_hears_it(client: Client, phone: Phone):
    assert settled(send(client, RCS), "DELIVRD")
    bubble = phone.do("text", text="Hello")
    assert bubble is not None
    assert bubble["state"] == "waiting"
    assert outbox.as_json() == []


def test_nothing_is_left_after_forgetting(client: Client, phone: Phone):
    phone.set(online=False)
    sent = send(client, {**RCS, "ttl": 1}, SMS)
    world.forget()
    assert world.store(MessenteStore).omnimessages == {}
    assert call(client, "GET", f"omnimessage/{sent['omnimessage_id']}/status").status_code == 404


@pytest.mark.parametrize("asked", [{}, {"via": "sms"}, {"to": "ACME"}, {"via": "messente"}])
def test_an_answer_by_sms(client: Client, phone: Phone, account: Receiver, asked: dict[str, str]):
    phone.set(rcs=False)
    assert settled(send(client, RCS, SMS), "UNDELIV", "DELIVRD")
    bubble = phone.do("text", text="STOP", **asked)
    assert bubble is not None
    assert (bubble["provider"], bubble["channel"]) == ("messente", "sms")
    body = said(account, 4)
    assert (body["msg_id"], body["channel"]) == (bubble["id"], "sms")
    assert (body["recipient"], body["text"]) == ("ACME", "STOP")
    assert "postback_data" not in body


def test_an_sms_has_nothing_to_tap(account: Receiver):
    bubble = Message("mo-1", "messente", "ACME", NUMBER, "out", "sms")
    with pytest.raises(Problem), world.change():
        WIRE.say(bubble, Said("reply", label="Yes", postback="yes"), lambda: None)
