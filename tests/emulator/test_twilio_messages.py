"""Twilio's wire over the life of a message: resources, callbacks and their signatures, STOP, schedules, lists."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client

from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import outbox
from rcs_backends.emulator.wire.twilio import callbacks
from tests.emulator.conftest import NUMBER, Phone, Received, Receiver
from tests.emulator.test_twilio_validation import (
    ACCOUNT,
    BASE,
    MESSAGES,
    POOLED,
    SENDER,
    SERVICE,
    after,
    basic,
    post,
    send,
)

OTHER = "AC" + "5" * 32


@pytest.fixture(autouse=True)
def account(receiver: Receiver) -> None:
    known = {
        "numbers": [SENDER],
        "messaging_services": {SERVICE: [POOLED]},
        "sms_url": f"{receiver.url}/sms?shop=1",
    }
    world.configure({"twilio": {"accounts": {ACCOUNT: known}}})


@pytest.fixture
def callback(receiver: Receiver) -> str:
    return f"{receiver.url}/status?mid=42"


def params(request: Received) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True))


def statuses(receiver: Receiver, count: int) -> list[str]:
    """In the order of the alphabet: they may overtake each other. No more than `count` come."""
    receiver.wait(count)
    assert world.wait_for(lambda: outbox.waiting == 0)
    return sorted(params(request)["MessageStatus"] for request in receiver.requests)


def fetch(client: Client, sid: str) -> dict[str, Any]:
    return client.get(f"{BASE}Messages/{sid}.json", headers=basic()).json()


def update(client: Client, sid: str, **form: Any) -> Any:
    return post(client, f"{BASE}Messages/{sid}.json", **form)


def delete(client: Client, sid: str) -> Any:
    return client.delete(f"{BASE}Messages/{sid}.json", headers=basic())


# Resources


def test_the_answer_is_a_resource(client: Client):
    body = send(client, Body="hi ü").json()
    sid = body["sid"]
    uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}"
    assert (sid[:2], len(sid)) == ("SM", 34)
    assert body.pop("date_created") == body.pop("date_updated")
    assert body == {
        "sid": sid,
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "messaging_service_sid": None,
        "from": SENDER,
        "to": NUMBER,
        "body": "hi ü",
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": "1",
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "date_sent": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"media": f"{uri}/Media.json"},
    }


def test_dates_are_those_of_mail(client: Client, phone: Phone):
    sid = send(client).json()["sid"]
    phone.wait("delivered")
    sent = parsedate_to_datetime(fetch(client, sid)["date_sent"])
    assert abs((datetime.now(UTC) - sent).total_seconds()) < 60


def test_a_service_chooses_its_sender_later(client: Client, phone: Phone):
    body = send(client, From=None, MessagingServiceSid=SERVICE, Body="x" * 200).json()
    assert (body["status"], body["from"], body["num_segments"]) == ("accepted", None, "0")
    assert phone.wait("delivered")["agent"] == POOLED
    body = fetch(client, body["sid"])
    assert (body["status"], body["from"], body["num_segments"]) == ("delivered", POOLED, "2")
    assert body["messaging_service_sid"] == SERVICE


def test_the_phone_shows_the_text(client: Client, phone: Phone):
    send(client, Body="Tere õhtust 🐘")
    shown = phone.wait("delivered")
    assert (shown["text"], shown["channel"], shown["agent"]) == ("Tere õhtust 🐘", "sms", SENDER)


def test_a_picture_is_an_mms(client: Client, phone: Phone):
    media = ["https://a.example/1.png?x=1", "https://a.example/2.png"]
    body = send(client, Body="Look", MediaUrl=media).json()
    assert (body["sid"][:2], body["num_media"]) == ("MM", "2")
    shown = phone.wait("delivered")
    assert (shown["kind"], shown["media"]["url"], shown["media"]["media_type"]) == (
        "file",
        media[0],
        "image/png",
    )
    assert shown["text"] == f"Look\n{media[1]}"


def test_the_same_request_twice_is_two_messages(client: Client, phone: Phone):
    assert send(client).json()["sid"] != send(client).json()["sid"]
    assert world.wait_for(lambda: world.ledger.doubles == 1)
    assert len(phone.messages()) == 2
    assert len(world.ledger.accepted) == 1
    send(client, StatusCallback="http://127.0.0.1:1/?mid=2")
    assert len(world.ledger.accepted) == 2


# Status callbacks

VECTOR = {
    "AccountSid": "AC" + "0" * 32,
    "ApiVersion": "2010-04-01",
    "From": "+15005550006",
    "MessageSid": "SM" + "1" * 32,
    "MessageStatus": "delivered",
    "SmsSid": "SM" + "1" * 32,
    "SmsStatus": "delivered",
    "To": "+15558675310",
}


@pytest.mark.parametrize(
    ("url", "form", "signature"),
    [
        (
            "https://mycompany.com/myapp.php?foo=1&bar=2",
            {
                "CallSid": "CA1234567890ABCDE",
                "Caller": "+12349013030",
                "Digits": "1234",
                "From": "+12349013030",
                "To": "+18005551212",
            },
            "0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
        ),
        ("http://127.0.0.1:8000/twilio/status?mid=42", VECTOR, "mcfSInxGuvqHNtvc0YsiBX9k45k="),
        (
            "http://127.0.0.1:8000/twilio/status?mid=42",
            {**VECTOR, "Body": "é"},
            "OmMdpZImA4q9nfvzDPouTQdr2LE=",
        ),
    ],
)
def test_the_signature_is_twilios(url, form, signature):
    assert callbacks.sign("12345", url, form) == signature


@pytest.mark.parametrize(
    ("outcome", "sender", "told"),
    [
        ("delivered", {}, ["delivered", "sending", "sent"]),
        ("delivered", {"From": SERVICE}, ["delivered", "queued", "sending", "sent"]),
        ("undelivered", {}, ["sending", "sent", "undelivered"]),
        ("failed", {}, ["failed", "sending"]),
    ],
)
def test_callbacks_tell_every_status_but_the_first(
    client: Client, phone: Phone, receiver: Receiver, callback, outcome, sender, told
):
    world.configure({"twilio": {"outcome": outcome, "error_code": 30005}})
    sid = send(client, StatusCallback=callback, **sender).json()["sid"]
    assert statuses(receiver, len(told)) == told
    body = fetch(client, sid)
    assert body["status"] == outcome
    assert body["error_code"] == (None if outcome == "delivered" else 30005)
    assert bool(body["error_message"]) == (outcome != "delivered")
    assert phone.messages()[0]["state"] == ("delivered" if outcome == "delivered" else "expired")


def test_what_a_callback_says(client: Client, phone: Phone, receiver: Receiver, callback):
    sid = send(client, From=SERVICE, StatusCallback=callback).json()["sid"]
    receiver.wait(4)
    for request in receiver.requests:
        form = params(request)
        assert request.path == "/status?mid=42"
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert request.headers["X-Twilio-Signature"] == callbacks.sign("emulator-token", callback, form)
        assert (form["MessageSid"], form["SmsSid"], form["MessageStatus"]) == (sid, sid, form["SmsStatus"])
        assert (form["From"], form["To"], form["MessagingServiceSid"]) == (POOLED, NUMBER, SERVICE)
        assert ("RawDlrDoneDate" in form) == (form["MessageStatus"] == "delivered")
        assert "ErrorCode" not in form


def test_a_failure_names_its_code(client: Client, receiver: Receiver, callback):
    world.configure({"twilio": {"outcome": "undelivered", "error_code": 30007}})
    send(client, StatusCallback=callback)
    codes = {params(one)["MessageStatus"]: params(one).get("ErrorCode") for one in receiver.wait(3)}
    assert codes == {"sending": None, "sent": None, "undelivered": "30007"}


def test_an_address_without_a_path_is_signed_as_it_is_called(client: Client, receiver: Receiver):
    send(client, StatusCallback=receiver.url)
    request = receiver.wait(1)[0]
    signature = callbacks.sign("emulator-token", f"{receiver.url}/", params(request))
    assert (request.path, request.headers["X-Twilio-Signature"]) == ("/", signature)


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (2, 3)])
def test_a_refused_callback_is_lost_unless_the_dial_says_otherwise(
    client: Client, phone: Phone, receiver: Receiver, retries, tries
):
    world.configure({"twilio": {"callback_retries": retries}})
    receiver.statuses = [500] * 9
    phone.do("text", text="Hello", via="sms", to=SENDER)
    assert world.wait_for(lambda: outbox.waiting == 0)
    assert len(receiver.requests) == tries


@pytest.mark.parametrize(
    ("fault", "count", "good"),
    [("unsigned", 1, None), ("bad_signature", 1, False), ("tampered", 1, False), ("duplicate", 2, True)],
)
def test_faulty_webhooks(client: Client, phone: Phone, receiver: Receiver, fault, count, good):
    dial = {"on": "webhook", "kind": fault, "provider": "twilio", "times": 1}
    assert client.post("/emulator/faults/", dial, content_type="application/json").status_code == 200
    phone.do("text", text="Hello", via="sms", to=SENDER)
    for request in receiver.wait(count):
        signature = request.headers.get("X-Twilio-Signature")
        expected = callbacks.sign("emulator-token", f"{receiver.url}/sms?shop=1", params(request))
        assert (signature is None) if good is None else (signature == expected) is good


# Waiting and expiring


def test_an_offline_phone_leaves_it_sent(client: Client, phone: Phone):
    phone.set(online=False)
    sid = send(client).json()["sid"]
    assert world.wait_for(lambda: fetch(client, sid)["status"] == "sent")
    phone.set(online=True)
    phone.wait("delivered")
    assert fetch(client, sid)["status"] == "delivered"


def test_a_phone_without_rcs_gets_it_all_the_same(client: Client, phone: Phone):
    phone.set(rcs=False)
    send(client)
    phone.wait("delivered")


@pytest.mark.parametrize(
    ("link", "status", "code"), [("down", "failed", "30036"), ("up", "undelivered", "30003")]
)
def test_what_is_not_delivered_in_time(
    client: Client, phone: Phone, receiver: Receiver, callback, link, status, code
):
    world.configure({"twilio": {"link": link}})
    phone.set(online=False)
    send(client, ValidityPeriod=1, StatusCallback=callback)

    def expired() -> bool:
        return world.handset(NUMBER).messages != {} and phone.messages()[0]["state"] == "expired"

    assert world.wait_for(expired)
    assert world.wait_for(lambda: outbox.waiting == 0)
    final = [params(one) for one in receiver.requests if params(one)["MessageStatus"] == status]
    assert [one["ErrorCode"] for one in final] == [code]
    assert len(receiver.requests) == (1 if link == "down" else 3)


def test_a_link_that_is_down_holds_messages(client: Client, phone: Phone):
    world.configure({"twilio": {"link": "down"}})
    sid = send(client).json()["sid"]
    assert world.wait_for(lambda: world.handset(NUMBER).waiting)
    assert fetch(client, sid)["status"] == "queued"
    assert client.post(
        "/emulator/config/", {"twilio": {"link": "up"}}, content_type="application/json"
    ).json()
    phone.wait("delivered")
    assert fetch(client, sid)["status"] == "delivered"


# Schedules


def schedule(client: Client, seconds: float = 3600) -> str:
    form = {
        "From": None,
        "MessagingServiceSid": SERVICE,
        "ScheduleType": "fixed",
        "SendAt": after(seconds=seconds),
    }
    return str(send(client, **form).json()["sid"])


def test_a_scheduled_message_is_sent_when_it_is_due(client: Client, phone: Phone):
    world.configure({"twilio": {"schedule_minimum": 0}})
    sid = schedule(client, seconds=2)
    assert fetch(client, sid)["status"] == "scheduled"
    assert phone.messages()[0]["state"] == "waiting"
    phone.wait("delivered")
    assert fetch(client, sid)["status"] == "delivered"


def test_a_scheduled_message_can_be_cancelled_once(client: Client, phone: Phone, receiver: Receiver):
    sid = schedule(client)
    answer = update(client, sid, Status="canceled")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    again = update(client, sid, Status="canceled")
    assert (again.status_code, again.json()["code"]) == (409, 30409)
    assert phone.messages()[0]["state"] == "revoked"
    assert receiver.requests == []


def test_what_is_on_its_way_cannot_be_cancelled(client: Client, phone: Phone):
    sid = send(client).json()["sid"]
    phone.wait("delivered")
    assert update(client, sid, Status="canceled").json()["code"] == 30409


# Taking the words out, forgetting


def test_the_words_can_be_taken_out(client: Client, phone: Phone):
    sid = send(client).json()["sid"]
    phone.wait("delivered")
    assert update(client, sid, Body="").json()["body"] == ""
    assert fetch(client, sid)["body"] == ""
    assert phone.messages()[0]["text"] == "Hello"


@pytest.mark.parametrize(
    "form", [{}, {"Body": "new"}, {"Status": "sent"}, {"Status": "canceled", "Body": ""}, {"To": NUMBER}]
)
def test_nothing_else_can_be_changed(client: Client, form):
    sid = schedule(client)
    answer = update(client, sid, **form)
    assert (answer.status_code, answer.json()["code"]) == (400, 30400)


def test_a_finished_message_can_be_forgotten(client: Client, phone: Phone):
    waiting, sid = schedule(client), send(client).json()["sid"]
    phone.wait("delivered")
    assert delete(client, waiting).json()["code"] == 20009
    answer = delete(client, sid)
    assert (answer.status_code, answer.content) == (204, b"")
    assert fetch(client, sid)["code"] == 20404
    assert delete(client, sid).status_code == 404


def test_another_account_sees_nothing(client: Client):
    world.configure({"twilio": {"accounts": {OTHER: {"auth_token": "other"}}}})
    sid = send(client).json()["sid"]
    path = f"{BASE.replace(ACCOUNT, OTHER)}Messages"
    headers = basic(OTHER, "other")
    assert client.get(f"{path}/{sid}.json", headers=headers).json()["code"] == 20404
    assert client.get(f"{path}.json", headers=headers).json()["messages"] == []


# Lists


def listed(client: Client, **query: Any) -> dict[str, Any]:
    return client.get(MESSAGES, query_params=query, headers=basic()).json()


def test_the_newest_comes_first_and_pages_follow_each_other(client: Client):
    for number in range(5):
        send(client, Body=str(number))
    first = listed(client, PageSize=2)
    assert [one["body"] for one in first["messages"]] == ["4", "3"]
    assert (first["page"], first["page_size"], first["previous_page_uri"]) == (0, 2, None)
    found, uri = [], first["first_page_uri"]
    while uri:
        page = client.get(f"/emulator/twilio{uri}", headers=basic()).json()
        found += [one["body"] for one in page["messages"]]
        uri = page["next_page_uri"]
    assert found == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 2),
        ({"To": NUMBER}, 1),
        ({"From": POOLED}, 1),
        ({"From": POOLED, "To": NUMBER}, 0),
        ({"DateSent": "2020-01-01"}, 0),
        ({"DateSent>": "2020-01-01"}, 2),
        ({"DateSent<": "2020-01-01"}, 0),
        ({"DateSent>": "2020-01-01T00:00:00Z", "DateSent<": "2999-01-01T00:00:00Z"}, 2),
        ({"DateSent": datetime.now(UTC).date().isoformat()}, 2),
    ],
)
def test_a_list_is_filtered(client: Client, query, count):
    send(client)
    send(client, To="+37255501235", From=POOLED)
    assert len(listed(client, **query)["messages"]) == count


def test_a_filter_stays_on_the_next_page(client: Client):
    for _ in range(2):
        send(client)
    query = parse_qs(urlsplit(listed(client, PageSize=1, To=NUMBER)["next_page_uri"]).query)
    assert query == {"To": [NUMBER], "PageSize": ["1"], "Page": ["1"]}


@pytest.mark.parametrize("query", [{"Page": "x"}, {"PageSize": "-1"}, {"DateSent": "yesterday"}])
def test_a_list_needs_sensible_questions(client: Client, query):
    assert listed(client, **query)["code"] == 20001


# What people write


def test_a_text_comes_as_a_signed_form(client: Client, phone: Phone, receiver: Receiver):
    receiver.body = lambda body: b"<Response><Message>Thanks</Message></Response>"
    bubble = phone.do("text", text="Tere õhtust", via="sms", to=SENDER)
    request = receiver.wait(1)[0]
    form = params(request)
    assert request.path == "/sms?shop=1"
    url = f"{receiver.url}/sms?shop=1"
    assert request.headers["X-Twilio-Signature"] == callbacks.sign("emulator-token", url, form)
    known = {
        name: form[name]
        for name in ("From", "To", "Body", "NumMedia", "NumSegments", "SmsStatus", "AccountSid")
    }
    assert known == {
        "From": NUMBER,
        "To": SENDER,
        "Body": "Tere õhtust",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "AccountSid": ACCOUNT,
    }
    assert form["MessageSid"] == form["SmsSid"] == form["SmsMessageSid"] == bubble["id"]
    assert {"OptOutType", "MessagingServiceSid"}.isdisjoint(form)
    assert phone.wait("delivered")["direction"] == "out"
    assert len(phone.messages()) == 1  # TwiML is ignored
    body = fetch(client, bubble["id"])
    assert (body["direction"], body["status"], body["from"]) == ("inbound", "received", NUMBER)


def test_a_number_of_a_service_names_it(phone: Phone, receiver: Receiver):
    phone.do("text", text="Hello", via="sms", to=POOLED)
    assert params(receiver.wait(1)[0])["MessagingServiceSid"] == SERVICE


def test_an_answer_goes_to_who_wrote(client: Client, phone: Phone, receiver: Receiver):
    send(client, From=POOLED)
    phone.wait("delivered")
    phone.do("text", text="1")
    assert params(receiver.wait(1)[0])["To"] == POOLED


def test_a_picture_comes_as_media(phone: Phone, receiver: Receiver):
    phone.do("file", via="twilio", to=SENDER, url="https://f.example/a.png")
    form = params(receiver.wait(1)[0])
    assert (form["NumMedia"], form["MediaUrl0"]) == ("1", "https://f.example/a.png")
    assert (form["MediaContentType0"], form["Body"]) == ("image/png", "")


def test_an_sms_carries_no_place(phone: Phone):
    assert "SMS" in phone.refused("location", via="twilio", to=SENDER, latitude=1, longitude=2)
    assert phone.messages() == []


def test_without_an_address_nothing_is_told(client: Client, phone: Phone):
    world.configure({"twilio": {"accounts": {ACCOUNT: {"sms_url": ""}}}})
    phone.do("text", text="Hello", via="sms", to=SENDER)
    assert client.get("/emulator/ledger/").json()["webhooks"] == []


# STOP


@pytest.mark.parametrize(
    ("text", "kind", "blocked"),
    [
        ("STOP", "STOP", True),
        (" stop\n", "STOP", True),
        ("Unsubscribe", "STOP", True),
        ("OPTOUT", "STOP", True),
        ("stop please", None, False),
        ("Stopp", None, False),
        ("HELP", "HELP", False),
        ("info", "HELP", False),
        ("yes", "START", False),
    ],
)
def test_a_word_alone_opts_out(client: Client, phone: Phone, receiver: Receiver, text, kind, blocked):
    phone.do("text", text=text, via="sms", to=SENDER)
    form = params(receiver.wait(1)[0])
    assert (form["Body"], form.get("OptOutType")) == (text, kind)
    answer = send(client)
    assert answer.status_code == (400 if blocked else 201)
    if blocked:
        assert answer.json()["code"] == 21610


def test_start_opens_the_door_again(client: Client, phone: Phone):
    phone.do("text", text="STOP", via="sms", to=SENDER)
    assert send(client).json()["code"] == 21610
    assert send(client, To="+37255501235").status_code == 201
    phone.do("text", text="START", via="sms", to=SENDER)
    assert send(client).status_code == 201


def test_stop_is_said_to_a_sender_or_to_its_whole_service(client: Client, phone: Phone):
    second = "+15550002001"
    services = {SERVICE: [POOLED, second]}
    world.configure({"twilio": {"accounts": {ACCOUNT: {"messaging_services": services}}}})
    phone.do("text", text="STOP", via="sms", to=second)
    assert send(client).status_code == 201
    for sender in ({"From": POOLED}, {"From": second}, {"From": None, "MessagingServiceSid": SERVICE}):
        assert send(client, **sender).json()["code"] == 21610


def test_the_menu_of_the_phone_writes_the_word(client: Client, phone: Phone):
    phone.do("unsubscribe", via="twilio", to=SENDER)
    assert send(client).json()["code"] == 21610


def test_without_advanced_opt_out_the_list_is_kept_in_silence(
    client: Client, phone: Phone, receiver: Receiver
):
    world.configure({"twilio": {"advanced_opt_out": False}})
    phone.do("text", text="STOP", via="sms", to=SENDER)
    assert "OptOutType" not in params(receiver.wait(1)[0])
    assert send(client).json()["code"] == 21610


# Faults


@pytest.mark.parametrize(
    ("status", "code"), [(429, 20429), (500, 20500), (503, 20503), (401, 20003), (403, 20003), (404, 20404)]
)
def test_a_fault_answers_in_twilios_shape(client: Client, status, code):
    fault = {
        "on": "request",
        "kind": str(status),
        "provider": "twilio",
        "method": "Messages",
        "number": NUMBER,
    }
    assert client.post("/emulator/faults/", fault, content_type="application/json").status_code == 200
    assert send(client, To="+37255501235").status_code == 201
    answer = send(client)
    assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (status, code, status)


def test_a_message_that_is_taken_without_an_answer(client: Client):
    fault = {"on": "request", "kind": "html", "provider": "twilio"}
    client.post("/emulator/faults/", fault, content_type="application/json")
    answer = client.post(
        MESSAGES,
        urlencode({"To": NUMBER, "From": SENDER, "Body": "Hi"}),
        content_type="application/x-www-form-urlencoded",
        headers=basic(),
    )
    assert b"<html>" in answer.content
    assert len(world.ledger.accepted) == 1
