"""Check what every endpoint of the API asks of a request: verb, log-in, and a JSON body that keeps a rule."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator.gate import finished
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire.api import Api, Path, json_of
from rcs_backends.emulator.wire.gsma import auth, rules, schema
from rcs_backends.emulator.wire.gsma.rules import MALFORMED, GsmaError, without_nulls
from rcs_backends.emulator.wire.rules import Invalid, Rule


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
        return bot_id, auth.bot(request, bot_id)

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
