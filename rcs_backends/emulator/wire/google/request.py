"""What every method of Google's API asks of a request: faults, verbs, query, log-in, agent, number, id and body."""

import json
import re
import uuid
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.answers import finished
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import request_faults as faults
from rcs_backends.emulator.wire.google import auth, errors, schema
from rcs_backends.emulator.wire.google.errors import GoogleError
from rcs_backends.emulator.wire.rules import Invalid, Rule

View = Callable[..., HttpResponse]
STANDARD_QUERY = frozenset(  # of every Google API, plus agentId
    ["$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser"]
).union(["uploadType", "upload_protocol", "agentId", "agent_id"])
QUERY = {
    "agentMessages": "messageId message_id",
    "agentEvents": "eventId event_id",
    "capabilities": "requestId request_id",
}
_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_ID = re.compile(r"[^\x00-\x20/\x7f]{1,200}")


def method(name: str, *verbs: str) -> Callable[[View], View]:
    """A view of the API method `name` for these verbs: faults strike it, GoogleError and Invalid become answers."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, **path: str) -> HttpResponse:
            def wire() -> HttpResponse:
                try:
                    if request.method not in verbs:
                        raise GoogleError(404)
                    _check_query(request, name)
                    return view(request, **path)
                except GoogleError as error:
                    return errors.answer(error)
                except Invalid as invalid:
                    return errors.answer(GoogleError(400, str(invalid), field=invalid.path))

            struck = ("google", name, path.get("phone", ""))
            return faults.answer(request, struck, wire, lambda code: errors.answer(GoogleError(code)))

        return wrapped

    return decorate


def _check_query(request: HttpRequest, name: str) -> None:
    allowed = STANDARD_QUERY.union(QUERY.get(name, "").split())
    for key in request.GET:
        if key not in allowed:
            raise GoogleError(
                400, f'Invalid request. Unknown name "{key}": Cannot bind query parameter.', field=key
            )


def query(request: HttpRequest, name: str, snake: str) -> str:
    return str(request.GET.get(name) or request.GET.get(snake) or "")


def caller(request: HttpRequest, agent_id: str | None = None) -> tuple[str, Json]:
    """The agent that the request names, and its settings. Raises GoogleError 401 or 403."""
    owner = auth.caller(request)
    agent_id = agent_id or query(request, "agentId", "agent_id")
    return agent_id, auth.agent(agent_id, owner)


def phone(phone: str) -> str:
    if not _PHONE.fullmatch(phone):
        raise GoogleError(
            400, "The phone number must be in E.164 format, with its plus sign.", field="parent"
        )
    return phone


def body(request: HttpRequest, rule: Rule) -> Json:
    """The request's JSON, checked by a rule of the schema."""
    if request.content_type != "application/json":
        raise GoogleError(400, "Invalid JSON payload received. The Content-Type must be application/json.")
    if len(request.body) > schema.MAX_BYTES and rule is schema.agent_message:
        raise GoogleError(
            400, f"The message is larger than {schema.MAX_BYTES} bytes.", field="contentMessage"
        )
    try:
        parsed = json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise GoogleError(400, f"Invalid JSON payload received. {type(error).__name__}.") from None
    checked = rule(parsed, "")
    assert isinstance(checked, dict)
    return checked


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def new_id(value: str, field: str) -> str:
    if not _ID.fullmatch(value):
        raise GoogleError(400, f"{field} is required and must be a UUID.", field=field)
    if world.config["google"]["strict_uuids"]:
        try:
            uuid.UUID(value)
        except ValueError:
            raise GoogleError(400, f"{field} must be a UUID.", field=field) from None
    return value


def unknown(request: HttpRequest, **path: str) -> HttpResponse:
    """Every other address below google/."""
    return finished(errors.answer(GoogleError(404)))


def token(request: HttpRequest) -> HttpResponse:
    """The token endpoint behind the fault dials, which strike it only by name ("method": "token")."""

    def refusal(code: int) -> HttpResponse:
        return JsonResponse({"error": "internal_failure", "error_description": "Emulated."}, status=code)

    struck = ("google", "token", "")
    return faults.answer(request, struck, lambda: auth.token(request), refusal)
