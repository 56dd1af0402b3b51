"""Send messages through Messente's Omnichannel API v1, and parse its webhooks.

`render` builds the message, `limits` lists what Messente refuses, `answers` and `reports` read what happened to a
message, `webhook` reads webhooks. Sources: Messente's documentation pages and its Python client 2.7.0, read in November
2026.
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

BULK = 1000  # messages that Messente recommends at most in one request
BULK_ANSWER = 4 * 1024 * 1024  # bytes: about 300 for each message with one channel
BLACKLIST_ANSWER = 32 * 1024 * 1024  # bytes: enough for more than a million numbers
ACTIONS: frozenset[type] = frozenset({OpenUrl, Dial, ShowLocation, RequestLocation, CalendarEvent})


class Messente(BaseBackend):
    """A Messente account with one RCS agent or SMS sender, and optionally a chain of further channels."""

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
        capabilities = replace(type(self).capabilities, own_fallback=bool(options.chain))
        if options.channel == "sms":
            self.limits = replace(LIMITS, most={})  # type: ignore[misc]  # long texts are cut into parts
            none: frozenset[Any] = frozenset()
            capabilities = replace(
                capabilities, content=frozenset({Text}), suggestions=none, features=none, fallback_urls=none
            )
        self.capabilities = capabilities

    def check(self, content: Content) -> list[str]:
        return list(self.limits.problems(content))

    def problems(self) -> list[str]:
        return list(problems(self.options))

    # Sending.

    def send(self, outbound: Outbound) -> SendResult:
        """POST an omnimessage. Messente takes no id of ours and sends repeats again; dlr_url carries our id."""
        message = self._message(outbound)
        return answers.result(self._call("POST", "omnimessage", json=message, hidden=_texts([message])))

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        """POST up to 1000 messages as omnimessages. A message that the answer omits gets Unreadable.

        A 400 or 403 for the whole request accepted none of them: each half is tried separately, until only the wrong
        messages are refused. A 403 for both halves holds for all of them.
        """
        if not outbounds:
            return []
        outcome = self._attempt(outbounds)
        if isinstance(outcome, SendError) and not isinstance(outcome, Refused | BadAddress):
            raise outcome
        return self._each(outbounds, outcome)

    def _attempt(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError] | SendError:
        try:
            return self._together(outbounds)
        except SendError as error:
            return error

    def _each(
        self, outbounds: Sequence[Outbound], outcome: list[SendResult | SendError] | SendError
    ) -> list[SendResult | SendError]:
        """Return the outcome of each message, given that of the request. Each half of a refused request is tried."""
        if isinstance(outcome, list):
            return outcome
        middle = len(outbounds) // 2
        if not middle or not isinstance(outcome, Refused | BadAddress):
            return [outcome] * len(outbounds)
        halves = outbounds[:middle], outbounds[middle:]
        outcomes = [self._attempt(half) for half in halves]
        if all(isinstance(one, Forbidden) for one in (outcome, *outcomes)):
            return [outcome] * len(outbounds)
        return [one for half, end in zip(halves, outcomes, strict=True) for one in self._each(half, end)]

    def _together(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        messages = [self._message(outbound) for outbound in outbounds]
        reply = self._call(
            "POST",
            "omnimessages",
            json={"messages": messages},
            hidden=_texts(messages),
            max_body=BULK_ANSWER,
        )
        return [
            answers.outcome(element, str(message.get("to", "")), self._secrets(_texts([message])))
            for message, element in zip(messages, answers.elements(reply, len(messages)), strict=True)
        ]

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool:
        """Revoke a message. Only a scheduled one (`time_to_send`) that has not left yet can be revoked."""
        return bool(provider_id) and self.cancel(provider_id)

    def cancel(self, omnimessage_id: str) -> bool:
        """Cancel a scheduled message; False if it has left already or is unknown. Raises a SendError.

        Messente's own success is a 202 with an empty object.
        """
        reply = self._found("DELETE", f"omnimessage/{_segment(omnimessage_id)}")
        if reply and not (reply.status == 202 and reply.json() == {}):
            raise http.unread(reply, "Messente's 202 and {}")
        return reply is not None

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """Return a receipt for each channel with a status; none without Messente's id. Raises a SendError."""
        path = f"omnimessage/{_segment(provider_id)}/status"
        if not provider_id or (reply := self._found("GET", path)) is None:
            return []
        reports = [report for report in _list(reply, "statuses") if isinstance(report, Mapping)]
        complete = [{"omnimessage_id": provider_id, **report} for report in reports if report.get("status")]
        return [receipt(report, self.options.channels, transmission) for report in complete]

    def _message(self, outbound: Outbound) -> dict[str, Any]:
        return omnimessage(outbound, self.options, self.webhook_url, datetime.now(UTC))

    # The account's blacklist. Messente sends nothing to its numbers, on any channel.

    def blacklist(self) -> list[str]:
        """Return the blacklisted numbers. Raises a SendError."""
        reply = self._call("GET", "phonebook/blacklist", max_body=BLACKLIST_ANSWER)
        return [number for number in _list(reply, "phoneNumbers") if isinstance(number, str)]

    def block(self, number: str) -> bool:
        """Add a number (E.164) to the blacklist; False if it is there already. Raises a SendError."""
        return self._is_so("POST", "phonebook/blacklist", 409, json={"phoneNumber": number})

    def unblock(self, number: str) -> bool:
        """Remove a number from the blacklist; False if it is not there. Raises a SendError."""
        return self._is_so("DELETE", f"phonebook/blacklist/{_segment(number)}", 404)

    def is_blocked(self, number: str) -> bool:
        """Return whether a number is blacklisted. Raises a SendError."""
        return self._is_so("GET", f"phonebook/blacklist/{_segment(number)}", 404)

    def _is_so(self, method: str, path: str, otherwise: int, **kwargs: Any) -> bool:
        """Return True for a 204, False for an error of Messente's own with the status `otherwise`."""
        reply = self._call(method, path, expected={otherwise}, **kwargs)
        if reply.status not in {204, otherwise}:
            raise http.unread(reply, "Messente's 204")
        return reply.status == 204

    # The same under the names that the router uses to synchronise consent.

    def opted_out(self) -> list[str]:
        return self.blacklist()

    def opt_out(self, number: str) -> bool:
        """Return whether the list changed."""
        return self.block(number)

    def opt_in(self, number: str) -> bool:
        """Return whether the list changed."""
        return self.unblock(number)

    # Requests.

    def _found(self, method: str, path: str) -> http.Reply | None:
        """Return the answer, or None for Messente's own 404: it does not know the message."""
        reply = self._call(method, path, expected={404})
        return None if reply.status == 404 else reply

    def _call(
        self,
        method: str,
        path: str,
        *,
        expected: Collection[int] = (),
        hidden: Iterable[str] = (),
        **kwargs: Any,
    ) -> http.Reply:
        """Make one request as this account. `expected`: error statuses that are answers, if Messente explains them."""
        reply = http.call(
            method,
            f"{self.options.base}/{path}",
            headers={"Accept": "application/json"},
            auth=(self.options.username, self.options.passwords[0]),
            timeout=self.options.timeout,
            raise_errors=False,
            **kwargs,
        )
        if reply.status in expected and answers.is_explained(reply):
            return reply
        own = answers.is_explained if expected else http.empty_or_json
        if error := answers.error(reply, self._secrets(hidden), own):
            raise error
        return reply

    def _secrets(self, hidden: Iterable[str] = ()) -> list[str]:
        pairs = [http.basic(self.options.username, password) for password in self.options.passwords]
        return [*self.options.secrets(), *pairs, *hidden]

    # Webhooks.

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.passwords, self.options.inbound_secrets)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(request)

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return webhook.parse(request, self.options.channels)


def _texts(messages: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the texts that an error must not repeat; channels and senders may appear in errors."""
    return telling([message.get("messages") for message in messages], besides={"channel", "sender"})


def _segment(name: str) -> str:
    return quote(name, safe="")


def _list(reply: http.Reply, name: str) -> list[Any]:
    """Return a list in an answer. Raises Unavailable, because an unreadable answer must not read as "nothing"."""
    answer = reply.json()
    if not isinstance(answer, Mapping) or not isinstance(answer.get(name), list):
        raise http.unread(reply, name)
    found: list[Any] = answer[name]
    return found
