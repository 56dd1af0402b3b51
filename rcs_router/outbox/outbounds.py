"""Build the `Outbound` of each transmission. A message's content is fitted to the backend once per drain."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from rcs_router.backends import backends
from rcs_router.capabilities import fit
from rcs_router.content import Content
from rcs_router.content.links import form_link
from rcs_router.content.plain import render
from rcs_router.contract import Outbound, Traffic, sorted_extra
from rcs_router.models import Message, Transmission
from rcs_router.people import numbering

MOST = 1000  # how many messages one drain keeps


@dataclass
class Outbounds:
    """The messages of one drain, each with its content fitted to the backend and its plain text."""

    alias: str
    messages: dict[uuid.UUID, Message] = field(default_factory=dict)  # read by the claim
    bodies: dict[uuid.UUID, tuple[Content, str]] = field(default_factory=dict)

    def forget_many(self) -> None:
        """Drop the kept messages when there are many, so that memory stays flat."""
        if len(self.messages) > MOST:
            self.messages.clear()
            self.bodies.clear()

    def build(self, row: Transmission) -> Outbound:
        """Return the request of one transmission. Raises ContentError, or ValueError for unreadable content."""
        message = row.message
        if message.pk not in self.bodies:
            body = message.body
            if body is None:
                raise ValueError("an outgoing message without content")
            self.bodies[message.pk] = self._fitted(message, body, row.pk)
        content, text = self.bodies[message.pk]
        if (
            message.content and message.content["type"] == "form"
        ):  # each recipient has a form page of their own
            del self.bodies[message.pk]
        return Outbound(
            id=row.pk,
            to=numbering.today(row.connection.identity),
            content=content,
            text=text,
            traffic=Traffic(message.traffic),
            expires_at=row.expires_at,
            extra=self._extra(message),
            in_response_to=message.in_response_to_id,
            external_id=_answered_id(row),
        )

    def _extra(self, message: Message) -> dict[str, Any]:
        """Return the allowed part of `fields["extra"]`; the rest may come from an older release or a router app."""
        given = (message.fields.get("extra") or {}).get(self.alias) or {}
        return sorted_extra(given, backends[self.alias].extra)[0]

    def _fitted(self, message: Message, body: Content, transmission: uuid.UUID) -> tuple[Content, str]:
        link, text = form_link(transmission), message.fallback_text
        carried = fit(backends[self.alias], body, text, link).content
        return carried, render(body, fallback_text=text, form_link=link).text


def _answered_id(row: Transmission) -> str:
    """Return the provider's id of the answered message, if it came on this connection."""
    answered = row.message.in_response_to if row.message.in_response_to_id else None
    return answered.external_id if answered and answered.connection_id == row.connection_id else ""
