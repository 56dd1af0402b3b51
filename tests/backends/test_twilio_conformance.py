"""The Twilio backend keeps every promise of the contract."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from rcs_backends.twilio_sms import TwilioSMS
from rcs_backends.twilio_sms.signature import sign
from rcs_router.contract import Incoming, IncomingKind, Receipt, ReceiptKind, WebhookRequest
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Forbidden,
    Misconfigured,
    OptedOut,
    Refused,
    Throttled,
    Unavailable,
)
from rcs_router.testing.conformance import (
    ID,
    PHONE,
    WEBHOOK_URL,
    Answer,
    Conformance,
    Fault,
    Heard,
    Provider,
    answer,
)
from tests.backends.test_twilio_send import ACCOUNT, SID, TAKEN, TOKEN
from tests.backends.test_twilio_webhook import CALLBACK, FORM, SMS

TO = {"to": "+15005550006"}


def error(status: int, code: int) -> Answer:
    return answer(status, {"code": code, "message": "why", "more_info": "", "status": status})


def signed(payload: Any, query: str = "") -> WebhookRequest:
    """A form of the payload's members; bytes, and what has none, as they are."""
    if isinstance(payload, Mapping):
        payload = urlencode({name: _written(value) for name, value in payload.items()}).encode()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    url = f"{WEBHOOK_URL}?{query}" if query else WEBHOOK_URL
    headers = {"content-type": FORM, "x-twilio-signature": sign(url, pairs, TOKEN)}
    return WebhookRequest("POST", body, dict(parse_qsl(query)), headers, url)


def _written(value: Any) -> bytes:
    try:
        return str(value).encode("utf-8", "replace")
    except ValueError:  # an integer of more digits than Python writes
        return b"9" * 400


class TestTwilio(Conformance):
    provider = Provider(
        backend=TwilioSMS,
        options=lambda url: {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "api_key_sid": "SK" + "2" * 32,
            "api_key_secret": "api-key-secret-1",
            "sender": "+15005550006",
            "base_url": url,
        },
        accepted=answer(201, TAKEN),
        provider_id=SID,
        errors={
            "credentials": Fault(error(401, 20003), Misconfigured, "twilio_20003"),
            "no account": Fault(error(404, 20404), Misconfigured, "twilio_20404"),
            "too fast": Fault(error(429, 20429), Throttled, "twilio_20429"),
            "no number": Fault(error(400, 21211), BadAddress, "twilio_21211"),
            "not our sender": Fault(error(400, 21606), Forbidden, "twilio_21606"),
            "wrong sender": Fault(error(400, 21212), Misconfigured, "twilio_21212"),
            "web page": Fault(answer(404, "<html>"), Unavailable, "not_the_provider"),
            "stopped": Fault(error(400, 21610), OptedOut, "opted_out"),
            "full queue": Fault(error(400, 21611), Throttled, "twilio_21611"),
            "landline": Fault(error(400, 21614), BadAddress, "twilio_21614"),
            "region": Fault(error(400, 21408), Refused, "twilio_21408"),
            "500": Fault(answer(500), Unavailable),
            "503": Fault(answer(503, "<html>busy</html>"), Unavailable),
            "proxy, 502": Fault(answer(502, "<html>bad gateway</html>"), Ambiguous),
        },
        odd_error=lambda status: error(status, 29999),
        sign=signed,
        heard=[
            Heard("an SMS", SMS, [Incoming(IncomingKind.TEXT, PHONE, id=SID, text="2", fields=TO)]),
            Heard(
                "a callback",
                CALLBACK,
                [Receipt(ReceiptKind.DELIVERED, None, SID, event_id=f"{SID}:delivered")],
            ),
            Heard(
                "a callback with our id",
                signed(CALLBACK, f"id={ID}"),
                [Receipt(ReceiptKind.DELIVERED, ID, SID, event_id=f"{SID}:delivered")],
            ),
            Heard(
                "a place",
                {**SMS, "Latitude": "59.4", "Longitude": "24.7"},
                [
                    Incoming(
                        IncomingKind.LOCATION,
                        PHONE,
                        id=SID,
                        text="2",
                        latitude=59.4,
                        longitude=24.7,
                        fields=TO,
                    )
                ],
            ),
            Heard(
                "a picture",
                {
                    **SMS,
                    "MessageSid": "MM1",
                    "Body": "",
                    "MediaUrl0": "https://e.example/0",
                    "MediaContentType0": "image/png",
                },
                [
                    Incoming(
                        IncomingKind.FILE,
                        PHONE,
                        id="MM1/0",
                        url="https://e.example/0",
                        media_type="image/png",
                        fields=TO,
                    )
                ],
            ),
        ],
        unknown=[{**CALLBACK, "MessageStatus": "printed"}],
        rotates="auth_token",
        answers={
            "revoke": answer(200, {**TAKEN, "status": "canceled"}),
            "status": answer(200, {**TAKEN, "status": "delivered"}),
        },
    )
