"""Messente keeps every promise of the contract: as RCS, as RCS with a chain behind it, and as plain SMS."""

import dataclasses
import json
from typing import Any, Literal

from rcs_backends.messente import Messente, MessenteOptions
from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind
from rcs_router.errors import Ambiguous, BadAddress, Forbidden, Misconfigured, Refused, Throttled, Unavailable
from rcs_router.testing.conformance import (
    ID,
    PHONE,
    Answer,
    Conformance,
    Fault,
    Heard,
    Provider,
    answer,
)
from rcs_router.testing.conformance.reading import read
from rcs_router.testing.stub import Request
from tests.backends.test_messente_send import INBOUND, NAME, PASSWORD, SENT, SMS
from tests.backends.test_messente_webhook import AT, FORGED, HEARD, report, said, signed

WAITING = {
    "status": None,
    "channel": "rcs",
    "message_id": "m-1",
    "err": None,
    "error": None,
    "timestamp": None,
}


def error(status: int, code: Any, source: str | None = None) -> Answer:
    entry = {"code": code, "title": "Title", "detail": "what is wrong", "source": source}
    return answer(status, {"errors": [entry]})


def told(status: str, kind: ReceiptKind, code: str = "", detail: str = "") -> Heard:
    """A report of the last channel of the chain, where there is one."""
    payload = report(status=status, channel="sms")
    receipt = Receipt(kind, provider_id=NAME, at=AT, event_id=f"m-1:{status}", code=code, detail=detail)
    return Heard(f"report {status}", payload, [receipt])


def renumbered() -> list[Heard]:
    """What people say, each with an id of its own."""
    cases = []
    for number, case in enumerate(HEARD):
        payload = {**case.payload, "msg_id": f"mo-{number}", "sub_msg_id": None}
        expected = [dataclasses.replace(one, id=f"mo-{number}") for one in case.expected]
        cases.append(Heard(case.name, payload, expected))
    return cases


def first_channel(request: Request) -> list[Any]:
    """What one channel says: a chain says the same on each."""
    body = request.json
    if "to" in body:  # a batch has a list of messages, each with channels of its own
        body["messages"] = body["messages"][:1]
    return read(dataclasses.replace(request, body=json.dumps(body).encode()))


def provider(
    detail: str = "", backend: type[Messente] = Messente, reads: Any = read, **options: Any
) -> Provider:
    """`detail`: what receipts say of the channel."""
    return Provider(
        backend=backend,
        options=lambda url: {
            "username": "tester",
            "password": PASSWORD,
            "sender": "Acme Agent",
            "base_url": f"{url}/v1",
            "inbound_secret": INBOUND,
            **options,
        },
        accepted=answer(201, SENT),
        provider_id=NAME,
        errors={
            "not found": Fault(error(404, "101"), Misconfigured, "not_found"),
            "forbidden": Fault(error(403, "102"), Forbidden, "forbidden"),
            "web page": Fault(answer(404, "<html>"), Unavailable, "not_the_provider"),
            "unauthorized": Fault(error(401, "103"), Misconfigured, "unauthorized"),
            "their trouble": Fault(error(500, "104"), Unavailable, "server_error"),
            "invalid": Fault(error(400, "105", "payload[rcs][text]"), Refused, "invalid_data"),
            "missing": Fault(error(400, 106, "payload[messages]"), Refused, "missing_data"),
            "number": Fault(error(400, "105", "payload[to]"), BadAddress, "bad_recipient"),
            "sender": Fault(error(400, "105", "payload[rcs][sender]"), Forbidden, "bad_sender"),
            "method": Fault(error(405, "107"), Misconfigured, "method_not_allowed"),
            "too fast": Fault(answer(429), Throttled, "throttled"),
            "proxy, 502": Fault(answer(502, "<html>bad gateway</html>"), Ambiguous),
            "proxy, 504": Fault(answer(504, "<html>gateway timeout</html>"), Ambiguous),
        },
        odd_error=lambda status: error(status, "199"),
        sign=signed,
        heard=[
            *renumbered(),
            told("ACK", ReceiptKind.ACCEPTED, detail=detail),
            told("ACCEPTD", ReceiptKind.ACCEPTED, detail=detail),
            told("UNKNOWN", ReceiptKind.UNKNOWN, "unknown", detail),
            told("DELIVRD", ReceiptKind.DELIVERED, detail=detail),
            told("SEEN", ReceiptKind.READ, detail=detail),
            told("UNDELIV", ReceiptKind.FAILED, "undeliv", detail),
            told("EXPIRED", ReceiptKind.EXPIRED, "expired", detail),
            told("DELETED", ReceiptKind.REVOKED, "deleted", detail),
        ],
        unknown=[report(status="TELEPORTED"), report(status="PRINTED", err=77), said(text=None)],
        forged={name: request for name, request, _ in FORGED},
        rotates="password",
        read=reads,
        answers={
            "revoke": answer(202, {}),
            "status": answer(200, {"to": PHONE, "omnimessage_id": NAME, "statuses": [report(), WAITING]}),
            "bulk": answer(201, {"messages": [SENT, {**SENT, "to": "+37255501235"}]}),
        },
    )


@dataclasses.dataclass(frozen=True)
class SmsOptions(MessenteOptions):
    channel: Literal["rcs", "sms"] = "sms"


class Sms(Messente):
    Options = SmsOptions


class TestMessente(Conformance):
    provider = provider()


class TestMessenteWithAChain(Conformance):
    provider = provider("by sms", reads=first_channel, chain=[{"channel": "viber"}, SMS])


class TestMessenteSms(Conformance):
    provider = provider(backend=Sms)


def test_a_report_names_both_ids() -> None:
    [receipt] = TestMessente.provider.make().parse(signed(report(), id=str(ID)))
    assert isinstance(receipt, Receipt)
    assert (receipt.transmission, receipt.provider_id) == (ID, NAME)


def test_a_number_option_by_sms_keeps_its_channel() -> None:
    """By it the router knows that “2” may be a numbered option of what a chain brought by SMS."""
    [incoming] = TestMessenteWithAChain.provider.make().parse(signed(said(text="2")))
    assert isinstance(incoming, Incoming)
    assert (incoming.kind, incoming.fields["channel"]) == (IncomingKind.TEXT, "sms")
