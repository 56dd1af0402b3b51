"""A bot's messages: show them on phones, tell what becomes of them, take them back, and say what a phone can show.

That a revocation which comes too late is refused at once, with 400, is our choice.
"""

import secrets
import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Handset, Json, Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import content, request, schema, webhooks
from rcs_backends.emulator.wire.gsma.rules import MALFORMED, GsmaError
from rcs_backends.emulator.wire.gsma.store import GsmaStore, Sent, time

FINAL = ("displayed", "cancelled", "failed")
DEAD_TOKEN = "41110"  # noqa: S105


def create(http: HttpRequest, bot_id: str, bot: Json) -> HttpResponse:
    """Send a message, or say that the bot types: 202 with the platform's id. A number goes before a chatId."""
    body = request.body(http, schema.message)
    expires = schema.expires_at(body)
    said, contact = body["RCSMessage"], body["messageContact"]
    number = _recipient(bot_id, bot, contact)
    if "isTyping" in said:
        _type(number, active=said["isTyping"] == "active")
        return _taken(_new_id())
    message = Message(_id_for(bot_id, said), "gsma", bot_id, number, report=report, expires_at=expires)
    message.ledger_id = said.get("msgId") or _fingerprint(bot_id, number, http.body)
    message.traffic = said.get("trafficType", "")
    content.fill(message, said)
    _accept(message, contact)
    return _taken(message.id)


def _recipient(bot_id: str, bot: Json, contact: Json) -> str:
    """Return the number of a person whom the bot may write to. Raises GsmaError."""
    number = world.store(GsmaStore).number_of(bot_id, contact)
    if not bot.get("launched", True):
        if not bot.get("testers"):
            raise GsmaError("42001", "The bot is not launched.")
        if number not in bot["testers"]:
            raise GsmaError("42007", "The recipient is not among the bot's testers.")
    if number is None:
        raise GsmaError(DEAD_TOKEN, "The user was not found.")
    if world.config["gsma"]["unreachable"] == "404" and not world.known(number).rcs:
        raise GsmaError("41200", "The user cannot be reached by RCS.")
    return number


def _type(number: str, *, active: bool) -> None:
    handset = world.handset(number)
    if active and handset.rcs:
        handset.show_typing()
    else:
        handset.typing_until = 0.0


def _new_id() -> str:
    return f"m-{secrets.token_urlsafe(12)}"


def _id_for(bot_id: str, said: Json) -> str:
    """Return the platform's own id; the dial `client_ids` takes the bot's, once."""
    wanted = said.get("msgId") if world.config["gsma"]["client_ids"] else None
    if wanted and (bot_id, wanted) in world.store(GsmaStore).sent:
        raise GsmaError("42514", "The message id was used before.")
    return wanted or _new_id()


def _fingerprint(bot_id: str, number: str, body: bytes) -> str:
    """Return the same for requests that ask for the same thing: nothing else tells that a request is repeated."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{bot_id} {number} {body.decode()}"))


def _taken(message_id: str) -> HttpResponse:
    answer = {"msgId": message_id, "status": "pending", "timestamp": time(now())}
    return JsonResponse({"RCSMessage": answer}, status=202)


def _accept(message: Message, contact: Json) -> None:
    handset = world.handset(message.number)
    fate = "41201" if world.config["gsma"]["outcome"] == "failed" else ""
    fate = lacking(handset, message) or fate
    own = {"userContact": message.number} if "userContact" in contact else contact
    world.store(GsmaStore).sent[message.agent, message.id] = Sent(message, own, fate)
    delivery.accept(message)


def report(message: Message, event: str) -> None:
    """Tell the bot what became of a message. Lock held."""
    store = world.store(GsmaStore)
    sent = store.sent[message.agent, message.id]
    if event == "submitted":
        if sent.fate:
            fail(sent, sent.fate)
        else:
            move(sent, "sent")
    elif event == "delivered":
        move(sent, "delivered")
    elif event == "expired":
        fail(sent, "41007")
    elif _tells_displayed(message):
        move(sent, "displayed")


def _tells_displayed(message: Message) -> bool:
    always = world.config["gsma"]["displayed_notifications"] == "always"
    return always or (message.agent, message.number) in world.store(GsmaStore).wants_displayed


def fail(sent: Sent, cause: str) -> None:
    """Note that the message will not be shown. `cause` is a code."""
    sent.message.state = "expired"
    world.handset(sent.message.number).waiting.pop(sent.message.id, None)
    move(sent, "failed", cause)


def move(sent: Sent, status: str, cause: str = "") -> None:
    """Give the message its next status, and tell the bot. A final one stays."""
    if sent.status not in FINAL:
        sent.status, sent.at = status, now()
        webhooks.status(sent, cause)


# Status


def _unknown() -> GsmaError:
    return GsmaError("42011", "There is no such message.", status=404)


def show_status(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> Json:
    """GET: the status of a bot's message."""
    sent = world.store(GsmaStore).sent.get((bot_id, message_id))
    if sent is None:
        raise _unknown()
    return {"RCSMessage": {"msgId": message_id, "status": sent.status, "timestamp": time(sent.at)}}


def change_status(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> Json | None:
    """PUT: `cancelled` for a bot's message that no phone shows yet, `displayed` for what a person said."""
    body = request.body(http, schema.status_change)
    wanted = schema.STATUS_WORDS[body["RCSMessage"]["status"]]
    if wanted == "cancelled":
        _revoke(bot_id, message_id)
    else:
        _display(bot_id, message_id)
    if world.config["gsma"]["put_status_answer"] == "204":
        return None
    return {"RCSMessage": {"msgId": message_id, "status": wanted}}


def _revoke(bot_id: str, message_id: str) -> None:
    sent = world.store(GsmaStore).sent.get((bot_id, message_id))
    if sent is None:
        raise _of_the_other_side(bot_id, message_id)
    if sent.status == "cancelled":
        raise GsmaError("41011", "The message was revoked before.")
    if sent.status in FINAL or not delivery.revoke(sent.message):
        raise GsmaError("42011", f"The message is {sent.status} and cannot be revoked.")
    move(sent, "cancelled")


def _display(bot_id: str, message_id: str) -> None:
    said = world.store(GsmaStore).said.get((bot_id, message_id))
    if said is None:
        raise _of_the_other_side(bot_id, message_id)
    said.state = "read"


def _of_the_other_side(bot_id: str, message_id: str) -> GsmaError:
    """Return the refusal for a message that is unknown, or cannot have this status."""
    store = world.store(GsmaStore)
    if (bot_id, message_id) in store.sent or (bot_id, message_id) in store.said:
        return GsmaError("42011", "This message cannot have that status.")
    return _unknown()


# Capabilities

NEEDS = {  # the API's names → what a phone of ours must have for it; None: every phone with RCS
    "chat": None,
    "fileTransfer": None,
    "videoCall": "ACTION_DIAL",
    "geolocationPush": "ACTION_SHARE_LOCATION",
    "callComposer": "ACTION_DIAL",
    "chatBotCommunication": "RICHCARD_STANDALONE",
}
LACKING = {"file": "41211", "audio": "41211", "card": "41212", "carousel": "41212"}  # by a message's kind
CARDS = {"card": "RICHCARD_STANDALONE", "carousel": "RICHCARD_CAROUSEL"}


def show_capabilities(request: HttpRequest, bot_id: str, bot: Json) -> Json:
    """GET contactCapabilities. A phone without RCS, and a token that nobody has, are 404."""
    wanted = {name: value for name in ("userContact", "chatId") if (value := request.GET.get(name))}
    if len(wanted) != 1 or len(request.GET) != 1:
        raise GsmaError(MALFORMED, "Either userContact or chatId is needed, and nothing else.")
    if "userContact" in wanted:
        wanted["userContact"] = wanted["userContact"].replace(" ", "+", 1)  # a + that was not encoded
    schema.contact(wanted, "")
    number = world.store(GsmaStore).number_of(bot_id, wanted)
    if number is None:
        raise GsmaError("41110", "The user was not found.")
    handset = world.known(number)
    if not handset.rcs:
        raise GsmaError("41200", "The user cannot be reached by RCS.")
    able = [name for name, feature in NEEDS.items() if feature is None or feature in handset.features]
    return {"capabilities": able}


def lacking(handset: Handset, message: Message) -> str:
    """Return the code of the first thing that the phone lacks for this message; empty when it can be shown."""
    if not handset.rcs:
        return LACKING.get(message.kind, "41210")
    card = CARDS.get(message.kind)
    if card and card not in handset.features:
        return LACKING[message.kind]
    asks = any(one.kind == "request_location" for one in message.all_suggestions())
    return "41240" if asks and NEEDS["geolocationPush"] not in handset.features else ""
