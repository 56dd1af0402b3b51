"""Check what every method of Google's API asks of a request: verb, query, log-in, agent, number, id and body."""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Answer, Api, Handler, Path, json_of
from rcs_backends.emulator.wire.google import auth, schema
from rcs_backends.emulator.wire.google.errors import GoogleError
from rcs_backends.emulator.wire.rules import E164, Invalid, Rule, snake_case

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
        return auth.token(request)


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
    owner = auth.caller(request)
    agent_id = agent_id or query(request, "agentId")
    return agent_id, auth.agent(agent_id, owner)


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
