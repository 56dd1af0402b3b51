"""The status of a message: a bot asks for it, takes its message back, or has read what a person said.

That a revocation which comes too late is refused at once, with 400, is our choice.
"""

from django.http import HttpRequest

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import messages, request, schema
from rcs_backends.emulator.wire.gsma.errors import GsmaError
from rcs_backends.emulator.wire.gsma.store import GsmaStore, time


def _unknown() -> GsmaError:
    return GsmaError("42011", "There is no such message.", status=404)


def show(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> Json:
    """GET: the status of a bot's message."""
    sent = world.store(GsmaStore).sent.get((bot_id, message_id))
    if sent is None:
        raise _unknown()
    return {"RCSMessage": {"msgId": message_id, "status": sent.status, "timestamp": time(sent.at)}}


def change(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> Json | None:
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
    if sent.status in messages.FINAL or not delivery.revoke(sent.message):
        raise GsmaError("42011", f"The message is {sent.status} and cannot be revoked.")
    messages.move(sent, "cancelled")


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
