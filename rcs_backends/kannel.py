"""Outbound → an SMS through Kannel's sendsms; Kannel's delivery reports and incoming SMS → receipts and incomings.

Source: the Kannel User Guide, and what Kannel 1.4.5 did when it was tried (November 2026).
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

# How the body of an error answer begins → our word for it.
WORDS = {
    "Authorization failed": "authorization_failed",
    "Not routable": "not_routable",
    "Sender missing": "sender_missing",
}
ERRORS: http.Errors = {
    "authorization_failed": Misconfigured,
    "not_routable": Refused,
    "sender_missing": Misconfigured,
    400: Refused,
    404: Misconfigured,  # another path than sendsms-url
    502: Ambiguous,  # these two come from a proxy before Kannel, which may have passed the message on
    503: Unavailable,
    504: Ambiguous,
}
# What an SMPP link says of a rejected message begins `NACK/` and its command status (SMPP 3.4, 5.1.3; Kannel 1.4.5).
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
REPORT_QUERY = "status=%d&text=%A&at=%T"  # Kannel fills in the escapes
EXTRA = frozenset(
    {"from", "smsc", "mclass", "priority", "deferred", "pid", "alt-dcs", "account", "binfo", "meta-data"}
)


@dataclass(frozen=True)
class KannelOptions(Options):
    """`url`: of sendsms. `webhook_secret`: letters, digits, `-` `.` `_` `~`; several while you change it."""

    url: str
    username: str
    password: str = secret()
    webhook_secret: str | tuple[str, ...] = secret()
    sender: str = ""  # empty: the sendsms-user's default-sender
    senders: tuple[str, ...] = ()  # others that a message may name as `from` in its `extra`
    smsc: str = ""  # route; empty: Kannel decides
    max_parts: int = 10  # not more than the sendsms-user's max-messages: Kannel cuts longer texts silently
    priority: int = 0  # 0 to 3, the highest

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
        """A sender that is not one of ours."""
        ours = {None, self.options.sender, *self.options.senders}
        return name == "from" and (not isinstance(value, str | None) or value not in ours)

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
        """Kannel speaks http by default: that is for the same machine, or a tunnel that ends on it."""
        address = urlsplit(self.options.url)
        is_near = bool(LOCAL.fullmatch(address.hostname or ""))
        if address.scheme != "http" or is_near:
            return []
        return ["url is plain http to another machine: password, numbers and texts can be read on the way"]

    def send(self, outbound: Outbound) -> SendResult:
        """One GET to sendsms. Kannel gives no id and sends repeats again; reports find us by our id in dlr-url."""
        if problem := self._too_long(outbound.text):
            raise Refused(problem, code="too_long")
        reply = http.call(
            "GET",
            self.options.url,
            params=self._parameters(outbound),
            timeout=self.options.timeout,
            secrets=[*self.options.secrets(), *telling(outbound.text)],
            errors=ERRORS,
            code_of=_word,
            own=lambda reply: not reply.is_markup,  # Kannel's plain words are called text/html
        )
        if reply.text.startswith(("0:", "3:")):  # 3: no link could take it now, and Kannel keeps it
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
        """Where Kannel reports what becomes of the message; nowhere while our own address is not known."""
        if not self.webhook_url:
            return {}
        ours = urlencode({"secret": self.options.webhook_secrets[0], "id": transmission})
        return {"dlr-mask": ALL_REPORTS, "dlr-url": f"{self.webhook_url}?{ours}&{REPORT_QUERY}"}

    # In.

    def verify(self, request: WebhookRequest) -> None:
        if request.method not in {"GET", "POST"}:
            raise WebhookRefused("neither GET nor POST", status=405)
        if not is_one_of(request.query.get("secret", ""), self.options.webhook_secrets):
            raise WebhookRefused("the secret does not match", status=403)

    def dedupe_key(self, request: WebhookRequest) -> str | None:
        """A report by our id and its value. An SMS by Kannel's %I, which stays the same when Kannel repeats it."""
        query = request.query
        if "status" in query:
            return f"dlr:{digest(query.get('id', ''), query['status'])}"
        return f"mo:{digest(query['sms_id'])}" if query.get("sms_id") else None

    def kept(self, request: WebhookRequest) -> WebhookRequest:
        """Without the secret, and with the text of an SMS as it was meant, whatever its charset."""
        kept = super().kept(request)
        values = charsets.values_of(request.raw_query)
        if request.method != "GET" or "status" in request.query or "text" not in values:
            return kept
        return replace(kept, query=charsets.read(kept.query, values["text"]))

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        """One report (it has a `status`) or one SMS. Raises ValueError for a request that is neither."""
        if "status" in request.query:
            return [_receipt(request.query)]
        return [
            _incoming(_posted(request) if request.method == "POST" else charsets.recovered(request.query))
        ]


def _word(reply: http.Reply) -> str:
    return next((word for start, word in WORDS.items() if reply.text.startswith(start)), "")


def _minutes(expires_at: datetime | None) -> str:
    """Whole minutes for the SMSC, at least one: 0 would mean its default of days."""
    if expires_at is None:
        return ""
    return str(max(int((expires_at - datetime.now(UTC)).total_seconds() // 60), 1))


def _receipt(query: Mapping[str, str]) -> Receipt:
    name, status = text(query.get("id", "")), text(query["status"])
    if not name:
        raise ValueError("a delivery report without id")
    kind, code = REPORTS.get(status, (ReceiptKind.UNKNOWN, f"dlr_{status}"[:20]))
    detail = re.split(r"(?i)\btext:", query.get("text", ""))[
        0
    ]  # an SMPP receipt ends in the message's first words
    nack = re.match(r"NACK/(0x[0-9a-f]{8})/", detail)
    error = REJECTED.get(nack[1]) if nack and kind is ReceiptKind.FAILED else None
    ours = uuid(name)
    return Receipt(
        kind,
        transmission=ours,
        provider_id="" if ours else name,
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
    """Kannel's post-url: the text is the body, the rest is in X-Kannel headers, the secret in the address."""
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    told = {name: request.headers.get(f"x-kannel-{name}", "") for name in ("from", "to", "coding")}
    query = {**request.query, **{name: value for name, value in told.items() if value}}
    query["charset"] = str(header.get_param("charset") or query.get("charset", ""))
    return charsets.read(query, request.body)


def _number(sender: str) -> str:
    """E.164 where it is one: SMSCs leave the plus out or write 00. Short codes and names stay as they are."""
    sender = sender.strip()
    digits = sender.removeprefix("+").removeprefix("00")
    return f"+{digits}" if re.fullmatch(r"[1-9][0-9]{8,14}", digits) else sender


def _time(value: str) -> datetime | None:
    """Kannel's %T: seconds since 1970."""
    return datetime.fromtimestamp(int(value), UTC) if re.fullmatch(r"[0-9]{1,11}", value) else None
