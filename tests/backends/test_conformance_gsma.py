"""GSMA MaaP keeps every promise of the contract, whether the bot logs in by a fixed token or by OAuth."""

import dataclasses
from typing import Any

from rcs_backends.gsma_maap import GSMAMaaP
from rcs_router.contract import WebhookRequest
from rcs_router.testing.conformance import Asked, Conformance, Fault, Heard, Provider, answer
from tests.backends.stub import Behaviour, cut, hang
from tests.backends.test_gsma_answers import CHAT, FAILURES, GONE, reason, state
from tests.backends.test_gsma_auth import PATH, token
from tests.backends.test_gsma_maap import ACCEPTED, BOT, OAUTH, SECRET, TOKEN, posted
from tests.backends.test_gsma_webhook import CASES, heard, told

GENUINE = posted(heard("message", textMessage="STOP"))


def with_header(value: str) -> WebhookRequest:
    return dataclasses.replace(GENUINE, headers={"authorization": value})


FORGED = {
    "empty secret": with_header(""),
    "wrong secret": with_header("guess"),
    "wrong bearer": with_header("Bearer guess"),
    "bare bearer": with_header("Bearer"),
    "secret cut": with_header(SECRET[:-1]),
    "secret and more": with_header(SECRET + "x"),
    "secret in capitals": with_header(SECRET.upper()),
    "secret not ASCII": with_header("é\ud800"),
    "secret huge": with_header("s" * 1_000_000),
    "secret in another header": dataclasses.replace(GENUINE, headers={"x-authorization": SECRET}),
    "secret in the body only": dataclasses.replace(GENUINE, headers={}, body=SECRET.encode()),
    "a GET that is no handshake": dataclasses.replace(GENUINE, method="GET", headers={}),
}
REVOKED: Behaviour = Asked(lambda request: GONE if request.method == "PUT" else state("cancelled"))


def provider(routes: dict[str, Behaviour], **options: Any) -> Provider:
    return Provider(
        backend=GSMAMaaP,
        options=lambda url: {
            "api_url": f"{url}/root/rcs/bot/v1",
            "bot_id": BOT,
            "webhook_secret": SECRET,
            **options,
        },
        accepted=answer(202, ACCEPTED),
        provider_id="m-77",
        routes=routes,
        errors={
            name: Fault(behaviour, kind, code)
            for name, behaviour, kind, code in FAILURES
            if behaviour not in (cut, hang)
        },
        odd_error=lambda status: reason(status, "49999"),
        sign=posted,
        heard=[Heard(*case) for case in CASES],
        unknown=[heard("waved", mood="good"), told("teleported"), heard("message", hologram={})],
        forged=FORGED,
        signs_body=False,
        rotates="webhook_secret",
        answers={
            "revoke": REVOKED,
            "status": state("delivered"),
            "typing": answer(202, ACCEPTED),
            "mark_read": GONE,
            "check": answer(200, CHAT),
        },
        empty_answers=["revoke"],  # a platform may answer a PUT so
    )


class TestGSMAMaaP(Conformance):
    provider = provider({}, token=TOKEN)


class TestGSMAMaaPWithOAuth(Conformance):
    provider = provider({PATH: token("t1")}, **OAUTH)
