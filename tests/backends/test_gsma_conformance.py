"""GSMA MaaP keeps every promise of the contract."""

from typing import Any

from rcs_backends.gsma_maap import GSMAMaaP
from rcs_router.errors import Ambiguous, Misconfigured, Refused, Throttled, Unavailable, Unreachable
from rcs_router.testing.conformance import Answer, Conformance, Fault, Heard, Provider, answer
from tests.backends.test_gsma_maap import BOT, SECRET, posted
from tests.backends.test_gsma_webhook import CASES, FORGED, heard, told

SENT = {"RCSMessage": {"msgId": "m-77", "status": "pending", "timestamp": "2026-11-21T09:30:00.000Z"}}


def options(url: str) -> dict[str, Any]:
    return {
        "api_url": f"{url}/rcs/bot/v1",
        "bot_id": BOT,
        "client_id": "acme",
        "client_secret": "client-secret-1",
        "webhook_secret": SECRET,
    }


def reason(status: int, code: str, words: str = "no") -> Answer:
    return answer(status, {"reason": {"code": code, "text": words}})


class TestGSMAMaaP(Conformance):
    provider = Provider(
        backend=GSMAMaaP,
        options=options,
        accepted=answer(202, SENT),
        provider_id="m-77",
        routes={"/oauth2/v1/token": answer(200, {"access_token": "t1-secret", "expires_in": 3600})},
        errors={
            "no RCS": Fault(reason(404, "41110"), Unreachable, "41110"),
            "bare 404": Fault(answer(404), Unreachable, "unreachable"),
            "no cards": Fault(reason(400, "41212"), Unreachable),
            "token": Fault(reason(401, "40003"), Misconfigured),
            "bot": Fault(reason(400, "42001"), Misconfigured),
            "content": Fault(reason(400, "42042"), Refused, "42042"),
            "too fast": Fault(reason(400, "42601"), Throttled),
            "busy": Fault(reason(400, "41004"), Unavailable),
            "twice": Fault(reason(409, "42514"), Ambiguous),
        },
        odd_error=lambda status: reason(status, "49999", "It is Monday"),
        sign=posted,
        signs_body=False,
        heard=[Heard(*case) for case in CASES],
        unknown=[heard("waved"), told("printed"), {"event": "launched"}, heard("message", hologram={})],
        forged=FORGED,
        rotates="webhook_secret",
        answers={
            "revoke": answer(200, {"RCSMessage": {"msgId": "m-77", "status": "cancelled"}}),
            "status": answer(200, {"RCSMessage": {"msgId": "m-77", "status": "delivered"}}),
            "typing": answer(202, SENT),
            "mark_read": answer(204),
            "check": answer(200, {"capabilities": ["chat", "chatBotCommunication"]}),
        },
    )
