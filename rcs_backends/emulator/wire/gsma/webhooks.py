"""Tell bots by the platform's webhooks what people did and what became of messages.

No document says how they are secured, repeated or ordered. As at Samsung the whole Authorization header is the agreed
secret. That a webhook is tried for a day, ever less often, and that those about one person leave in order (one that
failed is overtaken) is our choice.
"""

import json
import secrets
from functools import partial

from rcs_backends.emulator.phones import Json, Message, now
from rcs_backends.emulator.webhooks import Built, Faults, Webhook, address_of, doubling, outbox, try_out
from rcs_backends.emulator.wire.gsma import rules
from rcs_backends.emulator.wire.gsma.store import Sent, StoredFile, time
from rcs_backends.emulator.wires import Delivered

retry_delay = doubling(24 * 3600)


def user_id() -> str:
    return f"mo-{secrets.token_urlsafe(12)}"


def status(sent: Sent, cause: str = "") -> None:
    """Tell what became of a bot's message; `cause` is the code of a failure. Lock held."""
    message: Json = {"msgId": sent.message.id, "status": sent.status, "timestamp": time(sent.at)}
    if cause:
        message["reason"] = rules.reason(cause, rules.CAUSES[cause])
    body = {"event": "messageStatus", "RCSMessage": message, "messageContact": sent.contact}
    _post(sent.message.agent, sent.message.number, body, subject=sent.message.id, name=sent.status)


def said(
    event: str, message: Message, contact: Json, members: Json, delivered: Delivered | None = None
) -> None:
    """Tell what a person did: `members` are those of RCSMessage besides its id and its time. Lock held."""
    rcs_message = {"msgId": message.id, **members, "timestamp": time(now())}
    body = {"event": event, "RCSMessage": rcs_message, "messageContact": contact}
    _post(message.agent, message.number, body, subject=message.number, name=event, delivered=delivered)


def file_status(file: StoredFile) -> None:
    """Tell that a file can be used now. This event is about nobody. Lock held."""
    body = {"event": "fileStatus", "file": file_json(file)}
    _post(file.bot, "", body, subject=file.id, name="fileStatus")


def file_json(file: StoredFile) -> Json:
    """Return a file as answers and events show it. The size of a file elsewhere is not known."""
    shown: Json = {"fileId": file.id, "status": file.status, "validity": time(file.until)}
    if file.status == "ready":
        shown["fileUrl"] = file.url
    if file.content:
        shown["fileSize"] = len(file.content)
    return shown


def verify(bot_id: str) -> Json:
    """Try out the bot's webhook as Samsung's portal does: a GET with the agreed header. Do not hold the lock."""
    url, secret = address_of("gsma", "bots", bot_id, "webhook_secret")
    return try_out(bot_id, "GET", url, headers={"Authorization": secret} if secret else {})


def _post(
    bot_id: str, number: str, body: Json, *, subject: str, name: str, delivered: Delivered | None = None
) -> None:
    url, secret = address_of("gsma", "bots", bot_id, "webhook_secret")
    build = partial(_request, url, secret, body)
    outbox.post(Webhook("gsma", number, subject, name, url, build, retry_delay, delivered=delivered))


def _request(url: str, secret: str, body: Json, faults: Faults) -> Built:
    headers = {"Content-Type": "application/json"}
    if secret and "unsigned" not in faults:
        headers["Authorization"] = secret + ("x" if "bad_signature" in faults else "")
    if "tampered" in faults:
        body = {**body, "tampered": True}
    return url, json.dumps(body).encode(), headers
