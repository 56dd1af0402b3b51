"""Messente's messages: send, cancel, and ask what became of them.

Source: the vendor's OpenAPI description 2.1.0. That a time to send in the past means now is our choice.
"""

import json
import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Json, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.messente import callbacks, chain, request
from rcs_backends.emulator.wire.messente.request import Rejected
from rcs_backends.emulator.wire.messente.schema import Record, checked
from rcs_backends.emulator.wire.messente.store import Leg, MessenteStore, Omnimessage
from rcs_backends.emulator.wire.rules import anything, items

MOST_AT_ONCE = 1000  # the vendor advises no more; that it is a limit is our choice


def send(http: HttpRequest, account: str) -> HttpResponse:
    return JsonResponse(_take(account, request.body(http)), status=201)


def _take(account: str, body: object) -> Json:
    """Check and accept one omnimessage, and return the answer. Raises Rejected."""
    wanted = checked(body, _senders(account))
    omnimessage = _made(account, wanted, json.dumps(body, sort_keys=True))
    chain.accept(omnimessage, _wait(wanted))
    return {
        "omnimessage_id": omnimessage.id,
        "to": omnimessage.to,
        "messages": [
            {"channel": leg.channel, "message_id": leg.message_id, "sender": leg.sender}
            for leg in omnimessage.legs
        ],
    }


def _senders(account: str) -> Json:
    settings = request.account(account)
    allowed = callbacks.senders_of(settings) if settings.get("senders") else []
    default = {"rcs": settings.get("rcs_sender"), "other": settings.get("sender")}
    return {"allowed": allowed, "default": default}


def _made(account: str, wanted: Json, fingerprint: str) -> Omnimessage:
    legs = [_leg(one, f"{account} {fingerprint}") for one in wanted["messages"]]
    dlr_url = wanted.get("dlr_url") or request.account(account).get("dlr_url", "")
    return Omnimessage(wanted["to"], account, legs, dlr_url)


def _leg(message: Json, fingerprint: str) -> Leg:
    """Make a leg. A repeated request gets new ids; only the ledger sees that it is the same."""
    seconds = message.get("ttl", message.get("validity", 0) * 60)
    ledger_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message['channel']} {fingerprint}"))
    return Leg(message["channel"], message["sender"], message, seconds or None, ledger_id=ledger_id)


def _wait(wanted: Json) -> float:
    """Return the seconds until an omnimessage is sent, scaled; none or less: now."""
    if "time_to_send" not in wanted:
        return 0.0
    ahead = (wanted["time_to_send"] - now()).total_seconds()
    return float(ahead * world.config["messente"]["time_scale"])


_bulk_body = Record({"messages": items(anything, MOST_AT_ONCE, least=1)}, needs=("messages",))


def send_bulk(http: HttpRequest, account: str) -> HttpResponse:
    """Take or refuse each omnimessage by itself."""
    wanted = request.checked(http, _bulk_body)
    return JsonResponse({"messages": [_one_of_many(account, one) for one in wanted["messages"]]}, status=201)


def _one_of_many(account: str, body: object) -> Json:
    try:
        return _take(account, body)
    except Rejected as refused:
        return request.omnichannel(refused)


def status(http: HttpRequest, account: str, omnimessage_id: str) -> Json:
    """Tell what became of every channel, in sending order; all null for one that was not tried."""
    found = _found(account, omnimessage_id)
    statuses = [callbacks.report(leg) for leg in found.legs]
    return {"to": found.to, "omnimessage_id": found.id, "statuses": statuses}


def cancel(http: HttpRequest, account: str, omnimessage_id: str) -> HttpResponse:
    """202 while it is scheduled, 404 ever after."""
    if not chain.cancel(_found(account, omnimessage_id)):
        raise Rejected(404)
    return JsonResponse({}, status=202)


def _found(account: str, omnimessage_id: str) -> Omnimessage:
    found = world.store(MessenteStore).omnimessages.get(omnimessage_id)
    if found is None or found.account != account:
        raise Rejected(404)
    return found
