"""The generic REST backend keeps every promise of the contract."""

import dataclasses
from typing import Any

from rcs_backends.generic_rest import GenericREST
from rcs_router.contract import Receipt
from rcs_router.errors import (
    BadAddress,
    Forbidden,
    Misconfigured,
    Refused,
    Throttled,
    Unavailable,
    Unreachable,
)
from rcs_router.testing.conformance import Answer, Conformance, Fault, Heard, Provider, answer
from rcs_router.testing.conformance.reading import read
from rcs_router.testing.stub import Request
from tests.backends.test_generic_rest_send import NAME, SECRET, TOKEN, rest
from tests.backends.test_generic_rest_webhook import CASES, DONE, FORGED, STATE, signed


def error(status: int, name: str) -> Answer:
    return answer(status, {"error": {"code": status, "status": name, "message": "why"}})


def keyed(case: Heard) -> Heard:
    """With the key against repeats, as receipts and incomings carry it."""
    key = rest().dedupe_key(signed(case.payload)) or ""
    expected = [
        dataclasses.replace(one, **({"event_id": key} if isinstance(one, Receipt) else {"id": key}))
        for one in case.expected
    ]
    return Heard(case.name, case.payload, expected)


def told_once(request: Request) -> list[Any]:
    """Without the SMS's text, which says once more what the message says."""
    body = {name: value for name, value in request.json.items() if name != "fallbackText"}
    return read(dataclasses.replace(request, body=_dumped(body)))


def _dumped(body: Any) -> bytes:
    return answer(200, body).body


class TestGenericREST(Conformance):
    provider = Provider(
        backend=GenericREST,
        options=lambda url: {"url": f"{url}/v1/messages", "token": TOKEN, "webhook_secret": SECRET},
        accepted=answer(200, NAME),
        errors={
            "bad content": Fault(error(400, "INVALID_ARGUMENT"), Refused, "refused"),
            "no RCS": Fault(error(400, "DEVICE_NOT_SUPPORTED"), Unreachable, "device_not_supported"),
            "RCS switched off": Fault(error(400, "RCS_DISABLED"), Unreachable, "rcs_disabled"),
            "no number": Fault(error(400, "INVALID_PHONE_NUMBER"), BadAddress, "invalid_phone_number"),
            "token": Fault(error(401, "UNAUTHENTICATED"), Misconfigured),
            "forbidden": Fault(error(403, "PERMISSION_DENIED"), Forbidden, "forbidden"),
            "web page": Fault(answer(404, "<html>"), Unavailable, "not_the_provider"),
            "no conversation": Fault(error(404, "NOT_FOUND"), Unreachable),
            "id of another message": Fault(error(409, "ALREADY_EXISTS"), Refused, "id_reused"),
            "too fast": Fault(error(429, "RESOURCE_EXHAUSTED"), Throttled),
            "500": Fault(error(500, "INTERNAL"), Unavailable),
            "503": Fault(answer(503, "<html>busy</html>"), Unavailable),
            "error that is a word": Fault(answer(400, {"error": "no"}), Refused),
        },
        odd_error=lambda status: error(status, "MONDAY"),
        sign=signed,
        heard=[keyed(case) for case in CASES],
        unknown=[{**STATE, "messageStatus": "PRINTED"}, {**DONE, "interactionType": "WAVED"}, DONE],
        forged=FORGED,
        rotates="webhook_secret",
        read=told_once,
    )
