"""Google's log-in: what is believed, what is not, and what a token opens."""

import base64
import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.test import Client

from rcs_backends.emulator.state import world
from tests.emulator.conftest import HELLO, MESSAGES

TOKEN = "/emulator/google/token"
HERE = f"http://testserver{TOKEN}"
SCOPE = "https://www.googleapis.com/auth/rcsbusinessmessaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(autouse=True)
def asks_for_tokens() -> None:
    world.configure({"google": {"verify_tokens": True}})


@pytest.fixture
def account(client: Client) -> dict[str, str]:
    return client.get("/emulator/google/service-account.json").json()


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def assertion(account: dict[str, str], *, key: Any = None, alg: str = "RS256", **claims: Any) -> str:
    now = int(time.time())
    payload = {
        "iss": account["client_email"],
        "scope": SCOPE,
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
    }
    payload = {name: value for name, value in {**payload, **claims}.items() if value is not None}
    header = {"alg": alg, "typ": "JWT", "kid": account["private_key_id"]}
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(payload).encode())}"
    key = key or serialization.load_pem_private_key(account["private_key"].encode(), None)
    return f"{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def ask(client: Client, jwt: str, grant: str = GRANT) -> Any:
    return client.post(TOKEN, {"grant_type": grant, "assertion": jwt})


def send(client: Client, token: str | None, agent: str = "acme") -> int:
    headers = {"Authorization": token} if token is not None else {}
    path = f"{MESSAGES}?messageId=m1&agentId={agent}"
    return int(client.post(path, HELLO, content_type="application/json", headers=headers).status_code)


def test_a_key_file_opens_the_wire(client: Client, account):
    assert (account["type"], account["token_uri"]) == ("service_account", HERE)
    answer = ask(client, assertion(account)).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    assert send(client, f"Bearer {answer['access_token']}") == 200


def test_googles_own_client_logs_in(emulator: str, http):
    from google.auth.transport.requests import Request
    from google.oauth2 import service_account

    info = http.get(f"{emulator}google/service-account.json").json()
    credentials = service_account.Credentials.from_service_account_info(info, scopes=[SCOPE])
    credentials.refresh(Request())
    path = f"{emulator}google/v1/phones/+37255501234/agentMessages?messageId=m1&agentId=acme"
    assert (
        http.post(path, json=HELLO, headers={"Authorization": f"Bearer {credentials.token}"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"aud": "https://elsewhere.example/token"}, "invalid_grant"),
        ({"aud": None}, "invalid_grant"),
        ({"iss": "somebody@else.example"}, "invalid_grant"),
        ({"exp": int(time.time()) + 86400}, "invalid_grant"),
        ({"iat": int(time.time()) - 8000, "exp": int(time.time()) - 4400}, "invalid_grant"),
        ({"iat": int(time.time()) + 4000, "exp": int(time.time()) + 7000}, "invalid_grant"),
        ({"iat": None}, "invalid_grant"),
        ({"iat": "now"}, "invalid_grant"),
        ({"scope": None}, "invalid_scope"),
        ({"alg": "none"}, "invalid_grant"),
        ({"alg": "HS256"}, "invalid_grant"),
    ],
)
def test_a_wrong_claim_gets_no_token(client: Client, account, claims, error):
    answer = ask(client, assertion(account, **claims))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_another_key_gets_no_token(client: Client, account):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert ask(client, assertion(account, key=stranger)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("jwt", ["", "a.b", "a.b.c", "é.é.é", "e30.e30.e30", "...", "bnVsbA.bnVsbA.bnVsbA"])
def test_what_is_no_jwt_gets_no_token(client: Client, jwt):
    assert ask(client, jwt).status_code == 400


def test_another_grant_or_verb_gets_no_token(client: Client, account):
    assert ask(client, assertion(account), grant="password").json()["error"] == "unsupported_grant_type"
    assert client.get(TOKEN).status_code == 400


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer x", "Basic eDp5", "ya29.x"])
def test_without_a_good_token_everything_is_401(client: Client, header):
    assert send(client, header) == 401
    headers = {"Authorization": header} if header else {}
    for path in ("v1/files", "upload/v1/files", "v1/users:batchGet"):
        body = {"fileUrl": "https://a.example", "users": ["+37255501234"], "agentId": "acme"}
        answer = client.post(
            f"/emulator/google/{path}", body, content_type="application/json", headers=headers
        )
        assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert client.delete(f"{MESSAGES}/m1?agentId=acme", headers=headers).status_code == 401


def test_an_expired_token_is_401(client: Client, account):
    world.configure({"google": {"token_life": 0}})
    token = ask(client, assertion(account)).json()["access_token"]
    assert send(client, f"Bearer {token}") == 401


def test_another_scope_is_403(client: Client, account):
    other = "https://www.googleapis.com/auth/businesscommunications"
    token = ask(client, assertion(account, scope=other)).json()["access_token"]
    assert send(client, f"Bearer {token}") == 403
    both = ask(client, assertion(account, scope=f"{other} {SCOPE}")).json()["access_token"]
    assert send(client, f"Bearer {both}") == 200


def test_unknown_and_foreign_agents_are_403(client: Client, account):
    world.configure({"google": {"agents": {"acme": {}, "rival": {"service_account": "rival"}}}})
    token = f"Bearer {ask(client, assertion(account)).json()['access_token']}"
    assert [send(client, token, agent) for agent in ("acme", "nobody", "rival", "acme@rbm.goog")] == [
        200,
        403,
        403,
        403,
    ]
    rival = client.get("/emulator/google/service-account.json?name=rival").json()
    token = f"Bearer {ask(client, assertion(rival)).json()['access_token']}"
    assert send(client, token, "rival") == 200


def test_forgetting_everything_keeps_tokens_good(client: Client, account):
    token = f"Bearer {ask(client, assertion(account)).json()['access_token']}"
    client.delete("/emulator/ledger/")
    assert send(client, token) == 200
