"""The REST API's one method: strict JSON comes in, messages go to phones, an id and a state go out.

Source: the integration guide. A repeated messageId with the same body answers as the first time and shows nothing; with
another body it is refused. A phone without RCS gets the fallback text as an SMS (dial `own_fallback`), which the answer
says at once in its state, and a webhook after it.
"""

import hmac
import json
import math
import re
import time
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.answers import finished
from rcs_backends.emulator.phones import Json, Message, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import request_faults
from rcs_backends.emulator.wire.rest import content, errors, names, schema, webhooks
from rcs_backends.emulator.wire.rest.errors import RestError
from rcs_backends.emulator.wire.rest.store import RestStore, Sent, number_of
from rcs_backends.emulator.wire.rules import Invalid

NO_RCS = {"code": "DEVICE_NOT_SUPPORTED", "message": "The device does not support RCS."}
STATUSES = {"submitted": "SENT", "delivered": "DELIVERED", "read": "READ"}
_NUMBER = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


def create(request: HttpRequest) -> HttpResponse:
    """POST v1/messages, behind the fault dials."""

    def wire() -> HttpResponse:
        try:
            return JsonResponse(names.theirs(_created(request)))
        except RestError as error:
            return errors.answer(error)
        except Invalid as invalid:
            return errors.answer(RestError(400, str(invalid)))

    struck = ("rest", "messages", _number_asked_for(request))
    return request_faults.answer(request, struck, wire, lambda code: errors.answer(RestError(code)))


def unknown(request: HttpRequest, **path: str) -> HttpResponse:
    """Every other address below rest/: the guide has no way to read, list or take back a message."""
    return finished(errors.answer(RestError(404)))


def _number_asked_for(request: HttpRequest) -> str:
    """For the fault dials, which come before any check."""
    try:
        body = _json(request)
    except (RestError, RequestDataTooBig):
        return ""
    conversation = body.get(world.config["rest"]["renamed"].get("conversationId", "conversationId"))
    return number_of(conversation) or "" if isinstance(conversation, str) else ""


def _created(request: HttpRequest) -> Json:
    if request.method != "POST":
        raise RestError(405)
    _check_token(request)
    with world.change():
        _check_pace()
    body = schema.request(names.ours(_json(request)), "")
    with world.change():
        return _answer(body)


def _check_token(request: HttpRequest) -> None:
    """Any of the dial's tokens: two are valid while one replaces the other."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    known = [hmac.compare_digest(given.encode(), token.encode()) for token in world.config["rest"]["tokens"]]
    if scheme.lower() != "bearer" or not any(known):
        raise RestError(401)


def _check_pace() -> None:
    """The dial `rate`: so many requests in any second, refused ones not counted; 0: no limit. Lock held."""
    rate = world.config["rest"]["rate"]
    came = world.store(RestStore).requests
    at = time.monotonic()
    while came and at - came[0] >= 1:
        came.popleft()
    if rate and len(came) >= rate:
        raise RestError(429, retry_after=math.ceil(1 - (at - came[0])))
    if rate:
        came.append(at)


def _json(request: HttpRequest) -> Json:
    """The request's JSON object. Raises RestError, or RequestDataTooBig."""
    if request.content_type != "application/json":
        raise RestError(400, "The Content-Type must be application/json.")
    try:
        body = json.loads(request.body.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RestError(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise RestError(400, "The body must be a JSON object.")
    return body


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _answer(body: Json) -> Json:
    """The first answer to this messageId, or a new one. Raises RestError. Lock held."""
    number = number_of(body["conversationId"])
    if number is None:
        raise RestError(404, "The conversation does not exist.")
    if not _NUMBER.fullmatch(number):
        sentence = "The phone number is not valid: E.164 with its plus sign is needed."
        raise RestError(400, sentence, word="INVALID_PHONE_NUMBER")
    sent = world.store(RestStore).sent.get(body["messageId"])
    if sent is None:
        sent = _take(number, body)
    elif sent.body != body:
        raise RestError(409)
    elif sent.message:
        world.ledger.accept(sent.message)
    return sent.answer


def _take(number: str, body: Json) -> Sent:
    """Send a new message by RCS, else as an SMS, else not at all. Lock held."""
    conversation = body["conversationId"]
    sent = Sent(conversation, number, body, {})
    rcs = world.handset(number).rcs
    if rcs or world.config["rest"]["own_fallback"]:
        sent.message = _message(sent, "rcs" if rcs else "sms")
        delivery.accept(sent.message)
    else:
        delay = world.config["delivery_delay"]
        world.after(delay, webhooks.status, conversation, number, body["messageId"], "FAILED", NO_RCS)
    state = "QUEUED" if rcs else "FALLBACK" if sent.message else "FAILED"
    sent.answer = {
        "name": f"conversations/{conversation}/messages/{body['messageId']}",
        "createTime": stamp(now()),
        "state": state,
        "fallbackText": body["fallbackText"],
        **({"error": NO_RCS} if state == "FAILED" else {}),
    }
    store = world.store(RestStore)
    store.sent[body["messageId"]] = sent
    store.conversations[number] = conversation
    return sent


def _message(sent: Sent, channel: str) -> Message:
    message = Message(
        sent.body["messageId"],
        "rest",
        world.config["rest"]["sender"],
        sent.number,
        channel=channel,
        ledger_id=sent.body["messageId"],
        report=_reporter(sent.conversation),
    )
    if channel == "sms":
        message.text = sent.body["fallbackText"]
    else:
        content.fill(message, sent.body["message"])
    return message


def _reporter(conversation: str) -> Callable[[Message, str], None]:
    """The `report` of a message. Of an SMS nothing more is told than that it took the message's place."""

    def report(message: Message, event: str) -> None:
        if message.channel == "rcs" and event in STATUSES:
            webhooks.status(conversation, message.number, message.id, STATUSES[event])
        elif message.channel == "sms" and event == "submitted":
            webhooks.status(conversation, message.number, message.id, "FALLBACK")

    return report
