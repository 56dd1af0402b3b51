"""Google's side as the tests need it: a key, a backend that talks to the stub, and signed webhook requests."""

import base64
import functools
import hmac
import json
from typing import Any

from rcs_backends.google_rbm import GoogleOptions, GoogleRBM
from rcs_router.contract import WebhookRequest
from tests.backends.stub import Stub, answer

TOKEN = "emu-client-token-1"
AGENT = "acme_demo_agent"
DATA = (
    "eyJzZW5kZXJQaG9uZU51bWJlciI6IiszNzI1NTUwMTAwIiwiZXZlbnRUeXBlIjoiREVMSVZFUkVEIiwiZXZlbnRJZCI6ImV2LTAwMDEiLCJt"
    "ZXNzYWdlSWQiOiI1ZjFjOWYwZS01YjBhLTRkN2UtOWEzNC0xZjJkM2M0YjVhNjkiLCJzZW5kVGltZSI6IjIwMjYtMTEtMjBUMDk6MzA6MDAu"
    "MTIzNDU2WiIsImFnZW50SWQiOiJhY21lX2RlbW9fYWdlbnRAcmJtLmdvb2cifQ=="
)
SIGNATURE = "/Tm/Rgath+pJxw8LxznvIXdL+UxY1Du2EcYP68aMlO/XSYTpcQThNX4Mx3DhM4/FCYiFUa1EErPNL15SG3fTAA=="


@functools.cache
def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 1024)  # to read a key checks it: 30 ms for one of 2048 bits
    pkcs8, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, none).decode()


def public_key() -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private_key().encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_file(token_uri: str = "http://127.0.0.1:9/token") -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "k1",
        "private_key": private_key(),
        "client_email": "rcs@acme.example",
        "token_uri": token_uri,
    }


def google(stub: Stub | None = None, **options: Any) -> GoogleRBM:
    """A backend; with a stub, one that gets the token `t1` from it and sends everything to it."""
    base = stub.url if stub else "http://127.0.0.1:9"
    if stub:
        stub.routes.setdefault("/token", token("t1"))
    given = {
        "agent_id": AGENT,
        "service_account": key_file(base + "/token"),
        "client_token": TOKEN,
        "base_url": base,
        "timeout": 2.0,
    }
    return GoogleRBM("acme", GoogleOptions.read("acme", {**given, **options}))


def token(value: str, seconds: int = 3599) -> Any:
    return answer(200, {"access_token": value, "expires_in": seconds, "token_type": "Bearer"})


def signature(data: bytes, key: str = TOKEN) -> str:
    return base64.b64encode(hmac.digest(key.encode(), data, "sha512")).decode()


def request(body: Any, **headers: str) -> WebhookRequest:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(
        "POST", data, {}, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def signed(payload: Any, *, key: str = TOKEN, attributes: dict[str, str] | None = None) -> WebhookRequest:
    """An envelope around the payload, pretty-printed as Google's are."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload, indent=2).encode()
    message = {"data": base64.b64encode(data).decode(), "messageId": "141", "attributes": attributes or {}}
    return request({"message": message}, x_goog_signature=signature(data, key))
