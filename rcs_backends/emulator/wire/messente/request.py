"""Check what every call of Messente's APIs asks of a request, and write refusals as each of the four words them.

Source: the vendor's pages "Requests & Authentication" and its OpenAPI description 2.1.0. Which status goes with
"Forbidden", and what a throttled client is told, is our choice.
"""

import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Answer, Api, Handler, Path, Refused, basic, json_of
from rcs_backends.emulator.wire.rules import Invalid, Rule

CODES = {  # of the omnichannel API
    400: ("105", "Invalid data"),
    401: ("103", "Unauthorized"),
    403: ("102", "Forbidden"),
    404: ("101", "Not found"),
    405: ("107", "Method not allowed"),
}
FAILURE = ("104", "Internal Server Error")  # and what the list lacks, such as 429
MISSING = ("106", "Missing data")
PHONEBOOK_CODES = {
    400: ("201", "Invalid data"),
    401: ("202", "Unauthorized"),
    404: ("203", "Missing resource"),
    409: ("204", "Conflict"),
}
STATISTICS_CODES = {400: ("104", "Invalid data"), 401: ("103", "Unauthorized")}
LOOKUP_CODES = {400: 102, 401: 101}
DETAILS = {
    401: "Invalid username or password",
    403: "Access is denied",
    404: "The resource does not exist",
    405: "The method is not allowed here",
    409: "The resource exists already",
    429: "Too many requests",
}


class Rejected(Refused):
    """A request is refused with this HTTP status. `source` names the field as payload[channel][field]; `missing`: it
    must be there and is not.
    """

    def __init__(self, status: int, detail: str = "", source: str | None = None, *, missing: bool = False):
        self.source = source
        self.missing = missing
        super().__init__(status, detail or DETAILS.get(status, "The request failed"))


_FIELD = re.compile(r"[^.\[]*")


class Missing(Invalid):
    """A field that must be there is not."""


def rejected(invalid: Invalid, channel: str = "") -> Rejected:
    """Return the refusal: `source` ends at the field of the message, as the vendor shows; the detail names it all."""
    first = _FIELD.match(invalid.path)
    field = f"[{first[0]}]" if first and first[0] else ""
    source = f"payload[{channel}]{field}" if channel else f"payload{field}"
    detail = f"{invalid.path}: {invalid.problem}" if invalid.path else invalid.problem
    return Rejected(400, detail, source, missing=isinstance(invalid, Missing))


def omnichannel(problem: Rejected) -> Json:
    """Word a refusal about messages, reports of delivery or cancelling: only here does an error name its source."""
    known = MISSING if problem.missing else CODES.get(problem.status, FAILURE)
    return _listed(known, problem.message, source=problem.source)


def phonebook(problem: Rejected) -> Json:
    """Word a refusal about contacts, groups or the blacklist."""
    other = ("205", "General error") if problem.status >= 500 else ("244", "Client error")
    return _listed(PHONEBOOK_CODES.get(problem.status, other), problem.message)


def statistics(problem: Rejected) -> Json:
    """Word a refusal about reports: what others call `detail` is `details`."""
    other = ("105", "Internal Server Error") if problem.status >= 500 else ("100", "Client Error")
    code, title = STATISTICS_CODES.get(problem.status, other)
    return {"errors": [{"code": code, "title": title, "details": problem.message}]}


def lookup(problem: Rejected) -> Json:
    """Word a refusal about number lookups: one level deeper, with whole numbers as codes."""
    code = LOOKUP_CODES.get(problem.status, 103 if problem.status >= 500 else 106)
    return {"errors": [{"error": {"code": code, "description": problem.message}}]}


def _listed(code_and_title: tuple[str, str], detail: str, **more: object) -> Json:
    code, title = code_and_title
    return {"errors": [{"code": code, "title": title, "detail": detail, **more}]}


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
    try:
        name, _, password = (basic(request) or "").partition(":")
    except ValueError:
        raise Rejected(401) from None
    known = account(name).get("password")
    if not known or not hmac.compare_digest(known.encode(), password.encode()):
        raise Rejected(401)
    return name


def body(request: HttpRequest) -> object:
    if request.content_type != "application/json":
        raise Rejected(400, "The Content-Type must be application/json", "payload")
    try:
        return json_of(request)
    except (ValueError, RecursionError):
        raise Rejected(400, "The body is not valid JSON", "payload") from None


def checked(request: HttpRequest, rule: Rule) -> Json:
    """Return the request's JSON object as the rule leaves it. Raises Rejected or Invalid."""
    return dict(rule(body(request), ""))


def _nothing(request: HttpRequest, name: str) -> Answer:
    raise Rejected(404)


OMNICHANNEL, PHONEBOOK = MessenteApi(omnichannel), MessenteApi(phonebook)
STATISTICS, LOOKUP = MessenteApi(statistics), MessenteApi(lookup)
unknown = OMNICHANNEL.by_verb("unknown", **dict.fromkeys(("GET", "POST", "PUT", "PATCH", "DELETE"), _nothing))
