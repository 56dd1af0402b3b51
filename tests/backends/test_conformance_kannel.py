"""Kannel keeps every promise of the contract."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from rcs_backends.kannel import Kannel
from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookRequest
from rcs_router.errors import Ambiguous, Forbidden, Misconfigured, Refused, Unavailable
from rcs_router.testing.conformance import ID, PHONE, Conformance, Fault, Heard, Provider, answer

SECRET = "s3cret-_.~"
SMS = {"from": "37255501234", "to": "123", "text": "STOP", "charset": "UTF-8", "coding": "0", "sms_id": "i1"}
REPORT = {"id": str(ID), "status": "1", "text": "", "at": "%T"}
GET = WebhookRequest("GET", b"", {"secret": SECRET, **SMS})


def with_secret(value: str) -> WebhookRequest:
    return dataclasses.replace(GET, query={**GET.query, "secret": value})


def get(payload: Any) -> WebhookRequest:
    """The payload's members as parameters; what is none is somebody's text."""
    if not isinstance(payload, Mapping):
        payload = {"from": PHONE, "text": payload}
    query = {name: _written(value) for name, value in payload.items()}
    return WebhookRequest("GET", b"", {**query, "secret": SECRET})


def _written(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def told(status: str, kind: ReceiptKind, code: str = "") -> Heard:
    expected = Receipt(kind, transmission=ID, event_id=f"{ID}:{status}", code=code)
    return Heard(f"report {status}", {**REPORT, "status": status}, [expected])


class TestKannel(Conformance):
    provider = Provider(
        backend=Kannel,
        options=lambda url: {
            "url": f"{url}/cgi-bin/sendsms",
            "username": "tester",
            "password": "foobar&=%",
            "webhook_secret": SECRET,
        },
        accepted=answer(202, "0: Accepted for delivery", Content_Type="text/html"),
        errors={
            "no number": Fault(answer(400, "Missing receiver number, rejected"), Refused, "refused"),
            "no sender": Fault(
                answer(400, "Sender missing and no global set, rejected"), Misconfigured, "sender_missing"
            ),
            "black list": Fault(
                answer(400, "Number(s) has/have been denied by white- and/or black-lists."), Refused
            ),
            "charset": Fault(answer(400, "Charset or body misformed, rejected"), Refused, "refused"),
            "password": Fault(
                answer(403, "Authorization failed for sendsms"), Misconfigured, "authorization_failed"
            ),
            "not routable": Fault(answer(403, "Not routable. Do not try again."), Refused, "not_routable"),
            "bare 403": Fault(answer(403), Forbidden, "forbidden"),
            "proxy, 403": Fault(answer(403, "<html>proxy</html>"), Unavailable, "not_the_provider"),
            "another path": Fault(answer(404, "Unknown request.", Content_Type="text/html"), Misconfigured),
            "its words as HTML": Fault(
                answer(400, "Charset or body misformed, rejected", Content_Type="text/html"),
                Refused,
                "refused",
            ),
            "password, as HTML": Fault(
                answer(403, "Authorization failed for sendsms", Content_Type="text/html"),
                Misconfigured,
                "authorization_failed",
            ),
            "busy": Fault(answer(503, "Temporal failure, try again later."), Unavailable),
            "proxy, 502": Fault(answer(502, "<html>bad gateway</html>"), Ambiguous),
            "proxy, 504": Fault(answer(504, "<html>gateway timeout</html>"), Ambiguous),
        },
        odd_error=lambda status: answer(status, "It is Monday, rejected"),
        sign=get,
        signs_body=False,
        rotates="webhook_secret",
        heard=[
            Heard(
                "an SMS",
                SMS,
                [Incoming(IncomingKind.TEXT, PHONE, id="i1", text="STOP", fields={"to": "123"})],
            ),
            told("1", ReceiptKind.DELIVERED),
            told("2", ReceiptKind.FAILED, "undelivered"),
            told("4", ReceiptKind.ACCEPTED, "buffered"),
            told("8", ReceiptKind.ACCEPTED),
            told("16", ReceiptKind.FAILED, "rejected"),
        ],
        unknown=[{**REPORT, "status": "32"}, {**REPORT, "status": "%d"}],
        forged={
            "unsigned": WebhookRequest("GET", b"", dict(SMS)),
            "empty secret": with_secret(""),
            "wrong secret": with_secret("guess"),
            "secret cut": with_secret(SECRET[:-1]),
            "secret and more": with_secret(SECRET + "x"),
            "secret in capitals": with_secret(SECRET.upper()),
            "secret not ASCII": with_secret("é\ud800"),
            "secret huge": with_secret("s" * 1_000_000),
            "secret in the body only": WebhookRequest("POST", f"secret={SECRET}".encode()),
            "secret in a header only": WebhookRequest("POST", b"", {}, {"secret": SECRET}),
        },
    )
