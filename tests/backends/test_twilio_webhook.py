"""Twilio's webhooks: forged ones, the published signatures, callbacks, incoming messages, odd ones, repeats."""

import dataclasses
import hashlib
import json
import random
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from rcs_backends.twilio_sms.signature import sign, verify
from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookAnswer, WebhookRequest
from rcs_router.errors import OptedOut, WebhookRefused
from tests.backends.cases import ID, PHONE
from tests.backends.test_twilio_send import ACCOUNT, SID, TOKEN, WEBHOOK, twilio

FORM = "application/x-www-form-urlencoded"
SHA256 = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
CALLBACK = {
    "AccountSid": ACCOUNT,
    "From": "+15005550006",
    "To": PHONE,
    "MessageSid": SID,
    "MessageStatus": "delivered",
    "SmsSid": SID,
    "SmsStatus": "delivered",
}
SMS = {
    "MessageSid": SID,
    "SmsStatus": "received",
    "From": PHONE,
    "To": "+15005550006",
    "Body": "2",
    "NumMedia": "0",
}


def post(
    params: Any, query: str = "", *, url: str = WEBHOOK, key: str = TOKEN, **headers: str
) -> WebhookRequest:
    """A form as Twilio signs it, called at `url`."""
    pairs = list(params.items() if isinstance(params, dict) else params)
    address = f"{url}?{query}" if query else url
    digest = "sha256" if "x_twilio_webhooks_signature_settings" in headers else "sha1"
    given = {
        "content-type": FORM,
        "x-twilio-signature": sign(address, pairs, key, digest),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    asked = dict(part.split("=", 1) for part in query.split("&") if part)
    return WebhookRequest("POST", urlencode(pairs).encode(), asked, given, address)


# What is not believed.

GENUINE = post(CALLBACK, f"id={ID}")
OTHER = post({**CALLBACK, "MessageStatus": "failed"}, f"id={ID}")
GIVEN = GENUINE.headers["x-twilio-signature"]
JSON_BODY = json.dumps({"MessageSid": SID, "MessageStatus": "read"}).encode()


def with_header(value: str) -> WebhookRequest:
    return dataclasses.replace(GENUINE, headers={**GENUINE.headers, "x-twilio-signature": value})


def as_json(body: bytes = JSON_BODY, claimed: bytes | None = None) -> WebhookRequest:
    """A JSON body is signed by its hash in the address; `claimed`: another body's."""
    query = f"bodySHA256={hashlib.sha256(body if claimed is None else claimed).hexdigest()}"
    url = f"{WEBHOOK}?{query}"
    headers = {"content-type": "application/json", "x-twilio-signature": sign(url, [], TOKEN)}
    return WebhookRequest("POST", body, dict([query.split("=")]), headers, url)


FORGED = {
    "unsigned": dataclasses.replace(GENUINE, headers={"content-type": FORM}),
    "empty signature": with_header(""),
    "signed with another token": post(CALLBACK, f"id={ID}", key="other"),
    "signed with no token": post(CALLBACK, f"id={ID}", key=""),
    "signature of another status": with_header(OTHER.headers["x-twilio-signature"]),
    "signature cut": with_header(GIVEN[:-1]),
    "signature and more": with_header(GIVEN + "="),
    "signature in capitals": with_header(GIVEN.upper()),
    "signature not ASCII": with_header("é\ud800" * 14),
    "signature huge": with_header("A" * 1_000_000),
    "another id in the address": dataclasses.replace(
        GENUINE, query={"id": str(UUID(int=1))}, url=f"{WEBHOOK}?id={UUID(int=1)}"
    ),
    "a parameter more in the address": dataclasses.replace(GENUINE, url=f"{GENUINE.url}&x=1"),
    "no id in the address": dataclasses.replace(GENUINE, query={}, url=WEBHOOK),
    "a parameter more": dataclasses.replace(GENUINE, body=GENUINE.body + b"&Body=STOP"),
    "a parameter less": dataclasses.replace(GENUINE, body=GENUINE.body.partition(b"&")[2]),
    "another status": dataclasses.replace(GENUINE, body=OTHER.body),
    "body empty": dataclasses.replace(GENUINE, body=b""),
    "body not UTF-8": dataclasses.replace(GENUINE, body=b"\xff=\xff"),
    "signed for another address": dataclasses.replace(
        post(CALLBACK, f"id={ID}", url="https://evil.example/"), url=GENUINE.url
    ),
    "address that is none": dataclasses.replace(GENUINE, url="http://[evil/"),
    "address with an odd port": dataclasses.replace(GENUINE, url="http://shop.example:port/"),
    "algorithm not known": dataclasses.replace(
        GENUINE,
        headers={**GENUINE.headers, "x-twilio-webhooks-signature-settings": "key=a,algorithm=NONE"},
    ),
    "SHA-1 that is said to be SHA-256": dataclasses.replace(
        GENUINE, headers={**GENUINE.headers, "x-twilio-webhooks-signature-settings": SHA256}
    ),
    "JSON whose hash is another's": as_json(claimed=b"{}"),
    "JSON without a hash": dataclasses.replace(
        GENUINE,
        body=JSON_BODY,
        headers={"content-type": "application/json", "x-twilio-signature": sign(GENUINE.url, [], TOKEN)},
    ),
    "form that is said to be JSON": dataclasses.replace(
        GENUINE, headers={**GENUINE.headers, "content-type": "application/json"}
    ),
    "form under the signature of a GET": dataclasses.replace(
        GENUINE, headers={"content-type": FORM, "x-twilio-signature": sign(GENUINE.url, [], TOKEN)}
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_request_is_refused(name: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        twilio().verify(FORGED[name])
    assert caught.value.status in {400, 401}


def test_genuine_requests_are_believed() -> None:
    twilio().verify(GENUINE)
    twilio().verify(as_json())
    twilio().verify(post(CALLBACK, f"id={ID}", x_twilio_webhooks_signature_settings=SHA256))


@pytest.mark.parametrize("method", ["PUT", "DELETE", ""])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        twilio().verify(dataclasses.replace(GENUINE, method=method))
    assert caught.value.status == 405


def test_nothing_is_believed_without_a_token() -> None:
    for token in ("", (), ("",)):
        with pytest.raises(WebhookRefused):
            twilio(auth_token=token).verify(post(CALLBACK, key=""))


@pytest.mark.parametrize("key", ["new", "old"])
def test_either_token_is_good_while_it_is_changed(key: str) -> None:
    twilio(auth_token=("new", "old")).verify(post(CALLBACK, key=key))


# Signatures that were published, or made by Twilio's own library.

CALL = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}
STATUS = {
    "AccountSid": ACCOUNT,
    "ApiVersion": "2010-04-01",
    "From": "+15005550006",
    "MessageSid": SID,
    "MessageStatus": "delivered",
    "SmsSid": SID,
    "SmsStatus": "delivered",
    "To": "+15558675310",
}
LOCAL = "http://127.0.0.1:8000/twilio/status?mid=42"
VECTORS = [
    ("https://mycompany.com/myapp.php?foo=1&bar=2", CALL, "0/KCTR6DLpKmkAf8muzZqo1nDgQ=", ""),
    (LOCAL, STATUS, "mcfSInxGuvqHNtvc0YsiBX9k45k=", ""),
    (LOCAL, {**STATUS, "Body": "é"}, "OmMdpZImA4q9nfvzDPouTQdr2LE=", ""),
    (LOCAL, STATUS, "gvKG4ATE8IropjoVMikjDIOrKO7Iqqa4XuIcyRl+Bcw=", SHA256),
]


@pytest.mark.parametrize(("url", "params", "signature", "settings"), VECTORS)
def test_vector(url: str, params: dict[str, str], signature: str, settings: str) -> None:
    headers = {"content-type": FORM, "x-twilio-signature": signature}
    if settings:
        headers["x-twilio-webhooks-signature-settings"] = settings
    request = WebhookRequest("POST", urlencode(params).encode(), {}, headers, url)
    verify(request, "", ["12345"])
    with pytest.raises(WebhookRefused):
        verify(request, "", ["12346"])


ADDRESSES = [  # what Twilio signed, our public address, what our server saw
    (WEBHOOK, WEBHOOK, "http://10.0.0.5:8000/rcs/webhooks/sms/"),  # behind a proxy
    ("https://shop.example:443/rcs/webhooks/sms/", WEBHOOK, WEBHOOK),
    (WEBHOOK, "https://shop.example:443/rcs/webhooks/sms/", ""),
    ("https://shop.example:8443/a/", "https://shop.example:8443/a/", ""),
    ("https://shop.example/a/", "https://shop.example:8443/a/", ""),
    ("http://shop.example:80/a/", "", "http://shop.example/a/"),
    ("http://[::1]:8000/a/", "", "http://[::1]:8000/a/"),
    (WEBHOOK, "", WEBHOOK),  # our address is not set
    (WEBHOOK, "https://old.example/", WEBHOOK),
]


@pytest.mark.parametrize("query", ["", "id=5f1c&b=%20+&a"])
@pytest.mark.parametrize(("signed", "public", "seen"), ADDRESSES)
def test_address_behind_a_proxy_and_with_or_without_port(
    signed: str, public: str, seen: str, query: str
) -> None:
    tail = f"?{query}" if query else ""
    headers = {"x-twilio-signature": sign(signed + tail, CALLBACK.items(), TOKEN)}
    seen = (seen or "http://127.0.0.1/") + tail
    request = WebhookRequest("POST", urlencode(CALLBACK).encode(), {}, headers, seen)
    verify(request, public, [TOKEN])


def test_the_query_is_taken_as_it_was_written() -> None:
    twilio().verify(post(CALLBACK, f"b=2&id={ID}&a=1"))


def test_get_is_signed_by_its_address_alone() -> None:
    query = urlencode(SMS)
    headers = {"x-twilio-signature": sign(f"{WEBHOOK}?{query}", [], TOKEN)}
    request = WebhookRequest("GET", b"", SMS, headers, f"{WEBHOOK}?{query}")
    twilio().verify(request)
    twilio().verify(dataclasses.replace(request, url=""))  # nothing but the query is known
    [said] = twilio().parse(request)
    assert isinstance(said, Incoming)
    assert said.text == "2"


def test_a_thousand_requests_as_twilios_library_judges_them() -> None:
    """Repeated, empty and Unicode parameters, odd addresses, signatures that are right and wrong."""
    library = RequestValidator(TOKEN)
    choose = random.Random(7)
    names, words = ["From", "Body", "a", "Z", "_"], ["", "x", "é €", "a=b&c", "😀", " "]
    for _ in range(1000):
        pairs = [(choose.choice(names), choose.choice(words)) for _ in range(choose.randrange(6))]
        url = choose.choice([WEBHOOK, "https://a.example:8443/x", "http://a.example:80/x"])
        url += choose.choice(["", "?id=1", "?b=%20&a="])
        params = Values(pairs)
        port = choose.choice(["", ":443", ":80"]) if url.count(":") == 1 else ""
        signed = url.replace(".example", f".example{port}")
        signature = choose.choice(
            [library.compute_signature(signed, params), sign(signed, pairs, TOKEN), "x"]
        )
        headers = {"content-type": FORM, "x-twilio-signature": signature}
        request = WebhookRequest("POST", urlencode(pairs).encode(), {}, headers, url)
        assert library.validate(url, params, signature) is believed(request), (url, pairs, signature)


class Values(dict[str, list[str]]):
    """Parameters as web frameworks give them to the library."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getlist(self, name: str) -> list[str]:
        return self[name]


def believed(request: WebhookRequest) -> bool:
    try:
        verify(request, "", [TOKEN])
    except WebhookRefused:
        return False
    return True


# Callbacks.

REPORTS = [
    ("accepted", "", ReceiptKind.ACCEPTED, ""),
    ("scheduled", "", ReceiptKind.ACCEPTED, ""),
    ("queued", "", ReceiptKind.ACCEPTED, ""),
    ("sending", "", ReceiptKind.ACCEPTED, ""),
    ("sent", "", ReceiptKind.ACCEPTED, ""),
    ("delivered", "", ReceiptKind.DELIVERED, ""),
    ("read", "", ReceiptKind.READ, ""),
    ("undelivered", "30003", ReceiptKind.FAILED, "twilio_30003"),
    ("failed", "30007", ReceiptKind.FAILED, "twilio_30007"),
    ("failed", "", ReceiptKind.FAILED, "failed"),
    ("canceled", "", ReceiptKind.REVOKED, ""),
    ("partially_delivered", "", ReceiptKind.UNKNOWN, "partially_delivered"),
    ("DELIVERED", "", ReceiptKind.DELIVERED, ""),
]


@pytest.mark.parametrize(("status", "error", "kind", "code"), REPORTS)
def test_callback(status: str, error: str, kind: ReceiptKind, code: str) -> None:
    params = {**CALLBACK, "MessageStatus": status, **({"ErrorCode": error} if error else {})}
    expected = Receipt(kind, ID, SID, event_id=f"{SID}:{status.lower()}", code=code)
    assert twilio().parse(post(params, f"id={ID}")) == [expected]


def test_callback_by_the_legacy_names_alone() -> None:
    expected = Receipt(ReceiptKind.DELIVERED, None, SID, event_id=f"{SID}:delivered")
    assert twilio().parse(post({"SmsSid": SID, "SmsStatus": "delivered"})) == [expected]


@pytest.mark.parametrize("query", ["", "id=", "id=42"])
def test_callback_without_an_id_of_ours_is_found_by_twilios(query: str) -> None:
    expected = Receipt(ReceiptKind.DELIVERED, None, SID, event_id=f"{SID}:delivered")
    assert twilio().parse(post(CALLBACK, query)) == [expected]


def test_json_callback() -> None:
    expected = Receipt(ReceiptKind.READ, None, SID, event_id=f"{SID}:read")
    assert twilio().parse(as_json()) == [expected]


def test_stop_that_twilio_knows_of() -> None:
    params = {**CALLBACK, "MessageStatus": "failed", "ErrorCode": "21610", "To": f"rcs:{PHONE}"}
    assert twilio().parse(post(params, f"id={ID}")) == [
        Receipt(ReceiptKind.FAILED, ID, SID, event_id=f"{SID}:failed", code="opted_out", error=OptedOut)
    ]
    [failed, stopped] = twilio().parse(post(params))  # of a message that may not be ours
    assert failed == Receipt(
        ReceiptKind.FAILED, None, SID, event_id=f"{SID}:failed", code="opted_out", error=OptedOut
    )
    fields = {"error": "21610", "channel": "rcs"}
    assert stopped == Incoming(IncomingKind.UNSUBSCRIBE, PHONE, fields=fields, answered=True)


def test_what_the_channel_says_is_redacted() -> None:
    params = {**CALLBACK, "MessageStatus": "failed", "ChannelStatusMessage": f"{PHONE} is off"}
    [receipt] = twilio().parse(post(params))
    assert isinstance(receipt, Receipt)
    assert receipt.detail == "+37…34 is off"


# Incoming messages.

TO = {"to": "+15005550006"}
TEXT = Incoming(IncomingKind.TEXT, PHONE, id=SID, text="2", fields=TO)
MEDIA = {
    "NumMedia": "2",
    "MediaUrl0": "https://e.example/0",
    "MediaContentType0": "image/png",
    "MediaUrl1": "https://e.example/1",
}
FILES = [
    Incoming(
        IncomingKind.FILE, PHONE, id=f"{SID}/0", url="https://e.example/0", media_type="image/png", fields=TO
    ),
    Incoming(IncomingKind.FILE, PHONE, id=f"{SID}/1", url="https://e.example/1", fields=TO),
]
SAID: list[tuple[str, dict[str, str], list[Incoming]]] = [
    ("text", SMS, [TEXT]),
    ("empty text", {**SMS, "Body": ""}, [dataclasses.replace(TEXT, text="")]),
    ("text with NUL", {**SMS, "Body": "a\0b"}, [dataclasses.replace(TEXT, text="ab")]),
    (
        "text with a word for HELP",
        {**SMS, "OptOutType": "HELP"},
        [dataclasses.replace(TEXT, fields={**TO, "opt_out_type": "help"}, answered=True)],
    ),
    (
        "STOP in another language",
        {**SMS, "Body": "ARRET", "OptOutType": "STOP"},
        [
            Incoming(IncomingKind.UNSUBSCRIBE, PHONE, fields={**TO, "opt_out_type": "stop"}, answered=True),
            dataclasses.replace(TEXT, text="ARRET", fields={**TO, "opt_out_type": "stop"}, answered=True),
        ],
    ),
    (
        "START",
        {**SMS, "Body": "START", "OptOutType": "START"},
        [
            Incoming(IncomingKind.SUBSCRIBE, PHONE, fields={**TO, "opt_out_type": "start"}, answered=True),
            dataclasses.replace(TEXT, text="START", fields={**TO, "opt_out_type": "start"}, answered=True),
        ],
    ),
    (
        "tapped button",
        {**SMS, "Body": "Keep", "ButtonText": "Keep it", "ButtonPayload": "keep_7", "From": f"rcs:{PHONE}"},
        [
            Incoming(
                IncomingKind.SUGGESTION,
                PHONE,
                id=SID,
                text="Keep it",
                postback="keep_7",
                fields={**TO, "channel": "rcs"},
            )
        ],
    ),
    ("pictures", {**SMS, **MEDIA, "Body": ""}, FILES),
    ("pictures with words", {**SMS, **MEDIA}, [TEXT, *FILES]),
    (
        "place",
        {**SMS, "Body": "", "Latitude": "59.4", "Longitude": "-24.75", "Label": "Home"},
        [
            Incoming(
                IncomingKind.LOCATION, PHONE, id=SID, text="Home", latitude=59.4, longitude=-24.75, fields=TO
            )
        ],
    ),
    ("place outside the world", {**SMS, "Latitude": "91", "Longitude": "0"}, [TEXT]),
    ("place that is none", {**SMS, "Latitude": "north", "Longitude": "0"}, [TEXT]),
    ("short code", {**SMS, "From": "12345"}, [dataclasses.replace(TEXT, sender="12345")]),
]


@pytest.mark.parametrize(("name", "params", "expected"), SAID, ids=[name for name, _, _ in SAID])
def test_incoming(name: str, params: dict[str, str], expected: list[Incoming]) -> None:
    request = post(params)
    twilio().verify(request)
    assert twilio().parse(request) == expected


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"MessageSid": SID},
        {"MessageStatus": "sent"},
        {"Body": "x"},
        {**SMS, "From": " "},
        {"SmsStatus": "received"},
    ],
)
def test_request_that_makes_no_sense(params: dict[str, str]) -> None:
    twilio().dedupe_key(post(params))
    with pytest.raises(ValueError):
        twilio().parse(post(params))


def test_keys_against_repeats() -> None:
    key = twilio().dedupe_key(post(CALLBACK, f"id={ID}"))
    assert key == twilio().dedupe_key(post({**CALLBACK, "RawDlrDoneDate": "2611220100"}, f"id={ID}"))
    assert key != twilio().dedupe_key(post({**CALLBACK, "MessageStatus": "sent"}, f"id={ID}"))
    assert key != twilio().dedupe_key(post({**CALLBACK, "MessageSid": "SM2"}, f"id={ID}"))
    assert key != twilio().dedupe_key(post(CALLBACK))
    said = twilio().dedupe_key(post(SMS))
    assert said == twilio().dedupe_key(post({**SMS, "FromCity": "Tallinn"}))
    assert said != twilio().dedupe_key(post({**SMS, "MessageSid": "SM2"}))
    assert twilio().dedupe_key(post({**SMS, "MessageSid": ""})) is None, "the same may be said twice"


def test_answer_sends_no_reply() -> None:
    assert twilio().acknowledge() == WebhookAnswer(200, "<Response/>", "text/xml")
    assert twilio().handshake(GENUINE) is None


# Anything.

names = st.sampled_from(
    [*CALLBACK, *SMS, *MEDIA, "ErrorCode", "OptOutType", "ButtonPayload", "Latitude", "Longitude"]
)
words = st.text(max_size=20) | st.sampled_from([PHONE, SID, "21610", "STOP", "received", "failed", "9" * 30])


@given(st.dictionaries(names, words), st.sampled_from(["GET", "POST"]), st.text(max_size=40))
def test_any_request_is_understood_or_a_value_error(params: dict[str, str], method: str, name: str) -> None:
    body = urlencode({key: value.encode("utf-8", "replace") for key, value in params.items()}).encode()
    request = WebhookRequest(method, body, {**params, "id": name}, {"content-type": FORM})
    key = twilio().dedupe_key(request)
    assert key is None or len(key) <= 100
    try:
        heard = twilio().parse(request)
    except ValueError:
        return
    for one in heard:
        assert isinstance(one, Receipt | Incoming)
        json.dumps(dataclasses.asdict(one), default=str, ensure_ascii=False).encode()


@given(st.binary(max_size=200), st.sampled_from([FORM, "application/json", "text/plain", ""]))
def test_any_bytes_are_understood_or_a_value_error(body: bytes, media_type: str) -> None:
    request = WebhookRequest("POST", body, {}, {"content-type": media_type})
    twilio().dedupe_key(request)
    try:
        twilio().parse(request)
    except ValueError:
        return


@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.binary(max_size=100),
    st.text(max_size=60),
    st.text(max_size=60),
)
def test_any_other_request_is_refused(method: str, body: bytes, value: str, url: str) -> None:
    headers = {
        "x-twilio-signature": value,
        "x-twilio-webhooks-signature-settings": value,
        "content-type": value,
    }
    with pytest.raises(WebhookRefused):
        twilio().verify(WebhookRequest(method, body, {"id": value}, headers, url))
