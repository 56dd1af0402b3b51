"""Check what every call of Messente's API asks of a request: log-in, verb, JSON; find its account.

Source: the vendor's pages "Requests & Authentication" and its OpenAPI description 2.1.0.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Answer, Api, Handler, Path, basic, json_of
from rcs_backends.emulator.wire.messente import errors
from rcs_backends.emulator.wire.messente.errors import Rejected
from rcs_backends.emulator.wire.messente.fields import rejected
from rcs_backends.emulator.wire.rules import Invalid, Rule


def account(name: str) -> Json:
    """Return the settings of an account; none for one that was taken away meanwhile."""
    found: Json = world.config["messente"]["accounts"].get(name, {})
    return found


class MessenteApi(Api):
    """One of Messente's four APIs, each with its own wording. Functions are called with the account's name."""

    provider = "messente"
    refused = Rejected

    def __init__(self, wording: Callable[[Rejected], Json]) -> None:
        self._wording = wording

    def answer_to(self, refused: Any) -> HttpResponse:
        return JsonResponse(self._wording(refused), status=refused.status)

    def invalid(self, invalid: Invalid) -> Rejected:
        return rejected(invalid)

    def number(self, request: HttpRequest, path: Path) -> object:
        return path.get("phone") or json_of(request)["to"]

    def call(self, request: HttpRequest, method: str, verbs: Mapping[str, Handler], path: Path) -> Answer:
        name = _caller(request)
        if request.method not in verbs:
            raise Rejected(405)
        return verbs[request.method or ""](request, name, **path)


def _caller(request: HttpRequest) -> str:
    """Return the account of the request's Basic log-in. Raises Rejected 401."""
    try:
        name, _, password = (basic(request) or "").partition(":")
    except ValueError:
        raise Rejected(401) from None
    known = account(name).get("password")
    if not known or not hmac.compare_digest(known.encode(), password.encode()):
        raise Rejected(401)
    return name


def body(request: HttpRequest) -> object:
    """Return the request's JSON. Raises Rejected."""
    if request.content_type != "application/json":
        raise Rejected(400, "The Content-Type must be application/json", "payload")
    try:
        return json_of(request)
    except (ValueError, RecursionError):
        raise Rejected(400, "The body is not valid JSON", "payload") from None


def checked(request: HttpRequest, rule: Rule) -> Json:
    """Return the request's JSON object as the rule leaves it. Raises Rejected or Invalid."""
    found = rule(body(request), "")
    assert isinstance(found, dict)
    return found


def _nothing(request: HttpRequest, name: str) -> Answer:
    raise Rejected(404)


OMNICHANNEL, PHONEBOOK = MessenteApi(errors.omnichannel), MessenteApi(errors.phonebook)
STATISTICS, LOOKUP = MessenteApi(errors.statistics), MessenteApi(errors.lookup)
unknown = OMNICHANNEL.by_verb("unknown", **dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), _nothing))
