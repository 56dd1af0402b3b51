"""A message's status: an id comes in, its status goes out; or a bot takes its message back, or has read a person's.

That a revocation which comes too late is refused at once, with 400, is our choice.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import messages, request, schema
from rcs_backends.emulator.wire.gsma.errors import GsmaError
from rcs_backends.emulator.wire.gsma.store import GsmaStore, time


def _unknown() -> GsmaError:
    return GsmaError("42011", "There is no such message.", status=404)


def show(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> HttpResponse:
    """GET: the status of a bot's message."""
    with world.change():
        sent = world.store(GsmaStore).sent.get((bot_id, message_id))
        if sent is None:
            raise _unknown()
        found = {"msgId": message_id, "status": sent.status, "timestamp": time(sent.at)}
    return JsonResponse({"RCSMessage": found})


def change(http: HttpRequest, bot_id: str, bot: Json, message_id: str) -> HttpResponse:
    """PUT: `cancelled` for a bot's message that no phone shows yet, `displayed` for what a person said."""
    body = request.body(http, schema.status_change)
    wanted = schema.STATUS_WORDS[body["RCSMessage"]["status"]]
    with world.change():
        if wanted == "cancelled":
            _revoke(bot_id, message_id)
        else:
            _display(bot_id, message_id)
    if world.config["gsma"]["put_status_answer"] == "204":
        return HttpResponse(status=204)
    return JsonResponse({"RCSMessage": {"msgId": message_id, "status": wanted}})


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
    """The message is unknown, or is one for which this status makes no sense."""
    store = world.store(GsmaStore)
    if (bot_id, message_id) in store.sent or (bot_id, message_id) in store.said:
        return GsmaError("42011", "This message cannot have that status.")
    return _unknown()
