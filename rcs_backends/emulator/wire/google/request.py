"""Check what every method of Google's API asks of a request: verb, query, log-in, agent, number, id and body.

Source of the log-in: developers.google.com/identity/protocols/oauth2/service-account (server to server). The RSA key
pair is made at first use; its private half is given to everybody who asks, as a service-account key file.
"""

import base64
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Answer, Api, Handler, Path, Refused, bearer, json_of
from rcs_backends.emulator.wire.google import schema
from rcs_backends.emulator.wire.rules import E164, Invalid, Rule, snake_case

NOT_LOGGED_IN = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token or other valid credential."
)
ERRORS = {  # HTTP status → its name, and what is said where there is nothing more exact
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", NOT_LOGGED_IN),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "Quota exceeded for this agent."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


class GoogleError(Refused):
    """An HTTP status, a sentence, and the field where one is to blame."""

    challenge = 'Bearer realm="https://accounts.google.com/"'

    def __init__(self, status: int, message: str = "", *, field: str = "") -> None:
        self.field = field
        super().__init__(status, message or ERRORS[status][1])

    def body(self) -> Json:
        body: Json = {"code": self.status, "message": self.message, "status": ERRORS[self.status][0]}
        if self.field:
            violation = {"field": self.field, "description": self.message}
            body["details"] = [
                {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
            ]
        return {"error": body}


def unreachable() -> GoogleError:
    """Return the refusal for a phone that has no RCS, or none for this agent."""
    return GoogleError(404, "The specified phone number cannot be reached by RBM at this time.")


# Log-in: signed assertions are exchanged for access tokens

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


def log_in(request: HttpRequest) -> Caller | None:
    """Return whose token the request carries; None when the dials ask for none. Raises GoogleError 401 or 403."""
    if not world.config["google"]["verify_tokens"]:
        return None
    found = _tokens.get(bearer(request).strip())
    if found is None or time.monotonic() >= found.expires:
        raise GoogleError(401)
    if SCOPE not in found.scopes:
        raise GoogleError(403, "Request had insufficient authentication scopes.")
    return found


def agent_of(agent_id: str | None, caller: Caller | None) -> Json:
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


# Requests

STANDARD_QUERY = frozenset(  # of every Google API, plus agentId
    ["$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser"]
).union(["uploadType", "upload_protocol", "agentId", "agent_id"])
QUERY = {"agentMessages": "messageId", "agentEvents": "eventId", "capabilities": "requestId"}
_ID = re.compile(r"[^\x00-\x20/\x7f]{1,200}")


class GoogleApi(Api):
    """A wrong verb and an unknown address are 404; names of the query are checked."""

    provider = "google"
    refused = GoogleError

    def invalid(self, invalid: Invalid) -> GoogleError:
        return GoogleError(400, str(invalid), field=invalid.path)

    def wrong_verb(self, verbs: Iterable[str]) -> GoogleError:
        return GoogleError(404)

    def check(self, request: HttpRequest, method: str, path: Path) -> tuple[Any, ...]:
        """Check the query. Functions about a phone also get the agent's id and its settings."""
        _check_query(request, method)
        if "phone" not in path:
            return ()
        found = caller(request)
        if not E164.fullmatch(path["phone"]):
            sentence = "The phone number must be in E.164 format, with its plus sign."
            raise GoogleError(400, sentence, field="parent")
        return found


class TokenApi(GoogleApi):
    """The token endpoint. A fault strikes it only by its name ("method": "token")."""

    def answer_to(self, refused: Any) -> HttpResponse:
        body = {"error": "internal_failure", "error_description": "Emulated."}
        return JsonResponse(body, status=refused.status)

    def call(self, request: HttpRequest, method: str, verbs: Mapping[str, Handler], path: Path) -> Answer:
        return token(request)


API = GoogleApi()


def _check_query(request: HttpRequest, name: str) -> None:
    own = QUERY.get(name, "agentId")
    allowed = STANDARD_QUERY | {own, snake_case(own)}
    for key in request.GET:
        if key not in allowed:
            raise GoogleError(
                400, f'Invalid request. Unknown name "{key}": Cannot bind query parameter.', field=key
            )


def query(request: HttpRequest, name: str) -> str:
    """Return a parameter, under either spelling of its name."""
    return str(request.GET.get(name) or request.GET.get(snake_case(name)) or "")


def caller(request: HttpRequest, agent_id: str | None = None) -> tuple[str, Json]:
    """Return the agent that the request names, and its settings. Raises GoogleError 401 or 403."""
    owner = log_in(request)
    agent_id = agent_id or query(request, "agentId")
    return agent_id, agent_of(agent_id, owner)


def body(request: HttpRequest, rule: Rule) -> Json:
    """Return the request's JSON, checked by a rule of the schema."""
    if request.content_type != "application/json":
        raise GoogleError(400, "Invalid JSON payload received. The Content-Type must be application/json.")
    if len(request.body) > schema.MAX_BYTES and rule is schema.agent_message:
        raise GoogleError(
            400, f"The message is larger than {schema.MAX_BYTES} bytes.", field="contentMessage"
        )
    try:
        parsed = json_of(request)
    except (ValueError, RecursionError) as error:
        raise GoogleError(400, f"Invalid JSON payload received. {type(error).__name__}.") from None
    return dict(rule(parsed, ""))


def new_id(value: str, field: str) -> str:
    if not _ID.fullmatch(value):
        raise GoogleError(400, f"{field} is required and must be a UUID.", field=field)
    if world.config["google"]["strict_uuids"]:
        try:
            uuid.UUID(value)
        except ValueError:
            raise GoogleError(400, f"{field} must be a UUID.", field=field) from None
    return value
