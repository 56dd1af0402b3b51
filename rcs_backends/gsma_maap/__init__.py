"""Send messages through the chatbot API of a GSMA MaaP platform, and parse its webhooks.

`render` and `suggestions` build the message, `limits` lists what is refused, `auth` fetches tokens, `client` makes the
requests, `answers` reads their answers, `webhook` and `events` read webhooks, `files` reads the platform's file
objects. The specification (GSMA FNW.11) is not public: this follows what its implementations have in common.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rcs_backends import http
from rcs_backends.gsma_maap import answers, events, files, webhook
from rcs_backends.gsma_maap.client import Client, answer_of, is_done
from rcs_backends.gsma_maap.files import StoredFile
from rcs_backends.gsma_maap.limits import LIMITS, media_problems
from rcs_backends.gsma_maap.options import GSMAMaaPOptions
from rcs_backends.gsma_maap.render import EXTRA, contact, rcs_message, request_body
from rcs_backends.gsma_maap.suggestions import ACTIONS, WITH_FALLBACK
from rcs_backends.payload import telling
from rcs_router.content import Audio, Card, Carousel, Content, File, Location, Reply, Text
from rcs_router.content.fitting import Feature
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Outbound,
    Parsed,
    Receipt,
    SendResult,
    WebhookAnswer,
    WebhookRequest,
)
from rcs_router.errors import Forbidden, Refused, SendError, Unreachable, Unreadable

UPLOAD_TIMEOUT = 120.0  # seconds, at least
REVOKED = {"cancelled", "canceled"}

__all__ = ["GSMAMaaP", "GSMAMaaPOptions", "StoredFile"]


class GSMAMaaP(BaseBackend):
    """A chatbot on a MaaP platform."""

    Options = GSMAMaaPOptions
    options: GSMAMaaPOptions
    provider = "GSMA MaaP"
    tested = "emulator"
    limits = LIMITS
    capabilities = Capabilities(
        content=frozenset({Text, File, Audio, Location, Card, Carousel}),
        suggestions=frozenset({Reply, *ACTIONS}),
        features=frozenset(
            {
                *(Feature.ENRICHED_CALL, Feature.VIDEO_CALL, Feature.MAP_QUERY),
                *(Feature.ALT, Feature.THUMBNAIL, Feature.THUMBNAIL_NAME, Feature.FILE_NAME),
            }
        ),
        fallback_urls=WITH_FALLBACK,
        revoke=True,
        status=True,
        check=True,
        typing=True,
        mark_read=True,
        upload=True,
        tokens=True,
    )

    def __init__(self, alias: str, options: GSMAMaaPOptions, *, webhook_url: str = "") -> None:
        super().__init__(alias, options, webhook_url=webhook_url)
        self.extra = EXTRA | set(options.extra)
        self._client = Client(options)
        most = {**LIMITS.most, "text": options.max_text, "cards": options.max_cards}
        self._limits = replace(LIMITS, most=most)

    def check(self, content: Content) -> list[str]:
        body = {"RCSMessage": rcs_message(content), "messageContact": contact("+123456789012345")}
        size = len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        limits = self._limits
        return [*limits.problems(content), *media_problems(content), *limits.too_big(size)]

    def problems(self) -> list[str]:
        return list(self.options.problems())

    # Sending.

    def send(self, outbound: Outbound) -> SendResult:
        """POST a message. The platform chooses the id and does not deduplicate repeats."""
        body = request_body(outbound, self.options, datetime.now(UTC))
        reply = self._to_user(outbound.to, body)
        name = answers.message_id(reply)
        if not name:
            raise Unreadable(
                http.without(reply, "a msgId, without which no receipt can be matched to the message")
            )
        return SendResult(name)

    def typing(self, to: str, active: bool = True) -> None:
        state = {"isTyping": "active" if active else "idle"}
        self._to_user(to, {"RCSMessage": state, "messageContact": contact(to)})

    def _to_user(self, to: str, body: Mapping[str, Any]) -> Any:
        hidden = [to, *telling(body, least=6)]
        return self._client.call("POST", "messages", json=body, errors=answers.USER_ERRORS, hidden=hidden)

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """Return True if the platform says that the message is cancelled, None if it will report that later."""
        if not provider_id:
            return False
        try:
            reply = self._put_status(provider_id, "cancelled")
        except Forbidden:  # says nothing about the message
            raise
        except (Refused, Unreachable) as error:
            return error.code in answers.REVOKED or self._state(provider_id) in REVOKED
        try:
            if self._state(provider_id) in REVOKED:
                return True
        except SendError:  # the cancellation was requested all the same
            pass
        if not is_done(reply):
            raise http.unread(reply, "the platform's own success")
        return None

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """Return one receipt, or none for a message that the platform does not know."""
        message = self._message(provider_id) if provider_id else {}
        if not message.get("status"):
            return []
        receipt = events.receipt({**message, "msgId": provider_id, "status": str(message["status"])})
        return [replace(receipt, transmission=transmission)]

    def mark_read(self, to: str, incoming_id: str) -> None:
        if not incoming_id:
            raise Refused("a message without an id cannot be marked as read", code="no_id")
        self._put_status(incoming_id, "displayed")

    def _put_status(self, name: str, status: str) -> http.Reply:
        body = {"RCSMessage": {"status": status}}
        return self._client.call("PUT", "messages", name, "status", json=body, repeatable=True)

    def _state(self, name: str) -> str:
        status = self._message(name).get("status")
        return status.lower() if isinstance(status, str) else ""

    def _message(self, name: str) -> Mapping[str, Any]:
        """Return the RCSMessage of a message's status, or an empty one if the platform does not know the message."""
        try:
            reply = self._client.call(
                "GET", "messages", name, "status", own=answers.is_explained, repeatable=True
            )
        except Forbidden:  # says nothing about the message
            raise
        except (Refused, Unreachable):
            return {}
        if not (message := answers.message_of(reply)):
            raise http.unread(reply, "an RCSMessage")
        return message

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """Return the platform's capability names for each phone; None: no RCS, or an unknown number or token."""
        return {identity: self._capabilities(identity) for identity in dict.fromkeys(identities)}

    def _capabilities(self, identity: str) -> frozenset[str] | None:
        try:
            reply = self._client.call(
                "GET",
                "contactCapabilities",
                params=contact(identity),
                errors=answers.USER_ERRORS,
                own=answers.is_explained,
                hidden=[identity],
                repeatable=True,
            )
        except Unreachable:
            return None
        names = answer_of(reply).get("capabilities")
        if not isinstance(names, list):
            raise http.unread(reply, "capabilities")
        return frozenset(name for name in names if isinstance(name, str)) or None

    # Files. The platform keeps them until a time that we name.

    def upload(self, data: bytes, media_type: str, name: str, until: datetime | None = None) -> StoredFile:
        """Upload a file that the platform keeps until `until` (aware; default: 30 days from now).

        Its `url` may follow in a FileReport. Raises SendError, or ValueError for a naive time.
        """
        return self._upload(*files.form(media_type, until, (name, data)))

    def upload_url(self, url: str, media_type: str, until: datetime | None = None) -> StoredFile:
        """Let the platform fetch a public file and keep it, as `upload` does."""
        return self._upload(*files.form(media_type, until, url))

    def _upload(self, body: bytes, headers: dict[str, str]) -> StoredFile:
        timeout = max(self.options.timeout, UPLOAD_TIMEOUT)
        reply = self._client.call("POST", "files", data=body, headers=headers, timeout=timeout)
        return files.stored(answer_of(reply))

    def file(self, file_id: str) -> StoredFile:
        """Return what the platform knows about a file, without its content. Raises Refused for an unknown one."""
        reply = self._client.call("GET", "files", file_id, own=answers.is_explained, repeatable=True)
        return files.stored(answer_of(reply), file_id)

    def delete_file(self, file_id: str) -> None:
        """Delete a file. Raises Refused for an unknown one."""
        reply = self._client.call("DELETE", "files", file_id, own=answers.is_explained)
        if not is_done(reply):
            raise http.unread(reply, "the platform's own success")

    # Webhooks.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        return webhook.handshake(request, self.options.webhook_secrets)

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.webhook_secrets)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(request)

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return events.parse(request.body)

    def media_origins(self) -> list[str]:
        """Return the API's address: platforms may keep incoming files there, where every request needs the token."""
        return [self.options.api_url]

    def media_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._client.tokens.get()}"}

    def acknowledge(self) -> WebhookAnswer:
        return WebhookAnswer(body=webhook.OK)
