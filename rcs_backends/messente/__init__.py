"""Outbound → Messente's Omnichannel API v1, and its webhooks → receipts and incomings.

`render` makes the message, `limits` knows what Messente refuses, `answers` and `reports` say what became of it,
`webhook` reads what comes. Sources: Messente's documentation pages and its Python client 2.7.0, read in November 2026.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from rcs_backends import http
from rcs_backends.messente import answers, webhook
from rcs_backends.messente.limits import LIMITS
from rcs_backends.messente.options import MessenteOptions, problems
from rcs_backends.messente.render import EXTRA, omnimessage
from rcs_backends.messente.reports import receipt
from rcs_backends.payload import telling
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    OpenUrl,
    Reply,
    RequestLocation,
    ShowLocation,
    Text,
)
from rcs_router.content.fitting import Feature
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Outbound,
    Parsed,
    Receipt,
    SendResult,
    WebhookRequest,
)
from rcs_router.errors import BadAddress, Forbidden, Refused, SendError

__all__ = ["Messente", "MessenteOptions"]

BULK = 1000  # messages that Messente recommends at most for one request
BULK_ANSWER = 4 * 1024 * 1024  # bytes: about 300 for each message with one channel
BLACKLIST_ANSWER = 32 * 1024 * 1024  # bytes: more than a million numbers
ACTIONS: frozenset[type] = frozenset({OpenUrl, Dial, ShowLocation, RequestLocation, CalendarEvent})


class Messente(BaseBackend):
    """One account of Messente, speaking as one RCS agent or SMS sender, perhaps with a chain of channels behind it."""

    Options = MessenteOptions
    options: MessenteOptions
    provider = "Messente"
    extra = EXTRA
    tested = "emulator"
    limits = LIMITS
    capabilities = Capabilities(
        content=frozenset({Text, File, Card, Carousel}),
        suggestions=frozenset({Reply, *ACTIONS}),
        features=frozenset({Feature.WEBVIEW, Feature.MAP_QUERY, Feature.THUMBNAIL}),
        fallback_urls=ACTIONS,
        bulk=BULK,
        revoke=True,
        status=True,
        opt_out_list=True,
    )

    def __init__(self, alias: str, options: MessenteOptions, *, webhook_url: str = "") -> None:
        super().__init__(alias, options, webhook_url=webhook_url)
        able = replace(type(self).capabilities, own_fallback=bool(options.chain))
        if options.channel == "sms":
            self.limits = replace(LIMITS, most={})  # type: ignore[misc]  # long texts are cut into parts
            none: frozenset[Any] = frozenset()
            able = replace(
                able, content=frozenset({Text}), suggestions=none, features=none, fallback_urls=none
            )
        self.capabilities = able

    def check(self, content: Content) -> list[str]:
        return list(self.limits.problems(content))

    def problems(self) -> list[str]:
        return list(problems(self.options))

    # Out.

    def send(self, outbound: Outbound) -> SendResult:
        """POST omnimessage. It takes no id of ours and sends repeats again; reports find us by the id in dlr_url."""
        message = self._message(outbound)
        return answers.result(self._call("POST", "omnimessage", json=message, hidden=_said([message])))

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        """POST omnimessages, for at most 1000 messages. One that the answer leaves out is Unreadable.

        A 400 or 403 to all of it took none of them: each half is tried alone, until only what is wrong is refused.
        A 403 to both halves holds for all.
        """
        if not outbounds:
            return []
        end = self._attempt(outbounds)
        if isinstance(end, SendError) and not isinstance(end, Refused | BadAddress):
            raise end
        return self._each(outbounds, end)

    def _attempt(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError] | SendError:
        try:
            return self._together(outbounds)
        except SendError as error:
            return error

    def _each(
        self, outbounds: Sequence[Outbound], end: list[SendResult | SendError] | SendError
    ) -> list[SendResult | SendError]:
        """What became of each, where `end` became of all. Trouble of one half says nothing of the other."""
        if isinstance(end, list):
            return end
        middle = len(outbounds) // 2
        if not middle or not isinstance(end, Refused | BadAddress):
            return [end] * len(outbounds)
        halves = outbounds[:middle], outbounds[middle:]
        ends = [self._attempt(half) for half in halves]
        if all(isinstance(one, Forbidden) for one in (end, *ends)):
            return [end] * len(outbounds)
        return [one for half, its in zip(halves, ends, strict=True) for one in self._each(half, its)]

    def _together(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        messages = [self._message(outbound) for outbound in outbounds]
        reply = self._call(
            "POST",
            "omnimessages",
            json={"messages": messages},
            hidden=_said(messages),
            max_body=BULK_ANSWER,
        )
        return [
            answers.outcome(element, str(message.get("to", "")), self._secrets(_said([message])))
            for message, element in zip(messages, answers.elements(reply, len(messages)), strict=True)
        ]

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool:
        """Only what is scheduled (`time_to_send`) and has not left yet can be taken back."""
        return bool(provider_id) and self.cancel(provider_id)

    def cancel(self, omnimessage_id: str) -> bool:
        """Take a scheduled message back: False when it has left already, or is not known. Raises a SendError.

        Messente's own success is a 202 with an empty object.
        """
        reply = self._found("DELETE", f"omnimessage/{_segment(omnimessage_id)}")
        if reply and not (reply.status == 202 and reply.json() == {}):
            raise http.unread(reply, "Messente's 202 and {}")
        return reply is not None

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """A receipt for each channel that has something to tell; nothing without Messente's id. Raises a SendError."""
        path = f"omnimessage/{_segment(provider_id)}/status"
        if not provider_id or (reply := self._found("GET", path)) is None:
            return []
        reports = [report for report in _list(reply, "statuses") if isinstance(report, Mapping)]
        told = [{"omnimessage_id": provider_id, **report} for report in reports if report.get("status")]
        return [receipt(report, self.options.channels, transmission) for report in told]

    def _message(self, outbound: Outbound) -> dict[str, Any]:
        return omnimessage(outbound, self.options, self.webhook_url, datetime.now(UTC))

    # The account's blacklist: Messente sends nothing to its numbers, whichever way it is asked to.

    def blacklist(self) -> list[str]:
        """The numbers on it. Raises a SendError."""
        reply = self._call("GET", "phonebook/blacklist", max_body=BLACKLIST_ANSWER)
        return [number for number in _list(reply, "phoneNumbers") if isinstance(number, str)]

    def block(self, number: str) -> bool:
        """Put a number (E.164) on it; False when it is there already. Raises a SendError."""
        return self._is_so("POST", "phonebook/blacklist", 409, json={"phoneNumber": number})

    def unblock(self, number: str) -> bool:
        """Take a number off it; False when it is not there. Raises a SendError."""
        return self._is_so("DELETE", f"phonebook/blacklist/{_segment(number)}", 404)

    def is_blocked(self, number: str) -> bool:
        """Is the number on it? Raises a SendError."""
        return self._is_so("GET", f"phonebook/blacklist/{_segment(number)}", 404)

    def _is_so(self, method: str, path: str, otherwise: int, **kwargs: Any) -> bool:
        """True for Messente's 204, False for its own error of the status `otherwise`."""
        reply = self._call(method, path, fine={otherwise}, **kwargs)
        if reply.status not in {204, otherwise}:
            raise http.unread(reply, "Messente's 204")
        return reply.status == 204

    # The same by the names under which consent is kept in step with any provider.

    def opted_out(self) -> list[str]:
        return self.blacklist()

    def opt_out(self, number: str) -> bool:
        """True when something changed."""
        return self.block(number)

    def opt_in(self, number: str) -> bool:
        """True when something changed."""
        return self.unblock(number)

    # Requests.

    def _found(self, method: str, path: str) -> http.Reply | None:
        """None for a 404 of Messente's own: it has no such message."""
        reply = self._call(method, path, fine={404})
        return None if reply.status == 404 else reply

    def _call(
        self, method: str, path: str, *, fine: Collection[int] = (), hidden: Iterable[str] = (), **kwargs: Any
    ) -> http.Reply:
        """One request as this account. `fine`: statuses that are answers, though no 2xx, if Messente explains them."""
        reply = http.call(
            method,
            f"{self.options.base}/{path}",
            headers={"Accept": "application/json"},
            auth=(self.options.username, self.options.passwords[0]),
            timeout=self.options.timeout,
            raise_errors=False,
            **kwargs,
        )
        if reply.status in fine and answers.is_explained(reply):
            return reply
        own = answers.is_explained if fine else http.empty_or_json
        if error := answers.error(reply, self._secrets(hidden), own):
            raise error
        return reply

    def _secrets(self, hidden: Iterable[str] = ()) -> list[str]:
        pairs = [http.basic(self.options.username, password) for password in self.options.passwords]
        return [*self.options.secrets(), *pairs, *hidden]

    # In.

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.passwords, self.options.inbound_secrets)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(request)

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return webhook.parse(request, self.options.channels)


def _said(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """What an error's text must not repeat: what is said, but not the channels and senders, which errors name."""
    return telling([message.get("messages") for message in messages], besides={"channel", "sender"})


def _segment(name: str) -> str:
    return quote(name, safe="")


def _list(reply: http.Reply, name: str) -> list[Any]:
    """Raises Unavailable for an answer that cannot be read: half of one must not read as "nothing"."""
    answer = reply.json()
    if not isinstance(answer, Mapping) or not isinstance(answer.get(name), list):
        raise http.unread(reply, name)
    found: list[Any] = answer[name]
    return found
