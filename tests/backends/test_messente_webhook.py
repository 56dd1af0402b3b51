"""Messente inwards: signatures, reports by status, error and chain, what people say, and what makes no sense."""

import dataclasses
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_backends.messente import Messente
from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookAnswer, WebhookRequest
from rcs_router.errors import WebhookRefused
from tests.backends.cases import ID, PHONE, Heard
from tests.backends.test_messente_send import INBOUND, NAME, PASSWORD, SMS, messente

# Both bodies and signatures were made apart from this code.
REPORT_BODY = (
    b'{"status": "DELIVRD", "sender": "ACME", "err": 0, "message_id": "m-1", "to": "+37251000000", '
    b'"channel": "rcs", "error": null, "omnimessage_id": "o-1", "timestamp": "2026-01-02T03:04:05.678901"}'
)
REPORT_SIGNATURE = "19b5b3225d6172bdcfafb78cec75f8675cdc24bdde5dd9426e1d1a820cab7e75"
SAID_BODY = (
    b'{"msg_id": "mo-1", "sub_msg_id": "mo-1-a", "channel": "sms", "recipient": "1234", '
    b'"time": "2026-01-02T03:04:05.000000Z", "text": "STOP", "sender": "+37251000000"}'
)
SAID_SIGNATURE = "107d40ee48b20e73509c3acfaa868a4119919351edc058395f9407b3a78949a2"
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def post(body: bytes, signature: str = "", **query: str) -> WebhookRequest:
    return WebhookRequest("POST", body, query, {"x-messente-signature": signature} if signature else {})


def signed(payload: Any, key: str = PASSWORD, **query: str) -> WebhookRequest:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return post(body, hmac.digest(key.encode(), body, "sha256").hex(), **query)


def report(**changes: Any) -> dict[str, Any]:
    return {
        "status": "DELIVRD",
        "sender": "Acme Agent",
        "err": 0,
        "message_id": "m-1",
        "to": PHONE,
        "channel": "rcs",
        "error": None,
        "omnimessage_id": NAME,
        "timestamp": "2026-01-02T03:04:05.678901",
        "price_info": {"part_price": "0.05", "parts_count": 1, "total_price": "0.05"},
        **changes,
    }


def said(**changes: Any) -> dict[str, Any]:
    return {
        "msg_id": "mo-1",
        "sub_msg_id": "mo-1-a",
        "channel": "sms",
        "recipient": "1234",
        "time": "2026-01-02T03:04:05.678901Z",
        "text": "Hello",
        "sender": PHONE,
        **changes,
    }


def only(payload: Any, backend: Messente | None = None) -> Any:
    [parsed] = (backend or messente()).parse(signed(payload, id=str(ID)))
    return parsed


# Whom to believe.

GENUINE = [
    ("report", post(REPORT_BODY, REPORT_SIGNATURE)),
    ("message", post(SAID_BODY, SAID_SIGNATURE)),
    ("signature in capitals", post(REPORT_BODY, REPORT_SIGNATURE.upper())),
    ("message signed with the password", signed(SAID_BODY)),
    ("any address", post(REPORT_BODY, REPORT_SIGNATURE, id=str(ID))),
]


@pytest.mark.parametrize("request_", [g[1] for g in GENUINE], ids=[g[0] for g in GENUINE])
def test_genuine_requests_are_believed(request_: WebhookRequest) -> None:
    messente().verify(request_)
    assert messente().handshake(request_) is None
    assert messente().parse(request_)
    assert messente().acknowledge() == WebhookAnswer(200)


GET = dataclasses.replace(GENUINE[0][1], method="GET")
FORGED = [
    ("unsigned", post(REPORT_BODY), 401),
    ("unsigned message", post(SAID_BODY), 401),
    ("blank signature", post(REPORT_BODY, "  "), 401),
    ("another header", WebhookRequest("POST", REPORT_BODY, {}, {"x-signature": REPORT_SIGNATURE}), 401),
    ("in the address", post(REPORT_BODY, **{"x-messente-signature": REPORT_SIGNATURE}), 401),
    ("signature cut", post(REPORT_BODY, REPORT_SIGNATURE[:-1]), 401),
    ("signature and more", post(REPORT_BODY, REPORT_SIGNATURE + "0"), 401),
    ("signature of another body", post(REPORT_BODY, SAID_SIGNATURE), 401),
    ("body changed", post(REPORT_BODY.replace(b"DELIVRD", b"UNDELIV"), REPORT_SIGNATURE), 401),
    ("body with a space more", post(REPORT_BODY + b" ", REPORT_SIGNATURE), 401),
    ("body empty", post(b"", REPORT_SIGNATURE), 401),
    ("signature not ASCII", post(REPORT_BODY, "é\ud800" * 32), 401),
    ("signature huge", post(REPORT_BODY, "a" * 1_000_000), 401),
    ("signed with another key", signed(report(), "other"), 401),
    ("signed with no key", signed(report(), ""), 401),
    ("message signed with no key", signed(said(), ""), 401),
    ("report signed with the inbound secret", signed(report(), INBOUND), 401),
    ("a message that is a report, too", signed(said(status="DELIVRD"), INBOUND), 401),
    ("too deep", post(b'{"a":' * 100_000, REPORT_SIGNATURE), 401),
    ("a GET", GET, 405),
    ("a PUT", dataclasses.replace(GET, method="PUT"), 405),
]


@pytest.mark.parametrize(("request_", "status"), [f[1:] for f in FORGED], ids=[f[0] for f in FORGED])
def test_forged_requests_are_refused(request_: WebhookRequest, status: int) -> None:
    with pytest.raises(WebhookRefused) as caught:
        messente().verify(request_)
    assert caught.value.status == status
    assert PASSWORD not in str(caught.value)
    assert INBOUND not in str(caught.value)


def test_several_secrets_while_they_are_changed() -> None:
    backend = messente(password=("new", PASSWORD), inbound_secret=("newer", INBOUND))
    for payload, key in ((report(), "new"), (report(), PASSWORD), (said(), "newer"), (said(), INBOUND)):
        backend.verify(signed(payload, key))
    with pytest.raises(WebhookRefused):
        backend.verify(signed(report(), "newer"))


@pytest.mark.parametrize("none", ["", (), ("",)])
def test_no_inbound_secret_is_no_key(none: Any) -> None:
    backend = messente(inbound_secret=none)
    backend.verify(signed(said()))
    for key in ("", INBOUND):
        with pytest.raises(WebhookRefused):
            backend.verify(signed(said(), key))


@given(
    method=st.sampled_from(["GET", "POST", "PUT", ""]),
    body=st.binary(max_size=200) | st.sampled_from([REPORT_BODY, SAID_BODY]),
    value=st.text(max_size=70) | st.binary(min_size=32, max_size=32).map(bytes.hex),
)
def test_arbitrary_requests_are_refused_and_nothing_else(method: str, body: bytes, value: str) -> None:
    with pytest.raises(WebhookRefused):
        messente().verify(WebhookRequest(method, body, {}, {"x-messente-signature": value}))


# Repeats.


def key(payload: Any, **query: str) -> str:
    name = messente().dedupe_key(signed(payload, **query))
    assert name
    assert len(name) <= 100
    return name


def test_a_repeat_has_the_same_key() -> None:
    assert key(report()) == key(report(timestamp="2026-01-02T03:05:00", price_info=None))
    assert key(report()) == key(report(), id=str(ID)), "the address is not signed"
    assert key(said()) == key(said(time=None))
    assert key(b"odd") == key(b"odd")


def test_what_differs_has_another_key() -> None:
    payloads = [
        *(report(), report(status="SEEN"), report(message_id="m-2"), report(message_id=None)),
        *(said(), said(msg_id="mo-2"), said(sub_msg_id="mo-1-b"), said(sub_msg_id=None)),
        *(
            report(message_id=None, msg_id="mo-1", sub_msg_id="mo-1-a"),
            report(message_id={"a": 1}),
            report(message_id={"a": 2}),
        ),
        *(b"odd", b"[]", b""),
    ]
    assert len({key(payload) for payload in payloads}) == len(payloads)


# Reports.

KINDS = {
    "ACK": ReceiptKind.ACCEPTED,
    "ACCEPTD": ReceiptKind.ACCEPTED,
    "UNKNOWN": ReceiptKind.UNKNOWN,
    "DELIVRD": ReceiptKind.DELIVERED,
    "SEEN": ReceiptKind.READ,
    "UNDELIV": ReceiptKind.FAILED,
    "FAILED": ReceiptKind.FAILED,
    "REJECTD": ReceiptKind.FAILED,
    "NACK": ReceiptKind.FAILED,
    "EXPIRED": ReceiptKind.EXPIRED,
    "DELETED": ReceiptKind.REVOKED,
    "TELEPORTED": ReceiptKind.UNKNOWN,
}
GOOD = ("ACK", "ACCEPTD", "DELIVRD", "SEEN")
ENDS = ("UNDELIV", "FAILED", "REJECTD", "NACK", "EXPIRED", "DELETED")
ERRS: list[tuple[Any, str]] = [
    (0, ""),
    (10, ""),
    (None, ""),
    ("", ""),
    (1, "delivery_failure"),
    (2, "expired"),
    (3, "invalid_number"),
    (4, "crediting_failed"),
    (5, "invalid_number_format"),
    (6, "too_many_identical"),
    (7, "sender_not_allowed"),
    (8, "blacklisted"),
    ("8", "blacklisted"),
    (9, "unroutable"),
    (999, "temporary_error"),
    (42, "err_42"),
    ("what", "err_what"),
    (True, ""),
    ([1], ""),
]


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
@pytest.mark.parametrize(("err", "word"), ERRS)
def test_status_and_error(status: str, kind: ReceiptKind, err: Any, word: str) -> None:
    found = only(report(status=status, err=err))
    assert (found.kind, found.transmission, found.provider_id, found.at) == (kind, ID, NAME, AT)
    assert found.event_id == f"m-1:{status}"
    assert found.code == (word or ("" if status in GOOD else status.lower()))
    assert found.detail == word


def test_the_whole_report() -> None:
    assert only(report()) == Receipt(ReceiptKind.DELIVERED, ID, NAME, AT, "m-1:DELIVRD")
    failed = only(report(status="REJECTD", err=8, error=f"Operator blacklisted {PHONE}"))
    assert (failed.code, failed.detail) == ("blacklisted", "Operator blacklisted +37…34")


@pytest.mark.parametrize("status", KINDS)
@pytest.mark.parametrize(
    ("channel", "is_last"), [("rcs", False), ("viber", False), ("sms", True), ("fax", True)]
)
def test_chain(status: str, channel: str, is_last: bool) -> None:
    """While another channel is to come, the end of one is news, and not the message's end."""
    backend = messente(chain=[{"channel": "viber"}, SMS])
    found = only(report(status=status, channel=channel, err=1, error="Delivery failure"), backend)
    goes_on = status in ENDS and not is_last
    assert found.kind == (ReceiptKind.UNKNOWN if goes_on else KINDS[status])
    assert found.code == (f"{channel}_{status.lower()}" if goes_on else "delivery_failure")
    assert found.detail == f"by {channel}: Delivery failure"
    assert (found.transmission, found.provider_id) == (ID, NAME)


@pytest.mark.parametrize("status", ENDS)
def test_without_a_chain_the_end_is_the_end(status: str) -> None:
    assert only(report(status=status)).kind == KINDS[status]
    assert only(report(status=status, channel="sms"), messente(channel="sms")).kind == KINDS[status]


def test_a_delivery_says_by_which_channel() -> None:
    found = only(report(channel="sms", message_id="m-2"), messente(chain=[SMS]))
    assert (found.kind, found.code, found.detail) == (ReceiptKind.DELIVERED, "", "by sms")


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("2026-01-02T03:04:05.678901", AT),
        ("2026-01-02T03:04:05.678901Z", AT),
        ("2026-01-02T05:04:05.678901+02:00", AT),
        ("2026-01-02T03:04:05", AT.replace(microsecond=0)),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1767323045, None),
        (None, None),
    ],
)
def test_timestamps_without_zone_are_utc(timestamp: Any, at: datetime | None) -> None:
    assert only(report(timestamp=timestamp)).at == at


def test_our_own_time_zone_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        assert only(report()).at == AT
    time.tzset()


@pytest.mark.parametrize("name", ["", "x", "5f1c9f0e", "\ud800"])
def test_a_report_without_our_id_is_found_by_theirs(name: str) -> None:
    [found] = messente().parse(signed(report(), id=name))
    assert isinstance(found, Receipt)
    assert (found.transmission, found.provider_id) == (None, NAME)


def test_a_report_without_their_ids_is_found_by_ours() -> None:
    found = only(report(omnimessage_id=None, message_id=None))
    assert (found.transmission, found.provider_id) == (ID, "")


# What people say.

FIELDS = {"to": "1234", "channel": "sms"}
HEARD = [
    Heard("text", said(), [Incoming(IncomingKind.TEXT, PHONE, "mo-1/mo-1-a", "Hello", at=AT, fields=FIELDS)]),
    Heard(
        "empty text", said(text=""), [Incoming(IncomingKind.TEXT, PHONE, "mo-1/mo-1-a", at=AT, fields=FIELDS)]
    ),
    Heard(
        "RCS text",
        said(channel="rcs", recipient="Acme Agent"),
        [
            Incoming(
                IncomingKind.TEXT,
                PHONE,
                "mo-1/mo-1-a",
                "Hello",
                at=AT,
                fields={"to": "Acme Agent", "channel": "rcs"},
            )
        ],
    ),
    Heard(
        "tapped chip",
        said(channel="rcs", text="Keep", postback_data="keep_7"),
        [
            Incoming(
                IncomingKind.SUGGESTION,
                PHONE,
                "mo-1/mo-1-a",
                "Keep",
                "keep_7",
                at=AT,
                fields={"to": "1234", "channel": "rcs"},
            )
        ],
    ),
    Heard(
        "no text",
        said(text=None),
        [Incoming(IncomingKind.UNKNOWN, PHONE, "mo-1/mo-1-a", at=AT, fields=FIELDS)],
    ),
    Heard(
        "as little as possible",
        {"msg_id": 7, "sender": "37255501234", "text": "Hi\0"},
        [Incoming(IncomingKind.TEXT, PHONE, "7", "Hi")],
    ),
    Heard(
        "from a short code",
        said(sender="1311"),
        [Incoming(IncomingKind.TEXT, "1311", "mo-1/mo-1-a", "Hello", at=AT, fields=FIELDS)],
    ),
]


@pytest.mark.parametrize("case", HEARD, ids=lambda case: case.name)
def test_what_people_say(case: Heard) -> None:
    assert messente().parse(signed(case.payload, INBOUND)) == case.expected


SENSELESS = [
    *(b"", b"null", b"[]", b"7", b'"x"', b"{}", b"<html>", b'{"status": NaN}', b'{"a":' * 100_000, b"\xff"),
    *(report(status=status) for status in (None, "", {}, [], True)),
    *({"msg_id": name, "sender": PHONE, "text": "x"} for name in (None, "", {}, True)),
    *(said(sender=sender) for sender in (None, "", "  ", {}, [])),
]


@pytest.mark.parametrize("payload", SENSELESS, ids=[str(s)[:40] for s in SENSELESS])
def test_what_makes_no_sense_is_a_value_error(payload: Any) -> None:
    with pytest.raises(ValueError):
        messente().parse(signed(payload, id=str(ID)))


def test_a_report_that_belongs_to_nothing_is_a_value_error() -> None:
    with pytest.raises(ValueError):
        messente().parse(signed(report(omnimessage_id=None)))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from([*report(), *said(), "postback_data"])


@given(
    payload=VALUES | st.dictionaries(NAMES, VALUES | st.sampled_from(sorted(KINDS))),
    name=st.text(max_size=40) | st.just(str(ID)),
    is_chained=st.booleans(),
)
def test_any_signed_json_is_parsed_or_a_value_error(payload: Any, name: str, is_chained: bool) -> None:
    backend, webhook = messente(chain=[SMS] if is_chained else []), signed(payload, id=name)
    backend.verify(webhook)
    assert len(backend.dedupe_key(webhook) or "") in range(1, 101)
    try:
        for parsed in backend.parse(webhook):
            assert isinstance(parsed, Receipt | Incoming)
            dataclasses.asdict(parsed)
            str(parsed).encode()
    except ValueError:
        return
