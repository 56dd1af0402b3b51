"""Google RBM keeps every promise of the contract."""

import dataclasses
from typing import Any

from rcs_backends.google_rbm import GoogleRBM
from rcs_router.contract import WebhookRequest
from rcs_router.errors import Forbidden, Misconfigured, Refused, Throttled, Unavailable, Unreachable
from rcs_router.testing.conformance import ID, PHONE, Answer, Conformance, Fault, Provider, answer
from tests.backends.google import AGENT, TOKEN, key_file, request, signature, signed, token
from tests.backends.test_google_webhook import CASES, EVENT, SERVER, TIMED

PAYLOAD = {"agentId": AGENT, "senderPhoneNumber": PHONE, "messageId": "MxUser1", "text": "STOP"}
SIGNED = signed(PAYLOAD)
OTHER = signed({**PAYLOAD, "text": "START"})
NAME = {"name": f"phones/{PHONE}/agentMessages/{ID}", "sendTime": "2026-11-20T09:00:00Z"}
BLOCKED = (
    "This operation is blocked because the RBM agent has not launched and the recipient has not been invited"
)


def error(status: int, message: str, name: str = "") -> Answer:
    return answer(status, {"error": {"code": status, "message": message, "status": name}})


def envelope(data: object, sign: bytes = b"") -> WebhookRequest:
    return request({"message": {"data": data}}, x_goog_signature=signature(sign))


def with_header(value: str) -> WebhookRequest:
    return dataclasses.replace(SIGNED, headers={"x-goog-signature": value})


def with_body(body: bytes) -> WebhookRequest:
    return dataclasses.replace(SIGNED, body=body)


FORGED = {
    "unsigned": dataclasses.replace(SIGNED, headers={}),
    "empty signature": with_header(""),
    "signed with another token": signed(PAYLOAD, key="other"),
    "signed with no token": signed(PAYLOAD, key=""),
    "signature of another payload": with_header(OTHER.headers["x-goog-signature"]),
    "signature cut": with_header(SIGNED.headers["x-goog-signature"][:-2]),
    "signature not ASCII": with_header("é\ud800" * 44),
    "signature huge": with_header("A" * 1_000_000),
    "body of another signature": with_body(OTHER.body),
    "envelope huge": with_body(b'{"message": {"data": "' + b"A" * 3_000_001 + b'"}}'),
    "message a string": with_body(b'{"message": "x"}'),
    "no data": with_body(b'{"message": {}}'),
    "data a number": envelope(7),
    "data null": envelope(None),
    "data not base64": envelope("not base64!"),
    "data not ASCII": envelope("é"),
    "data without padding": envelope("YQ", sign=b"a"),
    "a GET": dataclasses.replace(SIGNED, method="GET"),
}


def options(url: str) -> dict[str, Any]:
    return {
        "agent_id": AGENT,
        "service_account": key_file(url + "/token"),
        "client_token": TOKEN,
        "base_url": url,
    }


class TestGoogle(Conformance):
    provider = Provider(
        backend=GoogleRBM,
        options=options,
        accepted=answer(200, NAME),
        routes={"/token": token("t1")},
        errors={
            "no RCS": Fault(error(404, "cannot be reached by RBM at this time", "NOT_FOUND"), Unreachable),
            "bare 404": Fault(answer(404), Unreachable, "unreachable"),
            "not launched": Fault(error(403, BLOCKED, "PERMISSION_DENIED"), Unreachable, "not_launched"),
            "no tester": Fault(
                error(403, "The recipient is not a tester of this agent"), Unreachable, "not_launched"
            ),
            "wrong agent": Fault(
                error(403, "There was an error looking up the RBM agent (ID: null)"), Misconfigured
            ),
            "scope": Fault(
                error(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED"),
                Misconfigured,
            ),
            "API not enabled": Fault(
                answer(403, {"error": {"message": "no", "details": [{"reason": "SERVICE_DISABLED"}]}}),
                Misconfigured,
            ),
            "another 403": Fault(
                error(403, "The caller does not have permission", "PERMISSION_DENIED"), Forbidden, "forbidden"
            ),
            "bare 403": Fault(answer(403), Forbidden, "forbidden"),
            "web page": Fault(answer(403, "<html>Forbidden</html>"), Unavailable, "not_the_provider"),
            "404 of somebody else": Fault(answer(404, "404 page not found"), Unavailable, "not_the_provider"),
            "bad content": Fault(error(400, "Invalid value", "INVALID_ARGUMENT"), Refused),
            "quota": Fault(error(429, "Quota exceeded", "RESOURCE_EXHAUSTED"), Throttled, "throttled"),
            "promotions' cap": Fault(
                error(429, "You have reached the allowed traffic limit for this agent"),
                Refused,
                "traffic_limit",
            ),
            "500": Fault(error(500, "Internal", "INTERNAL"), Unavailable),
            "503": Fault(answer(503, "<html>busy</html>"), Unavailable),
            "504": Fault(error(504, "late", "DEADLINE_EXCEEDED"), Unavailable),
            "error that is a list": Fault(answer(400, [{"error": []}]), Refused),
            "error that is no object": Fault(answer(403, {"error": "tester"}), Forbidden),
        },
        odd_error=lambda status: error(status, "It is Monday", "MONDAY"),
        sign=signed,
        heard=CASES,
        unknown=[
            {**EVENT, "eventType": "PRINTED"},
            {**SERVER, "eventType": "TTL_NEW"},
            {**TIMED, "eventId": "ev-9", "eventType": "WAVED"},
            {**TIMED, "messageId": "MxUser9", "hologram": {}},
        ],
        forged=FORGED,
        rotates="client_token",
        answers={
            "revoke": answer(200, {}),
            "typing": answer(200, {}),
            "mark_read": answer(200, {}),
            "check": answer(200, {"features": ["RICHCARD_STANDALONE"]}),
        },
        empty_answers=["revoke", "check"],
    )
