"""The REST API's one method: show the client's messages on phones.

Source: the integration guide. A repeated messageId with the same body answers as the first time and shows nothing; with
another body it is refused. A phone without RCS gets the fallback text as an SMS (dial `own_fallback`), which the answer
says at once in its state, and a webhook after it. The guide shows no refusal; the shape
`{"error": {code, status, message}}` and the statuses are our decision.
"""

import hmac
import math
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Json, Media, Message, guessed_type, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.api import Api, Path, Refused, bearer, json_of
from rcs_backends.emulator.wire.rest import schema, webhooks
from rcs_backends.emulator.wire.rest.store import RestStore, Sent, number_of, ours, theirs
from rcs_backends.emulator.wire.rich import Rich
from rcs_backends.emulator.wire.rules import E164, Invalid

ERRORS = {  # HTTP status → its name, and what is said where there is nothing more exact
    400: ("INVALID_ARGUMENT", "The request is not valid."),
    401: ("UNAUTHENTICATED", "The API token is missing or not valid."),
    403: ("PERMISSION_DENIED", "The API token does not allow this."),
    404: ("NOT_FOUND", "There is nothing at this address."),
    405: ("METHOD_NOT_ALLOWED", "This address takes POST only."),
    409: ("ALREADY_EXISTS", "The messageId was used for another message."),
    429: ("RESOURCE_EXHAUSTED", "Too many messages; slow down."),
    500: ("INTERNAL", "Something went wrong on our side."),
    503: ("UNAVAILABLE", "The service is not available at the moment."),
}


class RestError(Refused):
    """An HTTP status, a sentence, the word for it, and for 429 the seconds to wait."""

    challenge = "Bearer"

    def __init__(
        self, status: int, message: str = "", *, word: str = "", retry_after: int | None = None
    ) -> None:
        self.word = word or ERRORS[status][0]
        self.retry_after = retry_after
        super().__init__(status, message or ERRORS[status][1])

    def body(self) -> Json:
        body = {"code": self.status, "status": self.word, "message": self.message}
        return dict(theirs({"error": body}))

    def answer(self) -> HttpResponse:
        response = super().answer()
        if self.retry_after is not None:
            response.headers["Retry-After"] = str(self.retry_after)
        if self.status == 405:
            response.headers["Allow"] = "POST"
        return response


NO_RCS = {"code": "DEVICE_NOT_SUPPORTED", "message": "The device does not support RCS."}
STATUSES = {"submitted": "SENT", "delivered": "DELIVERED", "read": "READ"}


class RestApi(Api):
    """Every address but one is unknown: the guide has no way to read, list or take back a message."""

    provider = "rest"
    refused = RestError

    def invalid(self, invalid: Invalid) -> RestError:
        return RestError(400, str(invalid))

    def number(self, request: HttpRequest, path: Path) -> object:
        name = world.config["rest"]["renamed"].get("conversationId", "conversationId")
        return number_of(str(_json(request)[name]))

    def check(self, request: HttpRequest, method: str, path: Path) -> tuple[()]:
        _check_token(request)
        _check_pace()
        return ()


def create(request: HttpRequest) -> Json:
    """Send a message. A messageId that was used before gets its first answer. Raises RestError or Invalid."""
    body = schema.request(ours(_json(request)), "")
    number = _number(body["conversationId"])
    sent = world.store(RestStore).sent.get(body["messageId"])
    if sent is None:
        sent = _take(number, body)
    elif sent.body != body:
        raise RestError(409)
    elif sent.message:
        world.ledger.accept(sent.message)
    return dict(theirs(sent.answer))


def _number(conversation: str) -> str:
    number = number_of(conversation)
    if number is None:
        raise RestError(404, "The conversation does not exist.")
    if not E164.fullmatch(number):
        sentence = "The phone number is not valid: E.164 with its plus sign is needed."
        raise RestError(400, sentence, word="INVALID_PHONE_NUMBER")
    return number


def _check_token(request: HttpRequest) -> None:
    """Accept any of the dial's tokens: two are valid while one replaces the other."""
    given = bearer(request).encode()
    if not any(hmac.compare_digest(given, token.encode()) for token in world.config["rest"]["tokens"]):
        raise RestError(401)


def _check_pace() -> None:
    """Keep to the dial `rate`: that many requests in any second, refused ones not counted; 0: no limit."""
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
    if request.content_type != "application/json":
        raise RestError(400, "The Content-Type must be application/json.")
    try:
        body = json_of(request)
    except (ValueError, RecursionError):
        raise RestError(400, "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise RestError(400, "The body must be a JSON object.")
    return body


def _take(number: str, body: Json) -> Sent:
    """Send a new message by RCS, else as an SMS, else not at all."""
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
        fill(message, sent.body["message"])
    return message


def _reporter(conversation: str) -> Callable[[Message, str], None]:
    """Return the `report` of a message. An SMS is only told to have taken the place of the message."""

    def report(message: Message, event: str) -> None:
        if message.channel == "rcs" and event in STATUSES:
            webhooks.status(conversation, message.number, message.id, STATUSES[event])
        elif message.channel == "sms" and event == "submitted":
            webhooks.status(conversation, message.number, message.id, "FALLBACK")

    return report


# On the phone


def fill(message: Message, content: Json) -> None:
    _RICH.fill(message, content)
    if "file" in content:
        message.media = _media(content["file"])
        message.kind = "audio" if message.media.media_type.startswith("audio/") else "file"
    elif "form" in content:
        message.kind, message.form = "form", _form(content)


def _media(source: Json) -> Media:
    return Media(
        source["contentUrl"],
        thumbnail=source.get("thumbnailUrl", ""),
        thumbnail_name=source.get("thumbnailFileName", ""),
        height=source.get("height", "").lower(),
        alt=source.get("contentDescription", ""),
        media_type=source.get("mimeType") or guessed_type(source["contentUrl"]),
        name=source.get("fileName", ""),
    )


def _form(content: Json) -> Json:
    form = content["form"]
    fields = [{"required": False, "options": [], **asked} for asked in form["fields"]]
    return {
        "id": form["id"],
        "title": form["title"],
        "text": content.get("text", ""),
        "submit": form.get("submitText", "Send"),
        "postback": form.get("postbackData", ""),
        "fields": fields,
    }


_RICH = Rich(
    _media,
    {
        "open_url": {"application": "browser"},
        "dial": {"mode": "voice"},
        "calendar_event": {"description": ""},
    },
)
