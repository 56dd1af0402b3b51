"""What every call of Messente's API passes: faults, log-in, verb, JSON; a view gets the account's name and the body.

Source: the vendor's pages "Requests & Authentication" and its OpenAPI description 2.1.0.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import request_faults
from rcs_backends.emulator.wire.messente import errors
from rcs_backends.emulator.wire.messente.errors import Refused, Wording
from rcs_backends.emulator.wire.messente.fields import refused
from rcs_backends.emulator.wire.rules import Invalid, Rule

View = Callable[..., HttpResponse]


def account(name: str) -> Json:
    """The settings of an account; none for one that was taken away meanwhile."""
    found: Json = world.config["messente"]["accounts"].get(name, {})
    return found


def by_verb(wording: Wording = errors.omnichannel, **views: tuple[str, View]) -> View:
    """A view that gives each verb to its own: `POST=("omnimessage", send)`. The name is what a fault may strike.

    Each is called with the request, the account's name and what the path holds, and may raise Refused or Invalid.
    """
    otherwise = next(iter(views.values()))[0]

    def wrapped(request: HttpRequest, **path: Any) -> HttpResponse:
        method, view = views.get(str(request.method), (otherwise, None))

        def wire() -> HttpResponse:
            try:
                name = _caller(request)
                if view is None:
                    raise Refused(405)
                return view(request, name, **path)
            except Refused as problem:
                return _answer(problem, wording)
            except Invalid as invalid:
                return _answer(refused(invalid), wording)

        struck = ("messente", method, path.get("phone") or _recipient(request))
        return request_faults.answer(request, struck, wire, lambda code: _answer(Refused(code), wording))

    return wrapped


def _answer(problem: Refused, wording: Wording) -> HttpResponse:
    if problem.missing and wording is errors.omnichannel:
        return JsonResponse(errors.missing(problem.detail, problem.source), status=problem.status)
    return JsonResponse(wording(problem.status, problem.detail, problem.source), status=problem.status)


def _caller(request: HttpRequest) -> str:
    """The account of the request's Basic log-in. Raises Refused 401."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Refused(401) from None
    known = account(name).get("password")
    if (
        scheme.lower() != "basic"
        or not colon
        or not known
        or not hmac.compare_digest(known.encode(), password.encode())
    ):
        raise Refused(401)
    return name


def _recipient(request: HttpRequest) -> str:
    """Whom the request is for, so that a fault may strike one phone's; nothing where that cannot be seen."""
    try:
        found = json.loads(request.body)["to"]
    except (RequestDataTooBig, ValueError, RecursionError, LookupError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def body(request: HttpRequest) -> object:
    """The request's JSON. Raises Refused."""
    if request.content_type != "application/json":
        raise Refused(400, "The Content-Type must be application/json", "payload")
    try:
        return json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not valid JSON", "payload") from None


def checked(request: HttpRequest, rule: Rule) -> Json:
    """The request's JSON object as the rule leaves it. Raises Refused, Invalid."""
    found = rule(body(request), "")
    assert isinstance(found, dict)
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _unknown(request: HttpRequest, name: str, **path: Any) -> HttpResponse:
    raise Refused(404)


unknown = by_verb(
    GET=("unknown", _unknown),
    POST=("unknown", _unknown),
    PUT=("unknown", _unknown),
    PATCH=("unknown", _unknown),
    DELETE=("unknown", _unknown),
)
