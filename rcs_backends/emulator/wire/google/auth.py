"""Google's log-in: exchange signed assertions for access tokens, and find the owner of a token.

Source: developers.google.com/identity/protocols/oauth2/service-account (server to server). The RSA key pair is made at
first use; its private half is given to everybody who asks, as a service-account key file.
"""

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import bearer
from rcs_backends.emulator.wire.google.errors import GoogleError

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "https://www.googleapis.com/auth/rcsbusinessmessaging"
REAL_ENDPOINT = "https://oauth2.googleapis.com/token"  # google-auth signs for it whatever the key file says
KEY_ID = "rcs-emulator-key-1"
DOMAIN = "@rcs-emulator.iam.gserviceaccount.com"
MAX_LIFE = 3600  # seconds between iat and exp
SKEW = 300  # seconds that a client's clock may be off


@dataclass(frozen=True, slots=True)
class Caller:
    """The service account behind a token, and what the token is for."""

    account: str
    scopes: frozenset[str]
    expires: float  # by time.monotonic()


class Refusal(Exception):
    """The assertion is not believed: an OAuth error word and a sentence."""

    def __init__(self, error: str, description: str) -> None:
        self.body = {"error": error, "error_description": description}
        super().__init__(description)


_making_key = threading.Lock()
_tokens: dict[str, Caller] = {}  # outlives `world.forget()`, so that clients may keep their tokens


@cache
def _made_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _key() -> rsa.RSAPrivateKey:
    with _making_key:
        return _made_key()


@cache
def _private_pem() -> str:
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    return _key().private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()


def service_account(request: HttpRequest) -> HttpResponse:
    """Give a key file for this emulator. `?name=` makes one for another partner (default: rcs-emulator)."""
    name = request.GET.get("name", "rcs-emulator")
    return JsonResponse(
        {
            "type": "service_account",
            "project_id": "rcs-emulator",
            "private_key_id": KEY_ID,
            "private_key": _private_pem(),
            "client_email": name + DOMAIN,
            "client_id": "100000000000000000001",
            "token_uri": request.build_absolute_uri("token"),
        }
    )


def token(request: HttpRequest) -> HttpResponse:
    """Serve the token endpoint: 200 with an access token, or 400 with an OAuth error."""
    try:
        if request.method != "POST" or request.POST.get("grant_type") != GRANT:
            raise Refusal("unsupported_grant_type", "Invalid grant_type.")
        claims = _claims(request.POST.get("assertion", ""))
        life = _judged(claims, request.build_absolute_uri(request.path))
    except Refusal as refusal:
        return JsonResponse(refusal.body, status=400)
    return JsonResponse({"access_token": _issue(claims, life), "expires_in": life, "token_type": "Bearer"})


def _issue(claims: Json, life: int) -> str:
    name = f"ya29.{secrets.token_urlsafe(32)}"
    account = str(claims["iss"]).removesuffix(DOMAIN)
    caller = Caller(account, frozenset(str(claims["scope"]).split()), time.monotonic() + life)
    with world.change():
        _tokens[name] = caller
    return name


def _claims(assertion: str) -> Json:
    """Return the claims of a JWT whose RS256 signature is ours."""
    try:
        signed, _, signature = assertion.rpartition(".")
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        if header["alg"] != "RS256":
            raise Refusal("invalid_grant", "The assertion must be signed with RS256.")
        _key().public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return dict(claims)
    except InvalidSignature:
        raise Refusal("invalid_grant", "Invalid JWT Signature.") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Refusal("invalid_grant", "Bad Request: the assertion is not a JWT.") from None


def _decoded(part: str) -> bytes:
    return base64.b64decode(part.encode("ascii") + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _judged(claims: Json, here: str) -> int:
    """Return how many seconds the token may live."""
    if not str(claims.get("iss", "")).endswith(DOMAIN):
        raise Refusal("invalid_grant", "Invalid grant: account not found.")
    if claims.get("aud") not in (here, REAL_ENDPOINT):
        raise Refusal("invalid_grant", "Invalid JWT: the audience is not this token endpoint.")
    issued, expires = claims.get("iat"), claims.get("exp")
    if (
        not isinstance(issued, int | float)
        or not isinstance(expires, int | float)
        or expires - issued > MAX_LIFE
    ):
        raise Refusal("invalid_grant", "Invalid JWT: iat and exp are needed, at most 3600 s apart.")
    if not issued - SKEW <= time.time() < expires + SKEW:
        raise Refusal(
            "invalid_grant", "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe."
        )
    if not str(claims.get("scope", "")).strip():
        raise Refusal("invalid_scope", "Empty or missing scope not allowed.")
    return int(world.config["google"]["token_life"])


def caller(request: HttpRequest) -> Caller | None:
    """Return whose token the request carries; None when the dials ask for none. Raises GoogleError 401 or 403."""
    if not world.config["google"]["verify_tokens"]:
        return None
    found = _tokens.get(bearer(request).strip())
    if found is None or time.monotonic() >= found.expires:
        raise GoogleError(401)
    if SCOPE not in found.scopes:
        raise GoogleError(403, "Request had insufficient authentication scopes.")
    return found


def agent(agent_id: str | None, caller: Caller | None) -> Json:
    """Return the settings of the agent with this bare id; empty when none are set up. Raises GoogleError 403."""
    agents = world.config["google"]["agents"]
    found = agents.get(agent_id or "") if agents else {}
    owner = (found or {}).get("service_account")
    if not agent_id or found is None or (caller and owner and owner != caller.account):
        raise GoogleError(
            403,
            f"There was an error looking up the RBM agent (ID: {agent_id or 'null'}) that corresponds to the "
            "Google Cloud Platform (GCP) project you're authenticating with.",
        )
    return dict(found)
