"""Check what every endpoint of the API asks of a request: verb, log-in, and a JSON body that keeps a rule.

The token endpoint gives access tokens for a bot's secret; a bot's fixed `token` works as well. Where no bot is
configured every bot id exists, and any token but one that this endpoint issued and that has expired is good.
"""

import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.http.multipartparser import MultiPartParserError

from rcs_backends.emulator.gate import finished
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Api, Path, basic, bearer, json_of
from rcs_backends.emulator.wire.gsma import rules, schema
from rcs_backends.emulator.wire.gsma.rules import MALFORMED, GsmaError, without_nulls
from rcs_backends.emulator.wire.rules import Invalid, Rule

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


class GsmaApi(Api):
    """Functions are called with the request, the bot's id and its settings."""

    provider = "gsma"
    refused = staticmethod(rules.of_fault)

    def invalid(self, invalid: Invalid) -> GsmaError:
        return GsmaError(getattr(invalid, "code", MALFORMED), str(invalid))

    def number(self, request: HttpRequest, path: Path) -> object:
        if request.method == "GET":
            return request.GET["userContact"].replace(" ", "+", 1)
        return json_of(request)["messageContact"]["userContact"] if _is_json(request) else ""

    def wrong_verb(self, verbs: Iterable[str]) -> GsmaError:
        return GsmaError(MALFORMED, f"Use {' or '.join(verbs)}.", status=405)

    def check(self, request: HttpRequest, method: str, path: Path) -> tuple[Any, ...]:
        if method == "token":
            return ()
        bot_id = path.pop("bot_id")
        return bot_id, bot(request, bot_id)

    def unknown(self, request: HttpRequest, **path: str) -> HttpResponse:
        return finished(GsmaError(MALFORMED, "There is no such address.", status=404).answer())


API = GsmaApi()


def _is_json(request: HttpRequest) -> bool:
    return request.content_type == "application/json"


def body(request: HttpRequest, rule: Rule) -> Json:
    """Return the request's JSON without its nulls, checked by a rule of the schema. Raises GsmaError or Invalid."""
    if not _is_json(request):
        raise GsmaError(MALFORMED, "The Content-Type must be application/json.", status=415)
    if len(request.body) > schema.MAX_BYTES:
        raise GsmaError(MALFORMED, f"The body is larger than {schema.MAX_BYTES} bytes.", status=413)
    try:
        parsed = without_nulls(json_of(request))
    except (ValueError, RecursionError):
        raise GsmaError(MALFORMED, "The body is not JSON.") from None
    return dict(rule(parsed, ""))
