"""The platform's log-in: exchange a bot's secret for access tokens, and find the bot of a token.

A bot's fixed `token` works as well. Where no bot is configured every bot id exists, and any token but one that this
endpoint issued and that has expired is good.
"""

import hmac
import secrets
import time
from dataclasses import dataclass

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import basic, bearer
from rcs_backends.emulator.wire.gsma.rules import MALFORMED, GsmaError

SCOPE = "botmessage"


@dataclass(frozen=True, slots=True)
class Token:
    """An access or refresh token: its bot (None: any) and its end by time.monotonic()."""

    bot: str | None
    expires: float = float("inf")


_access: dict[str, Token] = {}  # both outlive `world.forget()`, so that clients may keep their tokens
_refresh: dict[str, Token] = {}


def bot(request: HttpRequest, bot_id: str) -> Json:
    """Return the settings of the bot, whose token the request carries. Raises GsmaError 401, 403 or 404."""
    bots = world.config["gsma"]["bots"]
    owner = _owner(request, bots)
    if bots and bot_id not in bots:
        raise GsmaError("42001", "There is no such bot.", status=404)
    if owner not in (None, bot_id):
        raise GsmaError("40006", "The access token belongs to another bot.")
    return dict(bots.get(bot_id, {}))


def _owner(request: HttpRequest, bots: Json) -> str | None:
    """Return whose token it is; None: good for any bot."""
    if not request.headers.get("Authorization"):
        raise GsmaError("40001", "The Authorization header is missing.")
    token = bearer(request).strip()
    if not token:
        raise GsmaError("40002", "The Authorization header has no bearer token.")
    found = _access.get(token)
    if found and time.monotonic() >= found.expires:
        raise GsmaError("40004", "The access token has expired.")
    fixed = next((name for name, one in bots.items() if _same(one.get("token"), token)), None)
    if bots and found is None and fixed is None:
        raise GsmaError("40003", "The access token is invalid.")
    return found.bot if found else fixed


def _same(wanted: object, given: str) -> bool:
    """Compare two secrets; an empty or missing one is nobody's."""
    return bool(wanted) and hmac.compare_digest(
        str(wanted).encode(), given.encode("utf-8", "surrogateescape")
    )


def token(request: HttpRequest) -> HttpResponse:
    """Serve the token endpoint: client_credentials with a Basic header or form fields, or refresh_token."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise GsmaError(MALFORMED, "The body must be a form.", status=415)
    return _issued(_granted(request, _form(request)))


def _form(request: HttpRequest) -> QueryDict:
    try:
        form: QueryDict = request.POST
    except (SuspiciousOperation, MultiPartParserError):
        raise GsmaError(MALFORMED, "The form cannot be read.") from None
    return form


def _granted(request: HttpRequest, form: QueryDict) -> str | None:
    """Return whom the token will be for."""
    if form.get("scope") != SCOPE:
        raise GsmaError("40007", f"The scope must be {SCOPE}.", status=400)
    grant = form.get("grant_type")
    if grant == "refresh_token":
        found = _refresh.get(form.get("refresh_token", ""))
        if found is None:
            raise GsmaError("40003", "The refresh token is invalid.")
        return found.bot
    if grant != "client_credentials":
        raise GsmaError(MALFORMED, "The grant_type must be client_credentials or refresh_token.")
    return _client(_credentials(request, form))


def _credentials(request: HttpRequest, form: QueryDict) -> str:
    """Return client id and secret with a colon between, as in a Basic header."""
    try:
        found = basic(request)
    except ValueError:
        raise GsmaError("40003", "The Basic credentials cannot be read.") from None
    return f"{form.get('client_id', '')}:{form.get('client_secret', '')}" if found is None else found


def _client(credentials: str) -> str | None:
    """Compared as a whole: an id such as sip:acme@bots.example has a colon of its own."""
    bots = world.config["gsma"]["bots"]
    if not bots and all(credentials.rpartition(":")):
        return None
    for name, one in bots.items():
        secret = one.get("client_secret")
        if secret and _same(f"{one.get('client_id', name)}:{secret}", credentials):
            return str(name)
    raise GsmaError("40003", "The client id or secret is wrong.")


def _issued(bot_id: str | None) -> HttpResponse:
    access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    life = world.config["gsma"]["token_life"]
    with world.change():
        _access[access] = Token(bot_id, time.monotonic() + life)
        _refresh[refresh] = Token(bot_id)
    answer = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": int(life),
        "refresh_token": refresh,
    }
    return JsonResponse(answer, headers={"Cache-Control": "no-store"})
