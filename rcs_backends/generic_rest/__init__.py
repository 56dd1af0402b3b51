"""Backend for platforms that have the REST API of the guide "RCS API Integration".

The guide describes no vendor. `dialect` translates names for platforms that differ, `render` builds the message,
`limits` holds the limits of content, and `webhook` reads webhook requests.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from rcs_backends import http
from rcs_backends.generic_rest import webhook
from rcs_backends.generic_rest.dialect import Dialect
from rcs_backends.generic_rest.limits import LIMITS
from rcs_backends.generic_rest.render import message
from rcs_backends.generic_rest.webhook import ERRORS
from rcs_backends.payload import merged, telling
from rcs_router.content import (
    CalendarEvent,
    Card,
    Carousel,
    Content,
    Dial,
    File,
    Form,
    OpenUrl,
    Reply,
    RequestLocation,
    SendPostback,
    ShowLocation,
    Text,
)
from rcs_router.content.fitting import Feature
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Options,
    Outbound,
    Parsed,
    SendResult,
    WebhookRequest,
    secret,
    several,
    sorted_extra,
)
from rcs_router.errors import SendError, Unavailable, Unreadable

SECRET_VARIABLE = "RCS_WEBHOOK_SECRET"  # noqa: S105 - the name of an environment variable


@dataclass(frozen=True)
class GenericRESTOptions(Options):
    """Options of a sender.

    `token` and `webhook_secret` take several values while you change them: the first token is used, and the others
    after a 401. `names` maps our fields to the provider's, `states` the provider's states and interactions to ours.
    """

    url: str  # the whole address of POST …/messages
    token: str | tuple[str, ...] = secret()
    webhook_secret: str | tuple[str, ...] = secret(default="")  # empty: RCS_WEBHOOK_SECRET
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"  # stands before the token; may be empty
    signature_header: str = "X-Signature"
    names: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()  # further fields, in the provider's names, that a message's `extra` may set
    repeat_window: int = (
        600  # seconds in which a webhook request without time and ids counts once; 0: each counts
    )
    own_fallback: bool = False  # the platform sends the SMS when a phone has no RCS
    send_fallback_text: bool = True

    @property
    def tokens(self) -> tuple[str, ...]:
        return several(self.token)

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return several(self.webhook_secret)


class GenericREST(BaseBackend):
    """One sender on a platform with the generic API."""

    Options = GenericRESTOptions
    options: GenericRESTOptions
    provider = "Generic REST"
    tested = "emulator"
    limits = LIMITS
    capabilities = Capabilities(
        content=frozenset({Text, File, Card, Carousel, Form}),
        suggestions=frozenset(
            {Reply, SendPostback, OpenUrl, Dial, ShowLocation, CalendarEvent, RequestLocation}
        ),
        features=frozenset(
            {
                *(Feature.WEBVIEW, Feature.MAP_QUERY, Feature.FILE_NAME, Feature.CARD_TEXT),
                *(Feature.THUMBNAIL, Feature.THUMBNAIL_NAME),
            }
        ),
        idempotent=True,
        tokens=True,
    )

    def __init__(self, alias: str, options: GenericRESTOptions, *, webhook_url: str = "") -> None:
        if not options.webhook_secret:
            options = replace(options, webhook_secret=os.environ.get(SECRET_VARIABLE, ""))
        super().__init__(alias, options, webhook_url=webhook_url)
        self.capabilities = replace(type(self).capabilities, own_fallback=options.own_fallback)
        self._dialect = Dialect(options.names, options.states)
        self.extra = frozenset({self._dialect.name("message"), *options.extra})

    def check(self, content: Content) -> list[str]:
        return list(LIMITS.problems(content))

    def problems(self) -> list[str]:
        return [*self._problems(), *self._dialect.problems()]

    def _problems(self) -> Iterator[str]:
        options = self.options
        address = urlsplit(options.url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            yield "url is not an http or https address"
        elif address.scheme != "https" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
            yield "url must begin with https://, because every request carries the token"
        if not options.tokens or not all(options.tokens):
            yield "token is empty"
        if not options.webhook_secrets or not all(options.webhook_secrets):
            yield f"webhook_secret is empty and {SECRET_VARIABLE} is not set: no webhook can be verified"
        if not options.signature_header.lower().startswith("x-"):
            yield "signature_header must begin with X-, because no other headers are kept"
        reserved = {self._dialect.name(name) for name in ("conversationId", "messageId", "fallbackText")}
        for name in options.extra:
            if name.partition(".")[0] in reserved | {"", "*"}:
                yield f"extra must not contain {name}, which decides who gets a message or what follows it"
        if options.repeat_window < 0:
            yield "repeat_window must not be negative"
        if options.own_fallback and not options.send_fallback_text:
            yield "own_fallback needs send_fallback_text, because the platform has no text to send otherwise"

    # Out.

    def send(self, outbound: Outbound) -> SendResult:
        """Send the message. The id is ours, and the platform answers a repeated id as before, so a repeat is safe."""
        body = self._body(outbound)
        reply = self._post(body)
        if error := self._error(reply, body):
            raise error
        return self._result(outbound, reply)

    def _body(self, outbound: Outbound) -> dict[str, Any]:
        """Return the request in the provider's names, with what is allowed of `outbound.extra` merged in last."""
        body = {
            "conversationId": outbound.to,
            "messageId": str(outbound.id),
            "message": message(outbound.content),
        }
        if self.options.send_fallback_text:
            body["fallbackText"] = outbound.text
        return merged(self._dialect.written(body), sorted_extra(outbound.extra, self.extra)[0])

    def _post(self, body: Mapping[str, Any]) -> http.Reply:
        """Make the request with each token until one is not refused."""
        options = self.options
        for token in options.tokens or ("",):
            headers = self._token_header(token)
            reply = http.call(
                "POST",
                options.url,
                json=body,
                headers=headers,
                timeout=options.timeout,
                repeatable=True,
                raise_errors=False,
            )
            if reply.status != 401:
                return reply
        return reply

    def _error(self, reply: http.Reply, body: Mapping[str, Any]) -> SendError | None:
        """Return the error of an error status, or of a 2xx with the state FAILED; None for success.

        FAILED is tried again, unless its error word says that this is useless.
        """
        error = self._dialect.read(reply.json(), "error")
        said = self._dialect.read(error, "message")
        hidden = [*self.options.secrets(), *reply.credentials, *telling(body, least=6)]
        detail = f"{webhook.error_word(error, self._dialect)} {said if isinstance(said, str) else ''}".strip()
        if self._state(reply) == "FAILED" and 200 <= reply.status < 300:
            word = self._word(reply)
            kind = ERRORS.get(word, Unavailable)
            return kind(http.redact(f"the platform failed: {detail}", hidden), code=word or "failed")
        return http.judge(
            reply,
            errors=ERRORS,
            code_of=self._word,
            own=http.empty_or_json,
            secrets=hidden,
            detail=detail,
        )

    def _word(self, reply: http.Reply) -> str:
        """Return the error's word if we know it, and a word of ours for 409."""
        word = webhook.error_word(self._dialect.read(reply.json(), "error"), self._dialect)
        if word in ERRORS:
            return word
        return "id_reused" if reply.status == 409 else ""

    def _state(self, reply: http.Reply) -> str:
        return self._dialect.word(self._dialect.read(reply.json(), "state"))

    def _result(self, outbound: Outbound, reply: http.Reply) -> SendResult:
        """Return the result, with the platform's own id where the answer's name does not end in ours.

        Raises Unreadable for an answer without a name.
        """
        name = self._dialect.read(reply.json(), "name")
        if not isinstance(name, str) or not name:
            raise Unreadable(http.without(reply, "a message's name"))
        own = name.rpartition("/")[2]
        state = self._state(reply)
        provider_id = "" if own == str(outbound.id) else own[:200]
        return SendResult(provider_id, code="fallback" if state == "FALLBACK" else "")

    # In.

    def media_origins(self) -> list[str]:
        """Return the API's address. The guide does not say where files are; on the API's host they need its token."""
        return [self.options.url]

    def media_headers(self) -> dict[str, str]:
        return self._token_header(self.options.tokens[0])

    def _token_header(self, token: str) -> dict[str, str]:
        return {self.options.auth_header: f"{self.options.auth_scheme} {token}".strip()}

    def verify(self, request: WebhookRequest) -> None:
        webhook.verify(request, self.options.signature_header, self.options.webhook_secrets)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        key = webhook.dedupe_key(request, self._dialect)
        return key if self.options.repeat_window or not key.startswith(webhook.SIGNED) else None

    def dedupe_window(self, key: str) -> timedelta | None:
        """Return the window for a request that has neither a time nor an id."""
        nothing_unique = key.startswith(webhook.SIGNED)
        return timedelta(seconds=self.options.repeat_window) if nothing_unique else None

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return webhook.parse(request, self._dialect)
