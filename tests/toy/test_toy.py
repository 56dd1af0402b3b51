"""The toy backend keeps every promise of the contract."""

import json
from datetime import UTC, datetime
from typing import Any

from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookRequest
from rcs_router.errors import BadAddress, OptedOut, Unreachable
from rcs_router.testing.conformance import ID, PHONE, Conformance, Fault, Heard, Provider, answer
from tests.toy.provider import Toy, sign

KEY = "toy-webhook-key"
AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TOLD: dict[str, Any] = {"event": "delivered", "id": "e1", "message": str(ID), "at": AT.isoformat()}
SAID: dict[str, Any] = {"from": PHONE, "id": "m1", "text": "Keep them", "at": AT.isoformat()}


def signed(payload: Any) -> WebhookRequest:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return WebhookRequest("POST", body, {}, {"x-toy-signature": sign(body, KEY)})


class TestToy(Conformance):
    provider = Provider(
        backend=Toy,
        options=lambda url: {"url": url, "api_key": "toy-api-key", "webhook_key": KEY},
        accepted=answer(201, {"ticket": "t-1"}),
        provider_id="t-1",
        errors={
            "no RCS": Fault(answer(404, {"error": "no_rcs"}), Unreachable),
            "no such number": Fault(answer(400, {"error": "no_such_number"}), BadAddress),
            "stopped": Fault(answer(403, {"error": "stopped"}), OptedOut, "stopped"),
        },
        odd_error=lambda status: answer(status, {"error": "made_up_today"}),
        sign=signed,
        rotates="webhook_key",
        heard=[
            Heard("delivered", TOLD, [Receipt(ReceiptKind.DELIVERED, transmission=ID, event_id="e1", at=AT)]),
            Heard(
                "seen",
                {**TOLD, "event": "seen", "id": "e2"},
                [Receipt(ReceiptKind.READ, transmission=ID, event_id="e2", at=AT)],
            ),
            Heard("text", SAID, [Incoming(IncomingKind.TEXT, PHONE, id="m1", text="Keep them", at=AT)]),
            Heard(
                "tap",
                {**SAID, "id": "m2", "postback": "keep_7"},
                [
                    Incoming(
                        IncomingKind.SUGGESTION, PHONE, id="m2", text="Keep them", postback="keep_7", at=AT
                    )
                ],
            ),
        ],
        unknown=[{**TOLD, "event": "printed"}],
    )
