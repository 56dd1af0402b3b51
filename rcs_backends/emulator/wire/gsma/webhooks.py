"""The platform's webhooks: what a person did or a message became comes in, one JSON event goes to the bot's address.

No document says how they are secured, repeated or ordered. As at Samsung the whole Authorization header is the agreed
secret. That a webhook is tried for a day, ever less often, and that those about one person leave in order (one that
failed is overtaken) is our choice.
"""

import json
import secrets
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

import requests

from rcs_backends.emulator import reach
from rcs_backends.emulator.phones import Json, Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.webhooks import Built, Webhook, lane_of, outbox
from rcs_backends.emulator.wire.gsma import errors
from rcs_backends.emulator.wire.gsma.store import Sent, StoredFile, time

LONGEST_WAIT = 600  # seconds between two tries
TIMEOUT = 10  # for an answer to `verify`
LIFE = 24 * 3600  # seconds until the platform gives up; both by the unscaled clock


def retry_delay(failures: int) -> float | None:
    """Seconds until the next try: 1, 2, 4 … 600; None when a day of them has passed."""
    doublings = min(failures, 10)  # 2**9 = 512 is the last below the limit
    waited = 2**doublings - 1 + (failures - doublings) * LONGEST_WAIT
    return None if waited > LIFE else float(min(2 ** (failures - 1), LONGEST_WAIT))


def user_id() -> str:
    """The platform's id of something that a person did."""
    return f"mo-{secrets.token_urlsafe(12)}"


def status(sent: Sent, cause: str = "") -> None:
    """What became of a bot's message; `cause` is the code of a failure. Lock held."""
    message: Json = {"msgId": sent.message.id, "status": sent.status, "timestamp": time(sent.at)}
    if cause:
        message["reason"] = errors.reason(cause, errors.CAUSES[cause])
    body = {"event": "messageStatus", "RCSMessage": message, "messageContact": sent.contact}
    _post(sent.message.agent, sent.message.number, body, subject=sent.message.id, name=sent.status)


def said(
    event: str,
    message: Message,
    contact: Json,
    members: Json,
    delivered: Callable[[], None] | None = None,
) -> None:
    """What a person did: `members` are those of RCSMessage besides its id and its time. Lock held."""
    rcs_message = {"msgId": message.id, **members, "timestamp": time(now())}
    body = {"event": event, "RCSMessage": rcs_message, "messageContact": contact}
    _post(message.agent, message.number, body, subject=message.number, name=event, delivered=delivered)


def file_status(file: StoredFile) -> None:
    """A file can be used now. The one event that is about nobody. Lock held."""
    body = {"event": "fileStatus", "file": file_json(file)}
    _post(file.bot, "", body, subject=file.id, name="fileStatus")


def file_json(file: StoredFile) -> Json:
    """A file as answers and events show it; of one that lies elsewhere nobody knows the size."""
    shown: Json = {"fileId": file.id, "status": file.status, "validity": time(file.until)}
    if file.status == "ready":
        shown["fileUrl"] = file.url
    if file.content:
        shown["fileSize"] = len(file.content)
    return shown


def verify(bot_id: str) -> Json:
    """Try out the bot's webhook as Samsung's portal does: a GET with the agreed header. Not with the lock held."""
    url, secret = _address(bot_id)
    found: Json = {"agent": bot_id, "url": url, "verified": False, "status": None, "answer": ""}
    with reach.session() as session:
        try:
            headers = {"Authorization": secret} if secret else {}
            answer = session.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except (requests.RequestException, ValueError):
            return found
    verified = answer.status_code == HTTPStatus.OK
    return found | {"verified": verified, "status": answer.status_code, "answer": answer.text[:200]}


def _post(
    bot_id: str,
    number: str,
    body: Json,
    *,
    subject: str,
    name: str,
    delivered: Callable[[], None] | None = None,
) -> None:
    url, secret = _address(bot_id)
    if not url:
        return
    webhook = Webhook(
        provider="gsma",
        number=number,
        subject=subject,
        event=name,
        build=partial(_request, url, secret, body),
        accepted=lambda status: 200 <= status < 300,
        delay=retry_delay,
        delivered=delivered,
        lane=lane_of(number or bot_id),
        url=url,
    )
    outbox.post(webhook)


def _address(bot_id: str) -> tuple[str, str]:
    """The bot's own webhook and secret, else those of all bots."""
    gsma = world.config["gsma"]
    own = gsma["bots"].get(bot_id, {})
    return own.get("webhook") or gsma["webhook"], own.get("webhook_secret") or gsma["webhook_secret"]


def _request(url: str, secret: str, body: Json, faults: frozenset[str]) -> Built:
    headers = {"Content-Type": "application/json"}
    if secret and "unsigned" not in faults:
        headers["Authorization"] = secret + ("x" if "bad_signature" in faults else "")
    if "tampered" in faults:
        body = {**body, "tampered": True}
    return url, json.dumps(body).encode(), headers
