"""Outbound → the chatbot API of a GSMA MaaP platform, and its webhooks → receipts, incomings, links and file reports.

`render` and `suggestions` make the message, `limits` knows what is refused, `auth` brings tokens, `client` makes the
request, `answers` reads what comes back, `webhook` and `events` what comes by itself, `files` what is kept there.
The specification (GSMA FNW.11) is not public: this follows what its implementations have in common.
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
    """One chatbot on a MaaP platform."""

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

    # Out.

    def send(self, outbound: Outbound) -> SendResult:
        """POST messages. The platform chooses the id, and would send a repeat once more."""
        body = request_body(outbound, self.options, datetime.now(UTC))
        reply = self._to_user(outbound.to, body)
        name = answers.message_id(reply)
        if not name:
            raise Unreadable(
                http.without(reply, "a msgId, so that no receipt can be told to be this message's")
            )
        return SendResult(name)

    def typing(self, to: str, active: bool = True) -> None:
        said = {"isTyping": "active" if active else "idle"}
        self._to_user(to, {"RCSMessage": said, "messageContact": contact(to)})

    def _to_user(self, to: str, body: Mapping[str, Any]) -> Any:
        hidden = [to, *telling(body, least=6)]
        return self._client.call("POST", "messages", json=body, errors=answers.USER_ERRORS, hidden=hidden)

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool | None:
        """True: the platform says that it is cancelled. None: it was asked, and reports later."""
        if not provider_id:
            return False
        try:
            reply = self._put_status(provider_id, "cancelled")
        except Forbidden:  # says nothing of the message
            raise
        except (Refused, Unreachable) as error:
            return error.code in answers.REVOKED or self._state(provider_id) in REVOKED
        try:
            if self._state(provider_id) in REVOKED:
                return True
        except SendError:  # it was asked all the same
            pass
        if not is_done(reply):
            raise http.unread(reply, "the platform's own success")
        return None

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """One receipt, or none for a message that the platform does not know."""
        said = self._message(provider_id) if provider_id else {}
        if not said.get("status"):
            return []
        receipt = events.receipt({**said, "msgId": provider_id, "status": str(said["status"])})
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
        """The RCSMessage of a message's status; empty when the platform says that it does not know it."""
        try:
            reply = self._client.call(
                "GET", "messages", name, "status", own=answers.is_explained, repeatable=True
            )
        except Forbidden:  # says nothing of the message
            raise
        except (Refused, Unreachable):
            return {}
        if not (message := answers.message_of(reply)):
            raise http.unread(reply, "an RCSMessage")
        return message

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        """The platform's names for what each phone can; None: no RCS, or nobody known by this number or token."""
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

    # Files: the platform keeps them until a time that we name.

    def upload(self, data: bytes, media_type: str, name: str, until: datetime | None = None) -> StoredFile:
        """Give the platform a file to keep until `until` (aware; default: 30 days from now).

        Its `url` may come later, by a FileReport. Raises SendError; ValueError for a time without a zone.
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
        """What the platform knows of a file; not its bytes. Raises Refused for one that it does not have."""
        reply = self._client.call("GET", "files", file_id, own=answers.is_explained, repeatable=True)
        return files.stored(answer_of(reply), file_id)

    def delete_file(self, file_id: str) -> None:
        """Raises Refused for a file that the platform does not have."""
        reply = self._client.call("DELETE", "files", file_id, own=answers.is_explained)
        if not is_done(reply):
            raise http.unread(reply, "the platform's own success")

    # In.

    def handshake(self, request: WebhookRequest) -> WebhookAnswer | None:
        return webhook.handshake(request, self.options.webhook_secrets)

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.webhook_secrets)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(request)

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return events.parse(request.body)

    def media_origins(self) -> list[str]:
        """A platform may keep what people send beside its API, whose every resource wants the token."""
        return [self.options.api_url]

    def media_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._client.tokens.get()}"}

    def acknowledge(self) -> WebhookAnswer:
        return WebhookAnswer(body=webhook.OK)
