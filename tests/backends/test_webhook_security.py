"""What no webhook of any provider may believe: unsigned, forged, truncated, empty, huge and arbitrary requests."""

import base64
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_router.contract import WebhookRequest
from rcs_router.errors import WebhookRefused
from tests.backends.cases import PHONE, Provider
from tests.backends.google import AGENT, google, request, signature, signed
from tests.backends.test_kannel import SECRET, kannel

PAYLOAD = {"agentId": AGENT, "senderPhoneNumber": PHONE, "messageId": "MxUser1", "text": "STOP"}
SIGNED = signed(PAYLOAD)
OTHER = signed({**PAYLOAD, "text": "START"})
GET = WebhookRequest("GET", b"", {"secret": SECRET, "from": PHONE, "text": "STOP", "sms_id": "i1"})


def envelope(data: object, sign: bytes = b"") -> WebhookRequest:
    return request({"message": {"data": data}}, x_goog_signature=signature(sign))


def with_header(value: str) -> WebhookRequest:
    return dataclasses.replace(SIGNED, headers={"x-goog-signature": value})


def with_secret(value: str) -> WebhookRequest:
    return dataclasses.replace(GET, query={**GET.query, "secret": value})


PROVIDERS = [
    Provider(
        "google",
        google(),
        SIGNED,
        {
            "unsigned": dataclasses.replace(SIGNED, headers={}),
            "empty signature": with_header(""),
            "signed with another token": signed(PAYLOAD, key="other"),
            "signed with no token": signed(PAYLOAD, key=""),
            "signature of another payload": with_header(OTHER.headers["x-goog-signature"]),
            "signature cut": with_header(SIGNED.headers["x-goog-signature"][:-2]),
            "signature not ASCII": with_header("é\ud800" * 44),
            "signature huge": with_header("A" * 1_000_000),
            "body of another signature": dataclasses.replace(OTHER, headers=SIGNED.headers),
            "body truncated": dataclasses.replace(SIGNED, body=SIGNED.body[:-10]),
            "body empty": dataclasses.replace(SIGNED, body=b""),
            "body not JSON": dataclasses.replace(SIGNED, body=b"<html>"),
            "body not UTF-8": dataclasses.replace(SIGNED, body=b"\xff" * 100),
            "body too deep": dataclasses.replace(SIGNED, body=b'{"a":' * 100_000),
            "body huge": dataclasses.replace(
                SIGNED, body=b'{"message": {"data": "' + b"A" * 3_000_001 + b'"}}'
            ),
            "envelope a list": dataclasses.replace(SIGNED, body=b"[]"),
            "message a string": dataclasses.replace(SIGNED, body=b'{"message": "x"}'),
            "no data": dataclasses.replace(SIGNED, body=b'{"message": {}}'),
            "data a number": envelope(7),
            "data null": envelope(None),
            "data not base64": envelope("not base64!"),
            "data not ASCII": envelope("é"),
            "data without padding": envelope("YQ", sign=b"a"),
            "a GET": dataclasses.replace(SIGNED, method="GET"),
        },
        lambda data: signed(data),
    ),
    Provider(
        "kannel",
        kannel(),
        GET,
        {
            "unsigned": dataclasses.replace(GET, query={"from": PHONE, "text": "STOP"}),
            "empty secret": with_secret(""),
            "wrong secret": with_secret("guess"),
            "secret cut": with_secret(SECRET[:-1]),
            "secret and more": with_secret(SECRET + "x"),
            "secret in capitals": with_secret(SECRET.upper()),
            "secret not ASCII": with_secret("é\ud800"),
            "secret huge": with_secret("s" * 1_000_000),
            "secret in the body only": WebhookRequest("POST", f"secret={SECRET}".encode()),
            "secret in a header only": WebhookRequest("POST", b"", {}, {"secret": SECRET}),
            "a DELETE": dataclasses.replace(GET, method="DELETE"),
        },
        lambda data: dataclasses.replace(
            GET, query={"secret": SECRET, "text": data.decode("utf-8", "replace")}
        ),
    ),
]
FORGED = [(p, name) for p in PROVIDERS for name in p.forged]


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
def test_genuine_request_is_believed(provider: Provider) -> None:
    provider.backend.verify(provider.genuine)
    assert provider.backend.parse(provider.genuine)


@pytest.mark.parametrize(("provider", "name"), FORGED, ids=[f"{p.name}: {name}" for p, name in FORGED])
def test_forged_request_is_refused(provider: Provider, name: str) -> None:
    with pytest.raises(WebhookRefused) as caught:
        provider.backend.handshake(provider.forged[name])
        provider.backend.verify(provider.forged[name])
    assert 400 <= caught.value.status < 500
    for secret in provider.backend.options.secrets():
        assert secret not in str(caught.value)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
def test_replayed_request_has_the_same_key(provider: Provider) -> None:
    again = dataclasses.replace(provider.genuine, headers={**provider.genuine.headers, "date": "later"})
    key = provider.backend.dedupe_key(provider.genuine)
    assert key
    assert len(key) <= 100
    assert key == provider.backend.dedupe_key(again)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", ""]),
    body=st.binary(max_size=200)
    | st.text(max_size=50).map(lambda s: json.dumps({"message": {"data": s}}).encode()),
    value=st.text(max_size=120) | st.binary(max_size=64).map(lambda b: base64.b64encode(b).decode()),
)
def test_arbitrary_request_is_refused_and_nothing_else(
    provider: Provider, method: str, body: bytes, value: str
) -> None:
    webhook = WebhookRequest(
        method, body, {"secret": value}, {"x-goog-signature": value, "x-goog-webhook-type": value}
    )
    with pytest.raises(WebhookRefused):
        provider.backend.handshake(webhook)
        provider.backend.verify(webhook)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda p: p.name)
@given(data=st.binary(max_size=200))
def test_any_signed_bytes_are_parsed_or_a_value_error(provider: Provider, data: bytes) -> None:
    webhook = provider.odd(data)
    provider.backend.verify(webhook)
    provider.backend.dedupe_key(webhook)
    try:
        provider.backend.parse(webhook)
    except ValueError:
        return
