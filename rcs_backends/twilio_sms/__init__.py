"""Send SMS through Twilio's Messages API, and parse its callbacks and incoming messages.

`errors` maps Twilio's error numbers, `signature` verifies webhooks, `webhook` parses them. Source: twilio.com/docs,
pages on the Messages resource, its webhooks and its errors, read in November 2026.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from rcs_backends import http
from rcs_backends.payload import telling
from rcs_backends.twilio_sms import errors, signature, webhook
from rcs_backends.twilio_sms.smart import encoded
from rcs_router.content import Content, Text
from rcs_router.content.limits import Limits
from rcs_router.content.segments import segments
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Options,
    Outbound,
    Parsed,
    Receipt,
    SendResult,
    WebhookAnswer,
    WebhookRequest,
    secret,
    several,
)
from rcs_router.errors import Forbidden, Refused, SendError, Unreadable

MAX_VALIDITY = 36_000  # seconds that a message may wait in Twilio's queue, at most
# Fields of Messages.json that a message's `extra` may set: none for the text, the recipient or the callback.
EXTRA = frozenset(
    {
        *("From", "MessagingServiceSid", "MediaUrl", "ContentSid", "ContentVariables"),
        *("SendAt", "ScheduleType", "ProvideFeedback", "Attempt", "ForceDelivery"),
        *("ContentRetention", "AddressRetention", "PersistentAction", "ShortenUrls", "SendAsMms"),
        *("RiskCheck", "MessageIntent", "TrafficType", "SmartEncoded"),
    }
)
SENDERS = frozenset(
    {"From", "MessagingServiceSid"}
)  # of those, the ones that set the sender: it must be one of `senders`
LIMITS = Limits(
    provider="Twilio",
    as_of="2026-11",
    source="Twilio's page “Messages resource”",
    most={"text": 1600},  # undocumented whether code points or UTF-16 units: here code points
)


@dataclass(frozen=True)
class TwilioOptions(Options):
    """`auth_token`: several values during a rotation; calls use the first one, and each of them may sign a webhook."""

    account_sid: str
    auth_token: str | tuple[str, ...] = secret()
    api_key_sid: str = ""  # with its secret: used for calls instead of the auth token
    api_key_secret: str = secret(default="")
    sender: str = ""  # From: a number, short code or name
    messaging_service_sid: str = ""
    senders: tuple[str, ...] = ()  # numbers and services that a message may set in its `extra` instead
    base_url: str = "https://api.twilio.com"  # tests use another one
    smart_encoded: bool = False  # let Twilio replace characters with similar ones of the GSM alphabet
    max_parts: int = 11  # SMS of one text: as many as 1600 characters of the GSM alphabet need

    @property
    def auth_tokens(self) -> tuple[str, ...]:
        return several(self.auth_token)


class TwilioSMS(BaseBackend):
    """A number or messaging service of a Twilio account."""

    Options = TwilioOptions
    options: TwilioOptions
    provider = "Twilio"
    extra = EXTRA
    tested = "emulator"
    limits = LIMITS
    capabilities = Capabilities(content=frozenset({Text}), revoke=True, status=True)

    def check(self, content: Content) -> list[str]:
        if not isinstance(content, Text):
            return []
        problem = self._too_long(content.text, smart=self.options.smart_encoded)
        return [problem] if problem else []

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        return [
            *super().refused_extra(extra),
            *(name for name in extra if self._is_foreign(name, extra[name])),
        ]

    def _is_foreign(self, name: str, value: Any) -> bool:
        """Return whether the field sets a sender that the options do not list."""
        options = self.options
        allowed = {None, options.sender, options.messaging_service_sid, *options.senders}
        return name in SENDERS and (not isinstance(value, str | None) or value not in allowed)

    def problems(self) -> list[str]:
        return list(self._problems())

    def _problems(self) -> Iterator[str]:
        options = self.options
        if not options.account_sid:
            yield "account_sid is empty"
        if not options.auth_tokens or not all(options.auth_tokens):
            yield "auth_token is empty: no webhook can be verified"
        if bool(options.api_key_sid) != bool(options.api_key_secret):
            yield "api_key_sid and api_key_secret must be set together"
        if not options.sender and not options.messaging_service_sid:
            yield "sender and messaging_service_sid are both empty: Twilio needs one of them"
        if options.max_parts < 1:
            yield "max_parts must be at least 1"
        address = urlsplit(options.base_url)
        if address.scheme != "https" and address.hostname not in {"localhost", "127.0.0.1", "::1"}:
            yield "base_url must begin with https://, since every request carries the account's secret"
        if "_" in (urlsplit(self.webhook_url).hostname or ""):
            yield "the host in PUBLIC_URL has an underscore: Twilio does not send callbacks to such hosts"

    # Sending.

    def send(self, outbound: Outbound) -> SendResult:
        """POST to Messages.json. Twilio sends repeats again; its id is stored, and the callback's URL carries ours."""
        given = outbound.extra.get("SmartEncoded", self.options.smart_encoded)
        if problem := self._too_long(outbound.text, smart=str(given).lower() == "true"):
            raise Refused(problem, code="too_long")
        hidden = telling(outbound.text)
        table = errors.WITH_OWN_SENDER if SENDERS & outbound.extra.keys() else errors.ERRORS
        reply = self._call("POST", "Messages.json", self._fields(outbound), hidden, table)
        if not (sid := _sid(reply)):
            raise Unreadable(http.without(reply, "a message's sid"))
        if _value(reply, "status") in {"failed", "undelivered"}:  # failed immediately: no callback follows
            raise _failed(reply, [*self.options.secrets(), *reply.credentials, *hidden])
        return SendResult(sid)

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool:
        """Cancel a message. Only a scheduled one can be revoked, and only with Twilio's id."""
        if not provider_id or not (reply := self._about(provider_id, "POST", {"Status": "canceled"})):
            return False
        return _value(reply, "status") == "canceled"

    def status(self, transmission: UUID, to: str, provider_id: str = "") -> list[Receipt]:
        """Return the message's status at Twilio as a receipt, or nothing for an unknown message."""
        if not provider_id or not (reply := self._about(provider_id, "GET")):
            return []
        status, code = _value(reply, "status"), _value(reply, "error_code")
        return [webhook.receipt(transmission, provider_id, status, code)] if status else []

    def _about(self, sid: str, method: str, fields: Mapping[str, Any] | None = None) -> http.Reply | None:
        """Return what Twilio says about a message, or None if it refuses with an error number. Raises other errors."""
        path = f"Messages/{quote(sid, safe='')}.json"
        try:
            reply = self._call(method, path, fields, table=errors.ABOUT_A_MESSAGE, own=_is_numbered)
        except Forbidden:  # says nothing about the message
            raise
        except Refused:
            return None
        if not _sid(reply):
            raise http.unread(reply, "a message's sid")
        return reply

    def _fields(self, outbound: Outbound) -> dict[str, Any]:
        options = self.options
        fields = {
            "To": outbound.to,
            "From": options.sender,
            "MessagingServiceSid": options.messaging_service_sid,
            "Body": outbound.text.encode("utf-8", "replace").decode(),
            "StatusCallback": f"{self.webhook_url}?id={outbound.id}" if self.webhook_url else "",
            "ValidityPeriod": _validity(outbound.expires_at),
            "SmartEncoded": "true" if options.smart_encoded else "",
            **{
                name: _written(value)
                for name, value in outbound.extra.items()
                if name in EXTRA and not self._is_foreign(name, value)
            },
        }
        return {name: value for name, value in fields.items() if value}

    def _too_long(self, text: str, *, smart: bool) -> str:
        """Return why the text is too long, or an empty string. `smart`: Twilio replaces what the GSM alphabet lacks."""
        if problem := next(LIMITS.problems(Text(text)), "") if text.strip() else "":
            return problem
        parts, most = segments(encoded(text) if smart else text).parts, self.options.max_parts
        return f"text: {parts} SMS, max_parts allows {most}" if parts > most else ""

    def _call(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any] | None = None,
        hidden: Iterable[str] = (),
        table: http.Errors = errors.ERRORS,
        own: http.Own = http.empty_or_json,
    ) -> http.Reply:
        """Make one request for this account."""
        options = self.options
        url = (
            f"{options.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(options.account_sid, safe='')}/{path}"
        )
        secrets = [*options.secrets(), *hidden]
        reply = http.call(
            method,
            url,
            data=urlencode(fields, doseq=True).encode() if fields else None,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            auth=_credentials(options),
            timeout=options.timeout,
            repeatable=method == "GET",
            raise_errors=False,
        )
        detail = f"{_value(reply, 'code')} {_value(reply, 'message')}".strip()
        if error := http.judge(reply, errors=table, code_of=_code, own=own, secrets=secrets, detail=detail):
            raise error
        return reply

    # Webhooks.

    def media_origins(self) -> list[str]:
        """Return the API's address, where media may need basic authentication; redirects to storage do not."""
        return [self.options.base_url]

    def media_headers(self) -> dict[str, str]:
        return {"Authorization": f"Basic {http.basic(*_credentials(self.options))}"}

    def verify(self, request: WebhookRequest) -> None:
        signature.verify(request, self.webhook_url, self.options.auth_tokens)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        return webhook.dedupe_key(signature.parameters(request), request.query.get("id", ""))

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return webhook.parse(signature.parameters(request), request.query.get("id", ""))

    def acknowledge(self) -> WebhookAnswer:
        """Return TwiML that sends no reply; replies are sent like every message."""
        return WebhookAnswer(200, "<Response/>", "text/xml")


def _credentials(options: TwilioOptions) -> tuple[str, str]:
    if options.api_key_sid:
        return options.api_key_sid, options.api_key_secret
    return options.account_sid, (options.auth_tokens or ("",))[0]


def _written(value: Any) -> Any:
    """Return a value as the form needs it: lower-case booleans, several values as a list, an empty string for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return [str(one) for one in value] if isinstance(value, list | tuple) else str(value)


def _validity(expires_at: datetime | None) -> str:
    """Return the whole seconds left, at least 1."""
    if expires_at is None:
        return ""
    left = int((expires_at - datetime.now(UTC)).total_seconds())
    return str(min(max(left, 1), MAX_VALIDITY))


def _value(reply: http.Reply, name: str) -> str:
    """Return a string or number of the answer as a string, or an empty string."""
    answer = reply.json()
    value = answer.get(name) if isinstance(answer, Mapping) else None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _sid(reply: http.Reply) -> str:
    """Return the message's sid, or an empty string if it is not in Twilio's format."""
    sid = _value(reply, "sid")
    return sid if re.fullmatch(r"[SM]M\w{1,64}", sid, re.ASCII) else ""


def _is_numbered(reply: http.Reply) -> bool:
    """Return whether an error has a Twilio number: a bare 404 may come from anywhere."""
    return _value(reply, "code").isdecimal()


def _code(reply: http.Reply) -> str:
    return errors.error_code(_value(reply, "code"))


def _failed(reply: http.Reply, secrets: Iterable[str]) -> SendError:
    code = _value(reply, "error_code")
    name = errors.error_code(code)
    known = errors.ERRORS.get(name)
    detail = f"Twilio accepted the message, then it failed: {code} {_value(reply, 'error_message')}"
    return (known or Refused)(http.redact(detail.strip(" :"), secrets), code=name if known else "")
