"""Send SMS through Kannel's sendsms, and parse Kannel's delivery reports and incoming SMS.

Source: the Kannel User Guide, and a test of Kannel 1.4.5 (November 2026).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from rcs_backends import charsets, http
from rcs_backends.payload import telling
from rcs_backends.reading import digest, is_one_of, text, uuid
from rcs_router.content import Content, Text
from rcs_router.content.segments import encoding, segments
from rcs_router.contract import (
    BaseBackend,
    Capabilities,
    Incoming,
    IncomingKind,
    Options,
    Outbound,
    Parsed,
    Receipt,
    ReceiptKind,
    SendResult,
    WebhookRequest,
    secret,
    several,
)
from rcs_router.errors import (
    Ambiguous,
    BadAddress,
    Misconfigured,
    Refused,
    SendError,
    Unavailable,
    Unreadable,
    WebhookRefused,
)

# How the body of an error answer begins → our error code.
CODES = {
    "Authorization failed": "authorization_failed",
    "Not routable": "not_routable",
    "Sender missing": "sender_missing",
}
ERRORS: http.Errors = {
    "authorization_failed": Misconfigured,
    "not_routable": Refused,
    "sender_missing": Misconfigured,
    400: Refused,
    404: Misconfigured,  # the path is not that of sendsms-url
    502: Ambiguous,  # a proxy before Kannel sends these two, and may have passed the message on
    503: Unavailable,
    504: Ambiguous,
}
# For a rejected message, an SMPP link reports `NACK/` and the command status (SMPP 3.4, 5.1.3; Kannel 1.4.5).
REJECTED: Mapping[str, type[SendError]] = {
    "0x0000000b": BadAddress,  # ESME_RINVDSTADR
}
# Delivery report values (dlr-mask bits).
REPORTS = {
    "1": (ReceiptKind.DELIVERED, ""),
    "2": (ReceiptKind.FAILED, "undelivered"),
    "4": (ReceiptKind.ACCEPTED, "buffered"),
    "8": (ReceiptKind.ACCEPTED, ""),
    "16": (ReceiptKind.FAILED, "rejected"),
}
ALL_REPORTS = "31"
LOCAL = re.compile(r"localhost|::1|127(\.\d{1,3}){3}")
REPORT_QUERY = "status=%d&text=%A&at=%T"  # Kannel replaces the escapes
EXTRA = frozenset(
    {"from", "smsc", "mclass", "priority", "deferred", "pid", "alt-dcs", "account", "binfo", "meta-data"}
)


@dataclass(frozen=True)
class KannelOptions(Options):
    """`url`: that of sendsms. `webhook_secret`: letters, digits, `-` `.` `_` `~`; several values during a rotation."""

    url: str
    username: str
    password: str = secret()
    webhook_secret: str | tuple[str, ...] = secret()
    sender: str = ""  # empty: the default-sender of the sendsms-user
    senders: tuple[str, ...] = ()  # further senders that a message may set as `from` in its `extra`
    smsc: str = ""  # route; empty: Kannel chooses
    max_parts: int = 10  # at most the sendsms-user's max-messages: Kannel truncates longer texts silently
    priority: int = 0  # 0 to 3; 3 is the highest

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        return several(self.webhook_secret)


class Kannel(BaseBackend):
    """One sendsms-user of a Kannel gateway."""

    Options = KannelOptions
    options: KannelOptions
    provider = "Kannel"
    extra = EXTRA
    tested = "emulator"
    capabilities = Capabilities(content=frozenset({Text}))

    def check(self, content: Content) -> list[str]:
        return [problem] if isinstance(content, Text) and (problem := self._too_long(content.text)) else []

    def refused_extra(self, extra: Mapping[str, Any]) -> list[str]:
        return [
            *super().refused_extra(extra),
            *(name for name in extra if self._is_foreign(name, extra[name])),
        ]

    def _is_foreign(self, name: str, value: Any) -> bool:
        """Return whether the parameter sets a sender that the options do not list."""
        allowed = {None, self.options.sender, *self.options.senders}
        return name == "from" and (not isinstance(value, str | None) or value not in allowed)

    def problems(self) -> list[str]:
        options = self.options
        secrets = options.webhook_secrets
        found = {
            "url is not an http or https address": urlsplit(options.url).scheme not in {"http", "https"},
            "max_parts must be at least 1": options.max_parts < 1,
            "priority must be 0, 1, 2 or 3": options.priority not in range(4),
            "webhook_secret is empty: no webhook can be verified": not secrets or not all(secrets),
            "webhook_secret may hold only letters, digits and - . _ ~, since Kannel reads % as an escape": any(
                not re.fullmatch(r"[A-Za-z0-9._~-]*", value) for value in secrets
            ),
        }
        return [problem for problem, is_so in found.items() if is_so]

    def warnings(self) -> list[str]:
        """Warn of plain http to another host; it is Kannel's default, meant for the same host or a local tunnel."""
        address = urlsplit(self.options.url)
        is_near = bool(LOCAL.fullmatch(address.hostname or ""))
        if address.scheme != "http" or is_near:
            return []
        return ["url uses plain http to another host: password, numbers and texts can be read in transit"]

    def send(self, outbound: Outbound) -> SendResult:
        """Send one GET to sendsms. Kannel returns no id and sends repeats again; reports carry our id from dlr-url."""
        if problem := self._too_long(outbound.text):
            raise Refused(problem, code="too_long")
        reply = http.call(
            "GET",
            self.options.url,
            params=self._parameters(outbound),
            timeout=self.options.timeout,
            secrets=[*self.options.secrets(), *telling(outbound.text)],
            errors=ERRORS,
            code_of=_code_of,
            own=lambda reply: not reply.is_markup,  # Kannel labels its plain-text errors text/html
        )
        if reply.text.startswith(("0:", "3:")):  # 3: no link is free now, and Kannel queues the message
            return SendResult(code="queued" if reply.text.startswith("3:") else "")
        raise Unreadable(http.without(reply, "Kannel's 0: or 3:"))

    def _too_long(self, text: str) -> str:
        parts = segments(text).parts
        return (
            f"text: {parts} SMS, max_parts allows {self.options.max_parts}"
            if parts > self.options.max_parts
            else ""
        )

    def _parameters(self, outbound: Outbound) -> dict[str, str | bytes]:
        options = self.options
        parameters: dict[str, str | bytes] = {
            "username": options.username,
            "password": options.password,
            "to": outbound.to,
            "text": outbound.text.encode("utf-8", "replace"),
            "charset": "UTF-8",
            "coding": "0" if encoding(outbound.text) == "gsm7" else "2",
            "from": options.sender,
            "smsc": options.smsc,
            "priority": str(options.priority or ""),
            "validity": _minutes(outbound.expires_at),
            **self._report(outbound.id),
            **{
                name: "" if value is None else str(value)
                for name, value in outbound.extra.items()
                if name in EXTRA and not self._is_foreign(name, value)
            },
        }
        return {name: value for name, value in parameters.items() if value}

    def _report(self, transmission: UUID) -> dict[str, str]:
        """Return the parameters that request delivery reports; none without a public URL."""
        if not self.webhook_url:
            return {}
        own_query = urlencode({"secret": self.options.webhook_secrets[0], "id": transmission})
        return {"dlr-mask": ALL_REPORTS, "dlr-url": f"{self.webhook_url}?{own_query}&{REPORT_QUERY}"}

    # Webhooks.

    def verify(self, request: WebhookRequest) -> None:
        if request.method not in {"GET", "POST"}:
            raise WebhookRefused("neither GET nor POST", status=405)
        if not is_one_of(request.query.get("secret", ""), self.options.webhook_secrets):
            raise WebhookRefused("the secret does not match", status=403)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """Return our id and the status for a report; for an SMS, Kannel's %I, which its repeats share."""
        query = request.query
        if "status" in query:
            return f"dlr:{digest(query.get('id', ''), query['status'])}"
        return f"mo:{digest(query['sms_id'])}" if query.get("sms_id") else None

    def kept(self, request: WebhookRequest) -> WebhookRequest:
        """Return the request without the secret, and with the text of an SMS decoded from its charset."""
        kept = super().kept(request)
        values = charsets.values_of(request.raw_query)
        if request.method != "GET" or "status" in request.query or "text" not in values:
            return kept
        return replace(kept, query=charsets.read(kept.query, values["text"]))

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """Parse one report (it has a `status`) or one SMS. Raises ValueError for any other request."""
        if "status" in request.query:
            return [_receipt(request.query)]
        return [
            _incoming(_posted(request) if request.method == "POST" else charsets.recovered(request.query))
        ]


def _code_of(reply: http.Reply) -> str:
    return next((code for start, code in CODES.items() if reply.text.startswith(start)), "")


def _minutes(expires_at: datetime | None) -> str:
    """Return the whole minutes left, at least 1: with 0, the SMSC would apply its default of days."""
    if expires_at is None:
        return ""
    return str(max(int((expires_at - datetime.now(UTC)).total_seconds() // 60), 1))


def _receipt(query: Mapping[str, str]) -> Receipt:
    name, status = text(query.get("id", "")), text(query["status"])
    if not name:
        raise ValueError("a delivery report without id")
    kind, code = REPORTS.get(status, (ReceiptKind.UNKNOWN, f"dlr_{status}"[:20]))
    # An SMPP receipt ends with the first words of the message.
    detail = re.split(r"(?i)\btext:", query.get("text", ""))[0]
    nack = re.match(r"NACK/(0x[0-9a-f]{8})/", detail)
    error = REJECTED.get(nack[1]) if nack and kind is ReceiptKind.FAILED else None
    transmission = uuid(name)
    return Receipt(
        kind,
        transmission=transmission,
        provider_id="" if transmission else name,
        at=_time(query.get("at", "")),
        event_id=f"{name}:{status}",
        code=error.code if error else code,
        detail=http.redact(text(detail).strip()),
        error=error,
    )


def _incoming(query: Mapping[str, str]) -> Incoming:
    sender = text(query.get("from") or query.get("id") or "")
    if not sender.strip() or "text" not in query:
        raise ValueError("neither a delivery report (status) nor an SMS (from and text)")
    raw, is_garbled = query.get(charsets.RAW, ""), charsets.is_garbled(query)
    fields = {"to": query.get("to", ""), charsets.RAW: raw}
    fields["charset"] = query.get("charset", "") if raw or is_garbled else ""
    return Incoming(
        IncomingKind.UNKNOWN if is_garbled else IncomingKind.TEXT,
        _number(sender),
        id=text(query.get("sms_id", "")),
        text=text(query["text"]),
        at=_time(query.get("at", "")),
        fields={name: text(value) for name, value in fields.items() if value},
    )


def _posted(request: WebhookRequest) -> dict[str, str]:
    """Read a request of Kannel's post-url: the text is the body, the rest is in X-Kannel headers and the query."""
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    given = {name: request.headers.get(f"x-kannel-{name}", "") for name in ("from", "to", "coding")}
    query = {**request.query, **{name: value for name, value in given.items() if value}}
    query["charset"] = str(header.get_param("charset") or query.get("charset", ""))
    return charsets.read(query, request.body)


def _number(sender: str) -> str:
    """Return a number as E.164: SMSCs omit the plus or write 00. Short codes and names are not changed."""
    sender = sender.strip()
    digits = sender.removeprefix("+").removeprefix("00")
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{8,14}", digits) else sender


def _time(value: str) -> datetime | None:
    """Parse Kannel's %T: seconds since 1970."""
    return datetime.fromtimestamp(int(value), UTC) if re.fullmatch(r"[0-9]{1,11}", value) else None
