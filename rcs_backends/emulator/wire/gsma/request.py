"""What every endpoint of the API asks of a request: faults, verb, log-in, and a JSON body that keeps a rule."""

import json
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator.answers import finished
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.wire import request_faults as faults
from rcs_backends.emulator.wire.gsma import auth, errors, schema
from rcs_backends.emulator.wire.gsma.errors import MALFORMED, GsmaError
from rcs_backends.emulator.wire.gsma.rules import without_nulls
from rcs_backends.emulator.wire.rules import Invalid, Rule

View = Callable[..., HttpResponse]


def endpoint(method: str, **verbs: View) -> View:
    """An address of the API `method`: for each HTTP verb a view, called with the request, the bot's id and its
    settings; GsmaError and Invalid become answers.
    """

    def view(request: HttpRequest, bot_id: str, **path: str) -> HttpResponse:
        def wire() -> HttpResponse:
            try:
                if request.method not in verbs:
                    raise GsmaError(MALFORMED, f"Use {' or '.join(verbs)}.", status=405)
                return verbs[request.method](request, bot_id, auth.bot(request, bot_id), **path)
            except GsmaError as error:
                return errors.answer(error)
            except Invalid as invalid:
                return errors.answer(GsmaError(schema.code_of(invalid), str(invalid)))

        return faults.answer(request, ("gsma", method, _number(request)), wire, errors.of_fault)

    return view


def _number(request: HttpRequest) -> str:
    """The phone that the request is for, as far as it can be seen from outside; only the fault dials look at it."""
    if request.method == "GET":
        return request.GET.get("userContact", "").replace(" ", "+", 1)
    if request.content_type != "application/json":
        return ""
    try:
        return str(json.loads(request.body)["messageContact"]["userContact"])
    except (ValueError, TypeError, LookupError, RecursionError, RequestDataTooBig):
        return ""


def body(request: HttpRequest, rule: Rule) -> Json:
    """The request's JSON without its nulls, checked by a rule of the schema. Raises GsmaError or Invalid."""
    if request.content_type != "application/json":
        raise GsmaError(MALFORMED, "The Content-Type must be application/json.", status=415)
    if len(request.body) > schema.MAX_BYTES:
        raise GsmaError(MALFORMED, f"The body is larger than {schema.MAX_BYTES} bytes.", status=413)
    try:
        parsed = without_nulls(json.loads(request.body.decode(), parse_constant=_no_constant))
    except (ValueError, RecursionError):
        raise GsmaError(MALFORMED, "The body is not JSON.") from None
    checked = rule(parsed, "")
    assert isinstance(checked, dict)
    return checked


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def unknown(request: HttpRequest, **path: str) -> HttpResponse:
    """Every other address below gsma/."""
    return finished(errors.answer(GsmaError(MALFORMED, "There is no such address.", status=404)))


def token(request: HttpRequest) -> HttpResponse:
    """The token endpoint behind the fault dials, which strike it only by name ("method": "token")."""
    return faults.answer(request, ("gsma", "token", ""), lambda: auth.token(request), errors.of_fault)
