"""Kannel: the one GET of an SMS, its answers as errors, delivery reports and incoming SMS."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcs_backends.kannel import Kannel, KannelOptions
from rcs_router.content import Card, Reply, Text
from rcs_router.contract import (
    Incoming,
    IncomingKind,
    Receipt,
    ReceiptKind,
    SendResult,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import Ambiguous, Refused, Unreadable
from tests.backends.cases import ID, PHONE, outbound
from tests.backends.stub import Behaviour, Stub, answer, cut, raw

SECRET = "s3cret-_.~"
WEBHOOK = "https://shop.example/rcs/webhooks/sms/"
ACCEPTED = answer(202, "0: Accepted for delivery")


def kannel(stub: Stub | None = None, *, webhook_url: str = WEBHOOK, **options: Any) -> Kannel:
    given = {
        "url": f"{stub.url if stub else 'http://127.0.0.1:9'}/cgi-bin/sendsms",
        "username": "tester",
        "password": "foobar&=%",
        "webhook_secret": SECRET,
        "timeout": 2.0,
    }
    return Kannel("sms", KannelOptions.read("sms", {**given, **options}), webhook_url=webhook_url)


def sent(
    stub: Stub, text: str = "x", *, options: dict[str, Any] | None = None, **kwargs: Any
) -> dict[str, str]:
    """The query of the request that goes out."""
    stub.script.append(ACCEPTED)
    assert kannel(stub, **(options or {})).send(outbound(Text(text), **kwargs)) == SendResult()
    assert (stub.last().method, stub.last().path) == ("GET", "/cgi-bin/sendsms")
    return stub.last().query


def test_request(stub: Stub) -> None:
    query = sent(stub, "Héllo & €", options={"sender": "Shop", "smsc": "A", "priority": 2})
    report = query.pop("dlr-url")
    assert query == {
        "username": "tester",
        "password": "foobar&=%",
        "to": PHONE,
        "text": "Héllo & €",
        "charset": "UTF-8",
        "coding": "0",
        "from": "Shop",
        "smsc": "A",
        "priority": "2",
        "dlr-mask": "31",
    }
    assert report == f"{WEBHOOK}?secret={SECRET}&id={ID}&status=%d&text=%A&at=%T"


def test_escapes_reach_kannel_and_what_it_fills_in_reaches_us(stub: Stub) -> None:
    """Kannel decodes the parameter once, replaces %d, %A and %T with encoded values, and fetches the result."""
    sent(stub)
    encoded = dict(part.split("=", 1) for part in urlsplit(stub.last().target).query.split("&"))["dlr-url"]
    fetched = (
        unquote(encoded).replace("%d", "16").replace("%A", "NACK%2FPERM+bad").replace("%T", "1795297773")
    )
    query = {name: values[0] for name, values in parse_qs(urlsplit(fetched).query).items()}
    webhook = WebhookRequest("GET", b"", query)
    kannel().verify(webhook)
    [receipt] = kannel().parse(webhook)
    assert isinstance(receipt, Receipt)
    assert (receipt.transmission, receipt.code, receipt.detail) == (ID, "rejected", "NACK/PERM bad")


def test_no_report_is_asked_for_while_our_address_is_unknown(stub: Stub) -> None:
    query = sent(stub, options={"webhook_url": ""})
    assert {"dlr-mask", "dlr-url"}.isdisjoint(query)


@pytest.mark.parametrize(("text", "coding"), [("a€[", "0"), ("Привет", "2"), ("“quoted”", "2"), ("😀", "2")])
def test_coding_follows_the_text(stub: Stub, text: str, coding: str) -> None:
    query = sent(stub, text)
    assert (query["coding"], query["charset"], query["text"]) == (coding, "UTF-8", text)


def test_the_plain_text_is_sent_not_the_content(stub: Stub) -> None:
    stub.script.append(ACCEPTED)
    kannel(stub).send(outbound(Card("Boots", suggestions=(Reply("Keep", "k"),))))
    assert stub.last().query["text"] == "Boots\n1) Keep"


def test_half_a_surrogate_pair_is_replaced(stub: Stub) -> None:
    assert sent(stub, "a\ud83d")["text"] == "a?"


@pytest.mark.parametrize(("seconds", "minutes"), [(3601, "60"), (90, "1"), (10, "1"), (-10, "1")])
def test_validity(stub: Stub, seconds: float, minutes: str) -> None:
    assert sent(stub, expires_at=datetime.now(UTC) + timedelta(seconds=seconds))["validity"] == minutes
    assert "validity" not in sent(stub)


def test_extra_takes_sendsms_parameters_only(stub: Stub) -> None:
    extra = {"mclass": 0, "from": "Other", "text": "evil", "contentMessage": {}, "dlr-url": "x"}
    query = sent(stub, extra=extra, options={"senders": ("Other",)})
    assert (query["mclass"], query["from"], query["text"]) == ("0", "Other", "x")
    assert "contentMessage" not in query
    assert query["dlr-url"].startswith(WEBHOOK)


def test_queued_is_taken(stub: Stub) -> None:
    stub.script.append(answer(202, "3: Queued for later delivery"))
    assert kannel(stub).send(outbound(Text("x"))) == SendResult(code="queued")


@pytest.mark.parametrize(
    "behaviour",
    [
        answer(202, ""),
        answer(200, "<html>"),
        answer(202, "Sent"),
        raw(b"HTTP/1.1 202 OK\r\nContent-Length: 9\r\n\r\n"),
    ],
)
def test_success_that_cannot_be_read_is_doubted(stub: Stub, behaviour: Behaviour) -> None:
    stub.script.append(behaviour)
    with pytest.raises(Unreadable):
        kannel(stub).send(outbound(Text("x")))


def test_success_that_breaks_off_is_one_if_its_number_can_be_read(stub: Stub) -> None:
    stub.script.append(raw(b"HTTP/1.1 202 OK\r\nContent-Length: 99\r\n\r\n0: Acc"))
    assert kannel(stub).send(outbound(Text("x"))) == SendResult()


def test_stale_connection_is_not_repeated_since_kannel_would_send_twice(stub: Stub) -> None:
    stub.script.extend([ACCEPTED, cut, ACCEPTED])
    backend = kannel(stub)
    backend.send(outbound(Text("x")))
    with pytest.raises(Ambiguous):
        backend.send(outbound(Text("x")))
    assert len(stub.requests) == 2


def test_nothing_secret_is_told(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stub.script.append(answer(400, f"foobar&=% {SECRET} {PHONE} Your code is 482913"))
    backend = kannel(stub)
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("Your code is 482913")))
    told = f"{caught.value!r}{caplog.text}{backend!r}{backend.options!r}"
    for hidden in ("foobar", "s3cret", "55501234", "482913"):
        assert hidden not in told


def test_too_many_parts(stub: Stub) -> None:
    backend = kannel(stub, max_parts=2)
    assert backend.check(Text("a" * 306)) == []
    assert backend.check(Text("a" * 307)) == ["text: 3 SMS, max_parts allows 2"]
    with pytest.raises(Refused) as caught:
        backend.send(outbound(Text("a" * 307)))
    assert caught.value.code == "too_long"
    assert stub.requests == []


# In.


def get(query: dict[str, str]) -> WebhookRequest:
    return WebhookRequest("GET", b"", {"secret": SECRET, **query})


REPORTS = [
    ("1", ReceiptKind.DELIVERED, ""),
    ("2", ReceiptKind.FAILED, "undelivered"),
    ("4", ReceiptKind.ACCEPTED, "buffered"),
    ("8", ReceiptKind.ACCEPTED, ""),
    ("16", ReceiptKind.FAILED, "rejected"),
    ("32", ReceiptKind.UNKNOWN, "dlr_32"),
    ("", ReceiptKind.UNKNOWN, "dlr_"),
    ("%d", ReceiptKind.UNKNOWN, "dlr_%d"),
]


@pytest.mark.parametrize(("status", "kind", "code"), REPORTS)
def test_report(status: str, kind: ReceiptKind, code: str) -> None:
    webhook = get({"id": str(ID), "status": status, "text": "", "at": "1795297773"})
    at = datetime.fromtimestamp(1795297773, UTC)
    expected = Receipt(kind, transmission=ID, at=at, event_id=f"{ID}:{status}", code=code)
    assert kannel().parse(webhook) == [expected]


def test_report_without_its_optional_fields() -> None:
    expected = Receipt(ReceiptKind.ACCEPTED, provider_id="42", event_id="42:8")
    assert kannel().parse(get({"id": "42", "status": "8", "at": "%T"})) == [expected]


def test_report_does_not_keep_the_messages_words() -> None:
    smpp = "id:7 sub:001 dlvrd:000 stat:EXPIRED err:045 text:Your code is 482"
    [receipt] = kannel().parse(get({"id": str(ID), "status": "2", "text": smpp}))
    assert isinstance(receipt, Receipt)
    assert receipt.detail == "id:7 sub:001 dlvrd:000 stat:EXPIRED err:045"


SMS = {"from": "37255501234", "to": "123", "text": "2", "charset": "UTF-8", "coding": "0"}
MESSAGES: list[tuple[dict[str, str], IncomingKind, dict[str, Any]]] = [
    (SMS, IncomingKind.TEXT, {"text": "2"}),
    ({**SMS, "text": ""}, IncomingKind.TEXT, {"text": ""}),
    ({**SMS, "text": "a\0b"}, IncomingKind.TEXT, {"text": "ab"}),
    (
        {**SMS, "sms_id": "b93d8ea4", "at": "0"},
        IncomingKind.TEXT,
        {"id": "b93d8ea4", "at": datetime(1970, 1, 1, tzinfo=UTC)},
    ),
    ({**SMS, "from": PHONE}, IncomingKind.TEXT, {}),
    ({**SMS, "from": " 37255501234"}, IncomingKind.TEXT, {}),  # a plus that some proxy read as a space
    ({**SMS, "from": "0037255501234"}, IncomingKind.TEXT, {}),
    ({**SMS, "from": "", "id": "37255501234"}, IncomingKind.TEXT, {}),
    ({**SMS, "from": "12345"}, IncomingKind.TEXT, {"sender": "12345"}),
    ({**SMS, "from": "055501234"}, IncomingKind.TEXT, {"sender": "055501234"}),
    ({**SMS, "from": "MyBank"}, IncomingKind.TEXT, {"sender": "MyBank"}),
    (
        {**SMS, "charset": "UTF-16BE", "coding": "2", "text": "Да".encode("utf-16-be").decode()},
        IncomingKind.TEXT,
        {"text": "Да"},
    ),
    (
        {
            **SMS,
            "charset": "UTF-16BE",
            "coding": "2",
            "text": "€é".encode("utf-16-be").decode("utf-8", "replace"),
        },
        IncomingKind.UNKNOWN,
        {"fields": {"to": "123", "charset": "UTF-16BE"}},
    ),
    (
        {**SMS, "charset": "UTF-16BE", "coding": "2", "text": "\x04"},
        IncomingKind.UNKNOWN,
        {"fields": {"to": "123", "charset": "UTF-16BE", "raw": "%04"}, "text": "\x04"},
    ),
    (
        {**SMS, "charset": "8-BIT", "coding": "1"},
        IncomingKind.UNKNOWN,
        {"fields": {"to": "123", "charset": "8-BIT"}},
    ),
]


@pytest.mark.parametrize(("query", "kind", "expected"), MESSAGES)
def test_incoming_sms(query: dict[str, str], kind: IncomingKind, expected: dict[str, Any]) -> None:
    [incoming] = kannel().parse(get(query))
    assert isinstance(incoming, Incoming)
    assert incoming.kind == kind
    for name, value in {"sender": PHONE, "fields": {"to": "123"}, **expected}.items():
        assert getattr(incoming, name) == value


HEADERS = {
    "content-type": 'text/plain; charset="UTF-8"',
    "x-kannel-from": "15550000001",
    "x-kannel-to": "123",
    "x-kannel-coding": "0",
    "x-kannel-smsc": "FAKE",
}
POSTED = [
    ('text/plain; charset="UTF-8"', "Öl €".encode(), IncomingKind.TEXT, "Öl €"),
    ("text/plain; charset=UTF-16BE", "Привет €".encode("utf-16-be"), IncomingKind.TEXT, "Привет €"),
    ("text/plain; charset=iso-8859-1", b"\xd6l", IncomingKind.TEXT, "Öl"),
    ("", b"plain", IncomingKind.TEXT, "plain"),
    ("text/plain; charset=klingon", b"plain", IncomingKind.TEXT, "plain"),
    ("text/plain; charset=UTF-8", b"\xff", IncomingKind.TEXT, "\ufffd"),
]


@pytest.mark.parametrize(("media_type", "body", "kind", "text"), POSTED)
def test_incoming_sms_by_post(media_type: str, body: bytes, kind: IncomingKind, text: str) -> None:
    query = {"secret": SECRET, "sms_id": "i1"}
    webhook = WebhookRequest("POST", body, query, {**HEADERS, "content-type": media_type})
    kannel().verify(webhook)
    kept = {"charset": "UTF-8", "raw": "%FF"} if text == "\ufffd" else {}
    expected = Incoming(kind, "+15550000001", id="i1", text=text, fields={"to": "123", **kept})
    assert kannel().parse(webhook) == [expected]


@pytest.mark.parametrize(
    "query", [{}, {"text": "x"}, {"from": "1"}, {"from": " ", "text": "x"}, {"status": "1"}]
)
def test_request_that_makes_no_sense(query: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        kannel().parse(get(query))


def test_keys_against_repeats() -> None:
    backend = kannel()
    report = {"id": str(ID), "status": "1"}
    assert backend.dedupe_key(get(report)) == backend.dedupe_key(get({**report, "text": "again", "at": "1"}))
    assert backend.dedupe_key(get(report)) != backend.dedupe_key(get({**report, "status": "8"}))
    assert backend.dedupe_key(get(SMS)) is None, "two people, or one twice, may say the same"
    assert backend.dedupe_key(get({**SMS, "sms_id": "a"})) == backend.dedupe_key(get({**SMS, "sms_id": "a"}))
    assert backend.dedupe_key(get({**SMS, "sms_id": "a"})) != backend.dedupe_key(get({**SMS, "sms_id": "b"}))


def test_answer_is_empty_so_that_nothing_goes_back_as_sms() -> None:
    assert kannel().acknowledge() == WebhookAnswer(200, "")


def test_the_first_secret_is_the_one_in_new_reports(stub: Stub) -> None:
    stub.script.append(ACCEPTED)
    kannel(stub, webhook_secret=("new", "old")).send(outbound(Text("x")))
    assert "?secret=new&" in stub.last().query["dlr-url"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "localhost:13013"}, "url is not an http or https address"),
    ({"max_parts": 0}, "max_parts must be at least 1"),
    ({"priority": 4}, "priority must be 0, 1, 2 or 3"),
    ({"webhook_secret": ""}, "webhook_secret is empty: no webhook can be verified"),
    ({"webhook_secret": ()}, "webhook_secret is empty: no webhook can be verified"),
    (
        {"webhook_secret": "a%d"},
        "webhook_secret may hold only letters, digits and - . _ ~, since Kannel reads % as an escape",
    ),
]


@pytest.mark.parametrize(("options", "problem"), WRONG)
def test_wrong_options_are_sentences(options: dict[str, Any], problem: str) -> None:
    assert kannel(**options).problems() == [problem]


def test_healthy_options_have_no_problems() -> None:
    assert kannel().problems() == []


words = st.sampled_from(["secret", "id", "status", "text", "from", "to", "at", "sms_id", "charset", "coding"])
values = st.text(max_size=20) | st.sampled_from(["1", "UTF-16BE", "8-BIT", "2", PHONE, str(ID), "9" * 11])


@given(
    st.dictionaries(words, values),
    st.sampled_from(["GET", "POST"]),
    st.binary(max_size=40),
    st.text(max_size=30),
)
def test_any_request_is_understood_or_a_value_error(
    query: dict[str, str], method: str, body: bytes, media: str
) -> None:
    webhook = WebhookRequest(
        method, body, query, {"content-type": media, "x-kannel-from": query.get("from", "")}
    )
    key = kannel().dedupe_key(webhook)
    assert key is None or len(key) <= 100
    try:
        [heard] = kannel().parse(webhook)
    except ValueError:
        return
    assert isinstance(heard, Incoming) or isinstance(heard.transmission, UUID | None)
